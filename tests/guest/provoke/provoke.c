// SPDX-License-Identifier: GPL-2.0
/*
 * Deeds that the kernel reports, one for each name that is written to /dev/provoke
 *
 * Each deed is a function of its own, which the reader of kernel logs must
 * blame: deed_NAME(). Some end the kernel, and most the thread that writes.
 */
#include <linux/delay.h>
#include <linux/etherdevice.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/kfence.h>
#include <linux/kobject.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/namei.h>
#include <linux/netdevice.h>
#include <linux/nmi.h>
#include <linux/oom.h>
#include <linux/refcount.h>
#include <linux/rtnetlink.h>
#include <linux/skbuff.h>
#include <linux/slab.h>
#include <linux/sysfs.h>
#include <linux/uaccess.h>
#include <linux/workqueue.h>

#define DEED static noinline void

static char __user *user_buffer; /* of the write that provokes */
static size_t volatile user_bytes;
static void *volatile place;
static unsigned long volatile number;
static struct kmem_cache *cache;

/* ------------------------------------------------ faults of the processor */

DEED deed_null_read(void)
{
	place = NULL;
	number = *(unsigned long *)place;
}

DEED deed_null_write(void)
{
	place = NULL;
	((unsigned long *)place)[3] = 1;
}

DEED deed_null_call(void)
{
	place = NULL;
	((void (*)(void))place)();
	number++;
}

DEED deed_wild_read(void)
{
	place = (void *)0xffffdead00000000;
	number = *(unsigned long *)place;
}

DEED deed_write_to_text(void)
{
	place = ktime_get;
	*(u8 *)place = 0xcc;
}

DEED deed_run_data(void)
{
	static u8 data[] = { 0xc3 };

	((void (*)(void))data)();
	number++;
}

DEED deed_non_canonical(void)
{
	place = (void *)0x0dead00000000000;
	number = *(unsigned long *)place;
}

DEED deed_undefined(void)
{
	asm volatile("ud2");
}

DEED deed_bug(void)
{
	BUG();
}

DEED deed_divide(void)
{
	unsigned long zero = 0;

	asm volatile("divq %1" : : "a"(1UL), "r"(zero), "d"(0UL));
}

DEED deed_breakpoint(void)
{
	asm volatile("int3");
}

static noinline unsigned long deed_deep(unsigned long depth)
{
	volatile u8 frame[256];

	frame[depth % sizeof(frame)] = depth;
	return depth ? deed_deep(depth - 1) + frame[depth % 7] : 0;
}

DEED deed_stack(void)
{
	number = deed_deep(1 << 20);
}

/* --------------------------------------------------- checks of the library */

DEED deed_warn(void)
{
	WARN_ON(1);
}

DEED deed_warn_in_words(void)
{
	WARN(1, "the ring holds %d of 8 descriptors\n", 9);
}

static refcount_t count;

DEED deed_refcount_underflow(void)
{
	refcount_set(&count, 0);
	if (refcount_dec_and_test(&count))
		number++;
}

DEED deed_refcount_from_zero(void)
{
	refcount_set(&count, 0);
	refcount_inc(&count);
}

DEED deed_refcount_saturated(void)
{
	refcount_set(&count, -3);
	refcount_inc(&count);
}

DEED deed_refcount_leaked(void)
{
	refcount_set(&count, 1);
	refcount_dec(&count);
}

static LIST_HEAD(list);
static struct list_head items[2];

DEED deed_list_add(void)
{
	INIT_LIST_HEAD(&list);
	list_add(&items[0], &list);
	list.next->prev = &items[1];
	list_add(&items[1], &list);
}

DEED deed_list_add_twice(void)
{
	INIT_LIST_HEAD(&list);
	list_add(&items[0], &list);
	list_add(&items[0], &list);
}

DEED deed_list_del_twice(void)
{
	INIT_LIST_HEAD(&list);
	list_add(&items[0], &list);
	list_del(&items[0]);
	list_del(&items[0]);
}

DEED deed_list_del(void)
{
	INIT_LIST_HEAD(&list);
	list_add(&items[0], &list);
	list.next = &items[1];
	list_del(&items[0]);
}

DEED deed_copy_out(void)
{
	place = kmalloc(64, GFP_KERNEL);
	user_bytes = 128;
	if (place && copy_to_user(user_buffer, place, user_bytes))
		number++;
	kfree(place);
}

