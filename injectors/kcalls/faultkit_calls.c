// SPDX-License-Identifier: GPL-2.0
/*
 * faultkit_calls - make a kernel function fail, or take long, for one caller
 *
 * Each open file of /dev/faultkit_calls is one arming. One line is written to
 * it, once:
 *
 *	FUNCTION LOW HIGH NTH TIMES fail VALUE
 *	FUNCTION LOW HIGH NTH TIMES delay MICROSECONDS
 *
 * Calls of FUNCTION whose return address lies in [LOW, HIGH) are counted from
 * 1; those from the NTH on, TIMES in all (0: for ever), return VALUE without
 * having run, or run after a busy wait. Reading gives the CLOCK_MONOTONIC of
 * each call that was tampered with, a line each; poll() waits for one. The
 * arming ends with the file.
 */
#include <linux/fs.h>
#include <linux/delay.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/objtool.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#define MAX_LINE     200
#define MAX_STAMPS   256
#define MAX_DELAY_US 1000000

struct arming {
	struct kprobe probe;
	char function[KSYM_NAME_LEN];
	unsigned long low, high;
	long nth, times;
	bool delay;
	long value;

	bool armed;
	atomic_long_t calls;
	atomic_t hits;
	int told;
	u64 stamps[MAX_STAMPS];
	wait_queue_head_t waiters;
	struct work_struct wake;
};

/* What a function does that does not run: it returns. */
void faultkit_return(void);
asm(".pushsection .text\n"
    ".type faultkit_return, @function\n" ANNOTATE_NOENDBR "faultkit_return:\n" ASM_RET
    ".size faultkit_return, .-faultkit_return\n"
    ".popsection\n");

static bool is_due(struct arming *a)
{
	long n = atomic_long_inc_return(&a->calls);

	return n >= a->nth && (!a->times || n < a->nth + a->times);
}

/* Context: kprobe on FUNCTION; any context that FUNCTION is called from */
static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	struct arming *a = container_of(probe, struct arming, probe);
	unsigned long caller = *(unsigned long *)regs->sp;
	int hit;

	if (caller < a->low || caller >= a->high || !is_due(a))
		return 0;
	hit = atomic_inc_return(&a->hits);
	if (hit <= MAX_STAMPS)
		a->stamps[hit - 1] = ktime_get_mono_fast_ns();
	schedule_work(&a->wake);
	if (a->delay) {
		udelay(a->value % 1000);
		mdelay(a->value / 1000);
		return 0;
	}
	regs->ax = a->value;
	regs->ip = (unsigned long)faultkit_return;
	return 1;
}
NOKPROBE_SYMBOL(on_call);

static void wake_readers(struct work_struct *work)
{
	wake_up_interruptible(&container_of(work, struct arming, wake)->waiters);
}

static int parse(struct arming *a, const char *line)
{
	char what[8];

	if (sscanf(line, "%199s %lx %lx %ld %ld %7s %ld", a->function, &a->low, &a->high, &a->nth,
		   &a->times, what, &a->value) != 7)
		return -EINVAL;
	a->delay = !strcmp(what, "delay");
	if (!a->delay && strcmp(what, "fail"))
		return -EINVAL;
	if (a->nth < 1 || a->times < 0 || a->low >= a->high)
		return -EINVAL;
	if (a->delay && (a->value < 1 || a->value > MAX_DELAY_US))
		return -EINVAL;
	return 0;
}

static ssize_t calls_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	struct arming *a = file->private_data;
	char line[MAX_LINE + 1];
	int err;

	if (count > MAX_LINE)
		return -EINVAL;
	if (copy_from_user(line, user, count))
		return -EFAULT;
	line[count] = '\0';
	if (a->armed)
		return -EBUSY;
	err = parse(a, line);
	if (err)
		return err;
	a->probe.symbol_name = a->function;
	a->probe.pre_handler = on_call;
	err = register_kprobe(&a->probe);
	if (err)
		return err;
	a->armed = true;
	return count;
}

static bool has_news(struct arming *a)
{
	return a->told < min(atomic_read(&a->hits), MAX_STAMPS);
}

static ssize_t calls_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	struct arming *a = file->private_data;
	char line[32];
	int size;

	if (!has_news(a))
		return -EAGAIN;
	size = scnprintf(line, sizeof(line), "%llu\n", a->stamps[a->told]);
	if (count < size)
		return -EINVAL;
	if (copy_to_user(user, line, size))
		return -EFAULT;
	a->told++;
	return size;
}

static __poll_t calls_poll(struct file *file, poll_table *table)
{
	struct arming *a = file->private_data;

	poll_wait(file, &a->waiters, table);
	return has_news(a) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int calls_open(struct inode *inode, struct file *file)
{
	struct arming *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	init_waitqueue_head(&a->waiters);
	INIT_WORK(&a->wake, wake_readers);
	file->private_data = a;
	return 0;
}

static int calls_release(struct inode *inode, struct file *file)
{
	struct arming *a = file->private_data;

	if (a->armed)
		unregister_kprobe(&a->probe);
	flush_work(&a->wake);
	kfree(a);
	return 0;
}

static const struct file_operations calls_fops = {
	.owner = THIS_MODULE,
	.open = calls_open,
	.release = calls_release,
	.read = calls_read,
	.write = calls_write,
	.poll = calls_poll,
};

static struct miscdevice calls_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "faultkit_calls",
	.fops = &calls_fops,
	.mode = 0600,
};
module_misc_device(calls_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: make a kernel function fail, or take long, for one caller");
