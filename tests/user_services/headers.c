// SPDX-License-Identifier: GPL-2.0
/* A piece of a driver: compiled with the kernel's headers, and run in a process. */
#include <linux/bitmap.h>
#include <linux/bitops.h>
#include <linux/bottom_half.h>
#include <linux/bug.h>
#include <linux/ctype.h>
#include <linux/delay.h>
#include <linux/io.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/netdevice.h>
#include <linux/preempt.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

static DEFINE_SPINLOCK(lock);

/* Return: 0, or the line of what is not true */
int driver(int number)
{
	u8 mac[6] = { 0, 1, 2, 3, 4, 255 }, registers[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };
	DECLARE_BITMAP(map, 100);
	char text[40], *copy;
	unsigned long flags;

	snprintf(text, sizeof(text), "%pM %*phC", mac, 2, mac);
	if (strcmp(text, "00:01:02:03:04:ff 00:01"))
		return __LINE__;
	copy = kasprintf(GFP_KERNEL, "%s|%d", text, number);
	if (!copy || strlen(copy) != 25 || !isdigit(copy[24]) || ksize(copy) < 26)
		return __LINE__;
	kfree(copy);
	copy = kzalloc(number * 100, GFP_KERNEL);
	if (!copy || memchr_inv(copy, 0, number * 100))
		return __LINE__;
	kfree(copy);
	copy = kmalloc(64, GFP_ATOMIC);
	if (!copy || strscpy(copy, "name", 4) != -E2BIG || strcmp(copy, "nam"))
		return __LINE__;
	kfree(copy);
	preempt_disable();
	local_bh_disable();
	if (!in_softirq() || !preempt_count())
		return __LINE__;
	local_bh_enable();
	preempt_enable();
	if (preempt_count() || signal_pending(current))
		return __LINE__;
	spin_lock_irqsave(&lock, flags);
	spin_unlock_irqrestore(&lock, flags);
	spin_lock_bh(&lock);
	spin_unlock_bh(&lock);
	if (hweight32(number * 0x01010101) != 4 * hweight8(number) || hweight64(~0ULL) != 64)
		return __LINE__;
	bitmap_zero(map, 100);
	bitmap_set(map, 70, number);
	if (find_first_bit(map, 100) != 70 || bitmap_weight(map, 100) != number)
		return __LINE__;
	if (ioread32((void __iomem *)registers) != 0x04030201)
		return __LINE__;
	memcpy_fromio(text, (void __iomem *)registers, 8);
	if (memcmp(text, registers, 8))
		return __LINE__;
	udelay(number);
	might_sleep();
	if (!time_after(jiffies + HZ, jiffies))
		return __LINE__;
	pr_info("number %d\n", number);
	netdev_warn(NULL, "no device %pe\n", ERR_PTR(-ENODEV));
	if (!WARN(number == 3, "is %d\n", number))
		return __LINE__;
	if (WARN_ON_ONCE(number == 4))
		return __LINE__;
	return 0;
}
