// SPDX-License-Identifier: GPL-2.0
/*
 * faultkit_calls - tamper with the calls of a kernel function by one module
 *
 * Each open file of /dev/faultkit_calls is one arming. One line is written to
 * it, once:
 *
 *	FUNCTION MODULE LOW HIGH SITE NTH TIMES CHANCE SEED RELOADS HOW VALUE ARGUMENT
 *
 * A call of FUNCTION is MODULE's if its return address lies in [LOW, HIGH),
 * and, unless SITE is 0, at LOW + SITE. Such calls are counted from 1. Those
 * from the NTH on are tampered with, each with a probability of CHANCE in a
 * million that SEED and its number decide, up to TIMES in all (0: for ever).
 * If MODULE is unloaded, the range follows it to where it is loaded next, or,
 * if RELOADS is 0, is empty from then on.
 *
 * HOW	   what happens to the call
 * fail	   returns VALUE without having run
 * after   runs, but returns VALUE
 * delay   runs after a busy wait of VALUE microseconds
 * set	   runs with VALUE in the ARGUMENTth argument (1 to 6)
 * add	   runs with VALUE added to it
 * flip	   runs with the bits in VALUE flipped in it
 *
 * Reading gives a line for each call that was tampered with: CLOCK_MONOTONIC,
 * its number, its return address less LOW, and the value that was changed,
 * before and after. poll() waits for one. ioctl(FAULTKIT_CALLS_MISSED) tells
 * how many calls of FUNCTION, by anybody, no probe could look at. The arming
 * ends with the file.
 */
#include <linux/bitops.h>
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/notifier.h>
#include <linux/objtool.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#define FAULTKIT_CALLS_MISSED _IO('F', 1)

#define MAX_LINE     400
#define MAX_HITS     256
#define MAX_RUNNING  64 /* calls between entry and return, for "after" */
#define MAX_DELAY_US 1000000
#define MILLION	     1000000

enum how { FAIL, AFTER, DELAY, SET, ADD, FLIP };

static const char *const hows[] = { "fail", "after", "delay", "set", "add", "flip" };

/* One call of FUNCTION by MODULE. */
struct call {
	long number;
	unsigned long site;
};

struct hit {
	u64 t_ns; /* written last */
	struct call call;
	long was, is;
};

struct arming {
	struct kretprobe probe; /* for all but "after" only its kprobe */
	struct notifier_block modules;
	char function[KSYM_NAME_LEN];
	char module[MODULE_NAME_LEN];
	unsigned long low, high, site;
	long nth, times;
	unsigned int chance;
	u64 seed;
	bool reloads;
	enum how how;
	long value;
	int argument;

	struct mutex lock; /* of armed and told */
	bool armed;
	int told;

	atomic_long_t calls;
	atomic_long_t due;
	atomic_t hits;
	struct hit hit[MAX_HITS]; /* those behind are not kept */
	wait_queue_head_t waiters;
	struct irq_work wake;
};

/* What a function does that does not run: it returns. */
void faultkit_return(void);
asm(".pushsection .text\n"
    ".type faultkit_return, @function\n" ANNOTATE_NOENDBR "faultkit_return:\n" ASM_RET
    ".size faultkit_return, .-faultkit_return\n"
    ".popsection\n");

/* Of call N always the same: the output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static u64 random_of(u64 seed, long n)
{
	u64 z = seed + n * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}
NOKPROBE_SYMBOL(random_of);

static bool is_due(struct arming *a, long n)
{
	if (n < a->nth || random_of(a->seed, n) % MILLION >= a->chance)
		return false;
	return !a->times || atomic_long_inc_return(&a->due) <= a->times;
}
NOKPROBE_SYMBOL(is_due);

/*
 * Is the call that has just been entered to be tampered with?
 * Context: FUNCTION's first instruction; its return address is on top of the stack
 */
static bool is_target(struct arming *a, struct pt_regs *regs, struct call *call)
{
	unsigned long caller = *(unsigned long *)regs->sp;
	unsigned long low = READ_ONCE(a->low);

	if (caller < low || caller >= READ_ONCE(a->high))
		return false;
	call->site = caller - low;
	if (a->site && call->site != a->site)
		return false;
	call->number = atomic_long_inc_return(&a->calls);
	return is_due(a, call->number);
}
NOKPROBE_SYMBOL(is_target);