DEED deed_copy_in(void)
{
	place = kmalloc(64, GFP_KERNEL);
	user_bytes = 128;
	if (place && copy_from_user(place, user_buffer, user_bytes))
		number++;
	kfree(place);
}

DEED deed_copy_too_much(void)
{
	char *kept = kmalloc(64, GFP_KERNEL);

	user_bytes = 128;
	if (kept && copy_to_user(user_buffer, kept, user_bytes))
		number++;
	kfree(kept);
}

struct packed {
	char name[8];
	char next[64];
};

DEED deed_memcpy(void)
{
	struct packed *packed = kzalloc(sizeof(*packed), GFP_KERNEL);
	static char source[64];

	user_bytes = 16;
	if (packed)
		memcpy(packed->name, source, user_bytes);
	kfree(packed);
}

DEED deed_strcpy(void)
{
	struct packed *packed = kzalloc(sizeof(*packed), GFP_KERNEL);
	static char source[32] = "longer than eight characters";

	if (packed)
		strcpy(packed->name, source + number % 2);
	kfree(packed);
}

DEED deed_skb_over(void)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);

	if (skb)
		skb_put(skb, 4096);
}

DEED deed_skb_under(void)
{
	struct sk_buff *skb = alloc_skb(64, GFP_KERNEL);

	if (skb)
		skb_push(skb, 64);
}

DEED deed_kobject(void)
{
	static struct kobject never;

	kobject_put(&never);
}

DEED deed_sysfs(void)
{
	struct kobject *first = kobject_create_and_add("provoked", NULL);
	struct kobject *second = kobject_create_and_add("provoked", NULL);

	kobject_put(second);
	kobject_put(first);
}

/* ------------------------------------------------------------------ memory */

DEED deed_slab_redzone(void)
{
	u8 *kept = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!kept)
		return;
	kept[72] = 1;
	kmem_cache_free(cache, kept);
}

DEED deed_slab_poison(void)
{
	u8 *kept = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!kept)
		return;
	kmem_cache_free(cache, kept);
	kept[8] = 1;
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
}

DEED deed_slab_free_twice(void)
{
	u8 *kept = kmem_cache_alloc(cache, GFP_KERNEL);

	if (!kept)
		return;
	kmem_cache_free(cache, kept);
	kmem_cache_free(cache, kept);
}

DEED deed_slab_free_inside(void)
{
	u8 *kept = kmem_cache_alloc(cache, GFP_KERNEL);

	if (kept)
		kmem_cache_free(cache, kept + 8);
}

DEED deed_page_state(void)
{
	struct page *page = alloc_page(GFP_KERNEL);

	if (!page)
		return;
	page->mapping = (void *)0x40;
	__free_page(page);
}

DEED deed_rss(void)
{
	percpu_counter_add(&current->mm->rss_stat[MM_ANONPAGES], 3);
}

DEED deed_page_allocation(void)
{
	struct page *page;
	LIST_HEAD(taken);

	while ((page = alloc_pages(GFP_ATOMIC, MAX_PAGE_ORDER))) {
		list_add(&page->lru, &taken);
		cond_resched();
	}
	while ((page = list_first_entry_or_null(&taken, struct page, lru))) {
		list_del(&page->lru);
		__free_pages(page, MAX_PAGE_ORDER);
	}
}

/* Memory that KFENCE guards: one allocation in every so many is. */
static u8 *guarded(void)
{
	u8 *kept;
	int n;

	for (n = 0; n < 1000; n++) {
		kept = kmalloc(40, GFP_KERNEL);
		if (!kept || is_kfence_address(kept))
			return kept;
		kfree(kept);
		usleep_range(1000, 2000);
	}
	return NULL;
}

DEED deed_kfence_use(void)
{
	u8 *kept = guarded();

	if (!kept)
		return;
	kfree(kept);
	number = *(u8 volatile *)kept;
}

DEED deed_kfence_bounds(void)
{
	u8 *kept = guarded();

	if (!kept)
		return;
	number = *(u8 volatile *)((unsigned long)kept | (PAGE_SIZE - 1)) + *(u8 volatile *)PTR_ALIGN(kept + 40, PAGE_SIZE);
	kfree(kept);
}

DEED deed_kfence_free(void)
{
	u8 *kept = guarded();

	if (!kept)
		return;
	kfree(kept);
	kfree(kept);
}

