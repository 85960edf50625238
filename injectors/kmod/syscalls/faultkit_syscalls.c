// SPDX-License-Identifier: GPL-2.0
/*
 * faultkit_syscalls - make a system call fail, or take long, for one process
 *
 * Each open file of /dev/faultkit_syscalls is one arming. One line is written
 * to it, once:
 *
 *	CALL TGID NTH TIMES fail ERRNO
 *	CALL TGID NTH TIMES delay MICROSECONDS
 *
 * Calls of CALL ("pread64") by any thread of TGID are counted from 1; those
 * from the NTH on, TIMES in all (0: for ever), return -ERRNO without having
 * run, or run and then return so much later. Reading gives the
 * CLOCK_MONOTONIC of each call that was tampered with, a line each; poll()
 * waits for one. The arming ends with the file.
 */
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/objtool.h>
#include <linux/poll.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#define MAX_LINE   100
#define MAX_NAME   40
#define MAX_STAMPS 256

struct arming {
	struct kprobe probe;
	char symbol[MAX_NAME + 12];
	pid_t tgid;
	long nth, times;
	bool delay;
	long value;

	bool armed;
	atomic_long_t calls;
	atomic_t hits;
	int told;
	u64 stamps[MAX_STAMPS];
	wait_queue_head_t waiters;
	struct irq_work wake;
};

struct pause {
	struct callback_head work;
	long us;
};

/* What a call does that does not run: it returns. */
void faultkit_syscalls_return(void);
asm(".pushsection .text\n"
    ".type faultkit_syscalls_return, @function\n" ANNOTATE_NOENDBR
    "faultkit_syscalls_return:\n" ASM_RET
    ".size faultkit_syscalls_return, .-faultkit_syscalls_return\n"
    ".popsection\n");

static bool is_due(struct arming *a)
{
	long n = atomic_long_inc_return(&a->calls);

	return n >= a->nth && (!a->times || n < a->nth + a->times);
}

/* Context: the thread that made the call, on its way back to user mode; a deadly signal ends it */
static void pause_here(struct callback_head *work)
{
	struct pause *pause = container_of(work, struct pause, work);
	unsigned long end = jiffies + usecs_to_jiffies(pause->us);

	kfree(pause);
	while (time_before(jiffies, end) && !fatal_signal_pending(current))
		schedule_timeout_killable(end - jiffies);
}

/* Context: kprobe, in the thread that makes the call; must not sleep */
static bool pause_later(long us)
{
	struct pause *pause = kmalloc(sizeof(*pause), GFP_ATOMIC);

	if (!pause)
		return false;
	pause->us = us;
	init_task_work(&pause->work, pause_here);
	if (!task_work_add(current, &pause->work, TWA_RESUME))
		return true;
	kfree(pause);
	return false;
}

static void note(struct arming *a)
{
	int hit = atomic_inc_return(&a->hits);

	if (hit <= MAX_STAMPS)
		a->stamps[hit - 1] = ktime_get_mono_fast_ns();
	irq_work_queue(&a->wake);
}

/* Context: kprobe on CALL, in the thread that makes it */
static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	struct arming *a = container_of(probe, struct arming, probe);

	if (current->tgid != a->tgid || !is_due(a))
		return 0;
	if (a->delay) {
		if (pause_later(a->value))
			note(a);
		return 0;
	}
	note(a);
	regs->ax = -a->value;
	regs->ip = (unsigned long)faultkit_syscalls_return;
	return 1;
}
NOKPROBE_SYMBOL(on_call);

static void wake_readers(struct irq_work *work)
{
	wake_up_interruptible(&container_of(work, struct arming, wake)->waiters);
}

static int parse(struct arming *a, const char *line)
{
	char name[MAX_NAME + 1], what[8];

	if (sscanf(line, "%40s %d %ld %ld %7s %ld", name, &a->tgid, &a->nth, &a->times, what,
		   &a->value) != 6)
		return -EINVAL;
	snprintf(a->symbol, sizeof(a->symbol), "__x64_sys_%s", name);
	a->delay = !strcmp(what, "delay");
	if (!a->delay && strcmp(what, "fail"))
		return -EINVAL;
	if (a->nth < 1 || a->times < 0 || a->value < 1)
		return -EINVAL;
	return !a->delay && a->value >= MAX_ERRNO ? -EINVAL : 0;
}

static ssize_t syscalls_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
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
	a->probe.symbol_name = a->symbol;
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

static ssize_t syscalls_read(struct file *file, char __user *user, size_t count, loff_t *pos)
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

static __poll_t syscalls_poll(struct file *file, poll_table *table)
{
	struct arming *a = file->private_data;

	poll_wait(file, &a->waiters, table);
	return has_news(a) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int syscalls_open(struct inode *inode, struct file *file)
{
	struct arming *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	init_waitqueue_head(&a->waiters);
	init_irq_work(&a->wake, wake_readers);
	file->private_data = a;
	return 0;
}

static int syscalls_release(struct inode *inode, struct file *file)
{
	struct arming *a = file->private_data;

	if (a->armed)
		unregister_kprobe(&a->probe);
	irq_work_sync(&a->wake);
	kfree(a);
	return 0;
}

static const struct file_operations syscalls_fops = {
	.owner = THIS_MODULE,
	.open = syscalls_open,
	.release = syscalls_release,
	.read = syscalls_read,
	.write = syscalls_write,
	.poll = syscalls_poll,
};

static struct miscdevice syscalls_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "faultkit_syscalls",
	.fops = &syscalls_fops,
	.mode = 0600,
};
module_misc_device(syscalls_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: make a system call fail, or take long, for one process");