/* Context: any */
static void note(struct arming *a, u64 t_ns, const struct call *call, long was, long is)
{
	int n = atomic_fetch_add_unless(&a->hits, 1, MAX_HITS);

	if (n < MAX_HITS) {
		a->hit[n].call = *call;
		a->hit[n].was = was;
		a->hit[n].is = is;
		smp_store_release(&a->hit[n].t_ns, t_ns); /* the rest before: has_news() */
	}
	irq_work_queue(&a->wake);
}
NOKPROBE_SYMBOL(note);

static void wait_until(u64 t_ns)
{
	while (ktime_get_mono_fast_ns() < t_ns)
		cpu_relax();
}
NOKPROBE_SYMBOL(wait_until);

static unsigned long *argument(struct pt_regs *regs, int n)
{
	unsigned long *registers[] = { &regs->di, &regs->si, &regs->dx,
				       &regs->cx, &regs->r8, &regs->r9 };

	return registers[n - 1];
}
NOKPROBE_SYMBOL(argument);

static long changed(const struct arming *a, long was)
{
	switch (a->how) {
	case ADD:
		return was + a->value;
	case FLIP:
		return was ^ a->value;
	default:
		return a->value;
	}
}
NOKPROBE_SYMBOL(changed);

/* Context: kprobe on FUNCTION; any context that FUNCTION is called from */
static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	struct arming *a = container_of(probe, struct arming, probe.kp);
	u64 now = ktime_get_mono_fast_ns();
	unsigned long *place;
	struct call call;
	long was;

	if (!is_target(a, regs, &call))
		return 0;
	switch (a->how) {
	case FAIL:
		note(a, now, &call, 0, a->value);
		regs->ax = a->value;
		regs->ip = (unsigned long)faultkit_return;
		return 1;
	case DELAY:
		note(a, now, &call, 0, a->value);
		wait_until(now + a->value * NSEC_PER_USEC);
		return 0;
	default:
		place = argument(regs, a->argument);
		was = *place;
		*place = changed(a, was);
		note(a, now, &call, was, *place);
		return 0;
	}
}
NOKPROBE_SYMBOL(on_call);

/* With it a kprobe is never optimised into a jump, which would not heed a changed regs->ip. */
static void behind_call(struct kprobe *probe, struct pt_regs *regs, unsigned long flags) {}
NOKPROBE_SYMBOL(behind_call);

/* Context: as on_call(). Returns 0 if the return is to be met, too. */
static int on_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct arming *a = container_of(get_kretprobe(instance), struct arming, probe);

	return !is_target(a, regs, (struct call *)instance->data);
}
NOKPROBE_SYMBOL(on_entry);

/* Context: FUNCTION's return; preemption is off */
static int on_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct arming *a = container_of(get_kretprobe(instance), struct arming, probe);

	note(a, ktime_get_mono_fast_ns(), (struct call *)instance->data, regs->ax, a->value);
	regs->ax = a->value;
	return 0;
}
NOKPROBE_SYMBOL(on_return);

/* Context: hard interrupt */
static void wake_readers(struct irq_work *work)
{
	wake_up_interruptible(&container_of(work, struct arming, wake)->waiters);
}

/* Context: process; none of MODULE's functions runs, but its init and exit */
static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	struct arming *a = container_of(block, struct arming, modules);
	struct module_memory *text = &((struct module *)data)->mem[MOD_TEXT];

	if (strcmp(((struct module *)data)->name, a->module))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_GOING) {
		WRITE_ONCE(a->high, 0);
	} else if (state == MODULE_STATE_COMING && a->reloads) {
		WRITE_ONCE(a->low, (unsigned long)text->base);
		WRITE_ONCE(a->high, (unsigned long)text->base + text->size);
	}
	return NOTIFY_OK;
}

static bool is_sound(const struct arming *a)
{
	if (a->nth < 1 || a->times < 0 || a->low >= a->high || a->chance > MILLION)
		return false;
	if (a->how == DELAY)
		return a->value >= 1 && a->value <= MAX_DELAY_US;
	return a->how < SET || (a->argument >= 1 && a->argument <= 6);
}