DEED deed_kfence_corrupt(void)
{
	u8 *kept = guarded();

	if (!kept)
		return;
	((u8 volatile *)kept)[kept == PTR_ALIGN_DOWN(kept, PAGE_SIZE) ? 41 : -1] = 0x5a;
	kfree(kept);
}

/* ------------------------------------------------------------- file systems */

DEED deed_dentry(void)
{
	struct path path;

	if (kern_path("/mnt/file", 0, &path))
		return;
	dget(path.dentry);
	path_put(&path);
}

DEED deed_inode(void)
{
	struct path path;

	if (kern_path("/mnt/file", 0, &path))
		return;
	ihold(d_inode(path.dentry));
	path_put(&path);
}

/* --------------------------------------------------- scheduling and waiting */

DEED deed_atomic(void)
{
	preempt_disable();
	schedule(); /* and enables preemption */
}

static void deed_leaking_work(struct work_struct *work)
{
	preempt_disable();
}

static DECLARE_WORK(leaking_work, deed_leaking_work);

DEED deed_workqueue(void)
{
	queue_work(system_unbound_wq, &leaking_work);
	msleep(50); /* a flush would queue work of its own behind it */
}

DEED deed_soft_lockup(void)
{
	ktime_t end = ktime_add_ms(ktime_get(), 4000);

	preempt_disable();
	while (ktime_before(ktime_get(), end))
		cpu_relax();
	preempt_enable();
}

static struct rcu_head waiter;

static void deed_waited(struct rcu_head *unused)
{
}

DEED deed_rcu_stall(void)
{
	ktime_t end = ktime_add_ms(ktime_get(), 8000);

	call_rcu(&waiter, deed_waited);
	rcu_read_lock();
	while (ktime_before(ktime_get(), end)) {
		cpu_relax();
		touch_softlockup_watchdog();
	}
	rcu_read_unlock();
}

static int deed_waiting(void *unused)
{
	set_current_state(TASK_UNINTERRUPTIBLE);
	schedule_timeout(20 * HZ);
	return 0;
}

DEED deed_hung_task(void)
{
	kthread_run(deed_waiting, NULL, "provoked-wait");
}

/* -------------------------------------------------- devices and interrupts */

static irqreturn_t deed_not_mine(int irq, void *unused)
{
	return IRQ_NONE;
}

DEED deed_interrupt(void)
{
	int irq = irq_alloc_desc(NUMA_NO_NODE);
	unsigned long flags;
	int n;

	if (irq < 0)
		return;
	irq_set_chip_and_handler(irq, &dummy_irq_chip, handle_simple_irq);
	if (!request_irq(irq, deed_not_mine, IRQF_SHARED, "provoked", &count)) {
		for (n = 0; n < 100000; n++) {
			local_irq_save(flags);
			generic_handle_irq(irq);
			local_irq_restore(flags);
		}
		free_irq(irq, &count);
	}
	irq_free_desc(irq);
}

static netdev_tx_t deed_transmit(struct sk_buff *skb, struct net_device *dev)
{
	netif_stop_queue(dev);
	dev_kfree_skb(skb);
	return NETDEV_TX_OK;
}

static void deed_too_late(struct net_device *dev, unsigned int queue)
{
}

static const struct net_device_ops slow_ops = {
	.ndo_start_xmit = deed_transmit,
	.ndo_tx_timeout = deed_too_late,
};

static struct net_device *slow_device(void)
{
	struct net_device *dev = alloc_etherdev(0);

	if (!dev)
		return NULL;
	dev->netdev_ops = &slow_ops;
	dev->watchdog_timeo = 5 * HZ;
	eth_hw_addr_random(dev);
	if (register_netdev(dev)) {
		free_netdev(dev);
		return NULL;
	}
	return dev;
}

DEED deed_transmit_timeout(void)
{
	struct net_device *dev = slow_device();
	struct sk_buff *skb = alloc_skb(128, GFP_KERNEL);

	if (!dev || !skb)
		return;
	rtnl_lock();
	if (dev_open(dev, NULL))
		number++;
	rtnl_unlock();
	netif_carrier_on(dev);
	msleep(200);
	skb_reserve(skb, 32);
	skb_put_zero(skb, 60);
	skb->dev = dev;
	skb->protocol = htons(ETH_P_LOOPBACK);
	skb_reset_mac_header(skb);
	skb_reset_network_header(skb);
	dev_queue_xmit(skb);
	msleep(9000); /* the watchdog looks at whole seconds */
	unregister_netdev(dev);
	free_netdev(dev);
}