static int parse(struct arming *a, const char *line)
{
	int reloads, how;
	char word[8];

	BUILD_BUG_ON(sizeof(a->function) <= 199 || sizeof(a->module) <= 55);
	if (sscanf(line, "%199s %55s %lx %lx %lu %ld %ld %u %llu %d %7s %ld %d", a->function,
		   a->module, &a->low, &a->high, &a->site, &a->nth, &a->times, &a->chance, &a->seed,
		   &reloads, word, &a->value, &a->argument) != 13)
		return -EINVAL;
	how = match_string(hows, ARRAY_SIZE(hows), word);
	if (how < 0)
		return how;
	a->how = how;
	a->reloads = reloads;
	return is_sound(a) ? 0 : -EINVAL;
}

static int register_probe(struct arming *a)
{
	a->probe.kp.symbol_name = a->function;
	if (a->how == AFTER) {
		a->probe.entry_handler = on_entry;
		a->probe.handler = on_return;
		a->probe.maxactive = MAX_RUNNING;
		a->probe.data_size = sizeof(struct call);
		return register_kretprobe(&a->probe);
	}
	a->probe.kp.pre_handler = on_call;
	a->probe.kp.post_handler = behind_call;
	return register_kprobe(&a->probe.kp);
}

static void unregister_probe(struct arming *a)
{
	if (a->how == AFTER)
		unregister_kretprobe(&a->probe);
	else
		unregister_kprobe(&a->probe.kp);
}

static int arm(struct arming *a, const char *line)
{
	int err;

	if (a->armed)
		return -EBUSY;
	err = parse(a, line);
	if (err)
		return err;
	a->modules.notifier_call = on_module;
	err = register_module_notifier(&a->modules);
	if (err)
		return err;
	err = register_probe(a);
	if (err)
		goto err_notifier;
	a->armed = true;
	return 0;

err_notifier:
	unregister_module_notifier(&a->modules);
	return err;
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
	mutex_lock(&a->lock);
	err = arm(a, line);
	mutex_unlock(&a->lock);
	return err ?: count;
}

static bool has_news(struct arming *a)
{
	int next = READ_ONCE(a->told);

	return next < MAX_HITS &&
	       smp_load_acquire(&a->hit[next].t_ns); /* before the rest: note() */
}

static ssize_t tell(struct arming *a, char __user *user, size_t count)
{
	const struct hit *hit = &a->hit[a->told];
	char line[128];
	int size;

	if (!has_news(a))
		return -EAGAIN;
	size = scnprintf(line, sizeof(line), "%llu %ld %lu %ld %ld\n", hit->t_ns, hit->call.number,
			 hit->call.site, hit->was, hit->is);
	if (count < size)
		return -EINVAL;
	if (copy_to_user(user, line, size))
		return -EFAULT;
	WRITE_ONCE(a->told, a->told + 1);
	return size;
}

static ssize_t calls_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	struct arming *a = file->private_data;
	ssize_t size;

	mutex_lock(&a->lock);
	size = tell(a, user, count);
	mutex_unlock(&a->lock);
	return size;
}

static __poll_t calls_poll(struct file *file, poll_table *table)
{
	struct arming *a = file->private_data;

	poll_wait(file, &a->waiters, table);
	return has_news(a) ? EPOLLIN | EPOLLRDNORM : 0;
}

static long calls_ioctl(struct file *file, unsigned int command, unsigned long unused)
{
	struct arming *a = file->private_data;

	if (command != FAULTKIT_CALLS_MISSED)
		return -ENOTTY;
	return min_t(unsigned long, a->probe.kp.nmissed + a->probe.nmissed, INT_MAX);
}

static int calls_open(struct inode *inode, struct file *file)
{
	struct arming *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	mutex_init(&a->lock);
	init_waitqueue_head(&a->waiters);
	init_irq_work(&a->wake, wake_readers);
	file->private_data = a;
	return 0;
}

/* Unregistering waits until no handler of ours runs; then nothing queues the work any more. */
static int calls_release(struct inode *inode, struct file *file)
{
	struct arming *a = file->private_data;

	if (a->armed) {
		unregister_probe(a);
		unregister_module_notifier(&a->modules);
	}
	irq_work_sync(&a->wake);
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
	.unlocked_ioctl = calls_ioctl,
};

static struct miscdevice calls_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "faultkit_calls",
	.fops = &calls_fops,
	.mode = 0600,
};
module_misc_device(calls_device);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: tamper with the calls of a kernel function by one module");