DEED deed_netdevice(void)
{
	struct net_device *dev = slow_device();

	if (!dev)
		return;
	dev_hold(dev);
	unregister_netdev(dev);
}

/* ------------------------------------------------------- ends of the kernel */

DEED deed_stack_protector(void)
{
	volatile unsigned long array[4];
	int n;

	for (n = 0; n < 8; n++)
		array[(number + n) % 16] = 0x41;
}

DEED deed_panic(void)
{
	panic("the flux capacitor is %d %% empty", 88);
}

/* ---------------------------------------------- healthy words of a driver */

DEED deed_words(void)
{
	pr_warn("bad uint32 in descriptor 3\n");
	pr_warn("Oops: tx ring full: dropping\n");
	pr_warn("DEBUG: queue depth 3\n");
	pr_warn("WARNING: queue 2 of 8 is slow\n");
	pr_err("BUG: descriptor 3 is not mine, dropping\n");
	pr_warn("kernel BUG at the door? no\n");
	pr_warn("rcu callback installed\n");
	pr_info("provoke: Kernel panic - not syncing: just joking\n");
}

struct deed {
	const char *name;
	void (*run)(void);
};

#define A_DEED(name) { #name, deed_##name }

static const struct deed deeds[] = {
	A_DEED(null_read),
	A_DEED(null_write),
	A_DEED(null_call),
	A_DEED(wild_read),
	A_DEED(write_to_text),
	A_DEED(run_data),
	A_DEED(non_canonical),
	A_DEED(undefined),
	A_DEED(bug),
	A_DEED(divide),
	A_DEED(breakpoint),
	A_DEED(stack),
	A_DEED(warn),
	A_DEED(warn_in_words),
	A_DEED(refcount_underflow),
	A_DEED(refcount_from_zero),
	A_DEED(refcount_saturated),
	A_DEED(refcount_leaked),
	A_DEED(list_add),
	A_DEED(list_add_twice),
	A_DEED(list_del_twice),
	A_DEED(list_del),
	A_DEED(copy_out),
	A_DEED(copy_in),
	A_DEED(copy_too_much),
	A_DEED(kfence_use),
	A_DEED(kfence_bounds),
	A_DEED(kfence_free),
	A_DEED(kfence_corrupt),
	A_DEED(dentry),
	A_DEED(inode),
	A_DEED(memcpy),
	A_DEED(strcpy),
	A_DEED(skb_over),
	A_DEED(skb_under),
	A_DEED(kobject),
	A_DEED(sysfs),
	A_DEED(slab_redzone),
	A_DEED(slab_poison),
	A_DEED(slab_free_twice),
	A_DEED(slab_free_inside),
	A_DEED(page_state),
	A_DEED(rss),
	A_DEED(page_allocation),
	A_DEED(atomic),
	A_DEED(workqueue),
	A_DEED(soft_lockup),
	A_DEED(rcu_stall),
	A_DEED(hung_task),
	A_DEED(interrupt),
	A_DEED(transmit_timeout),
	A_DEED(netdevice),
	A_DEED(stack_protector),
	A_DEED(panic),
	A_DEED(words),
};

static ssize_t provoke_write(struct file *file, const char __user *buffer, size_t bytes, loff_t *at)
{
	char name[32] = "";
	int n;

	if (bytes >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, buffer, bytes))
		return -EFAULT;
	user_buffer = (char __user *)buffer;
	for (n = 0; n < ARRAY_SIZE(deeds); n++) {
		if (!strcmp(deeds[n].name, name)) {
			deeds[n].run();
			return bytes;
		}
	}
	return -ENOENT;
}

static const struct file_operations provoke_ops = {
	.owner = THIS_MODULE,
	.write = provoke_write,
};

static struct miscdevice provoke_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "provoke",
	.fops = &provoke_ops,
};

static int __init provoke_init(void)
{
	cache = kmem_cache_create("provoked", 72, 0,
				  SLAB_RED_ZONE | SLAB_POISON | SLAB_STORE_USER |
					  SLAB_CONSISTENCY_CHECKS | SLAB_NO_MERGE,
				  NULL);
	return cache ? misc_register(&provoke_device) : -ENOMEM;
}

static void __exit provoke_exit(void)
{
	misc_deregister(&provoke_device);
	kmem_cache_destroy(cache);
}

module_init(provoke_init);
module_exit(provoke_exit);
MODULE_DESCRIPTION("Deeds that the kernel reports");
MODULE_LICENSE("GPL");
