// SPDX-License-Identifier: GPL-2.0
/*
 * Arming of faults; see arming.h
 *
 * Hits are noted in any context, NMI among them, by any number of processors
 * at once, and without a lock. Each writer takes a slot of its own, fills it,
 * and publishes it by its time stamp: a slot whose stamp is 0 is not there
 * yet. Readers take the slots in order, under the arming's mutex.
 */
#include <linux/fs.h>
#include <linux/irq_work.h>
#include <linux/kprobes.h>
#include <linux/linkage.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/objtool.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "arming.h"
#include "processor.h"

#define MAX_LINE 1000

struct hit {
	u64 t_ns; /* 0: not published */
	long data[];
};

struct arming {
	const struct arming_fault *fault;
	void *state;

	struct mutex lock; /* protects armed, told and the start of the fault */
	bool armed;
	int told; /* hits that were read */

	unsigned int longs; /* data of each hit */
	atomic_t taken; /* slots that writers have taken */
	void *hits; /* ARMING_HITS slots */
	wait_queue_head_t readers;
	struct irq_work wake;
};

/* Code of a function that does nothing but return: a probe leads there. */
asm(".pushsection .text\n"
    ".globl arming_return\n"
    ".type arming_return, @function\n" ANNOTATE_NOENDBR "arming_return:\n" PROCESSOR_RETURN
    ".size arming_return, .-arming_return\n"
    ".popsection\n");

/**
 * arming_state() - the fault's own state
 * @a: the arming
 *
 * Context: any.
 */
void *arming_state(struct arming *a)
{
	return a->state;
}
NOKPROBE_SYMBOL(arming_state);

static __always_inline struct hit *hit_at(const struct arming *a, int n)
{
	return a->hits + n * (sizeof(struct hit) + a->longs * sizeof(long));
}

/**
 * arming_hit() - note that the fault was met
 * @a: the arming
 * @t_ns: the time, CLOCK_MONOTONIC, not 0
 * @data: the values, a long for each name, or what the fault's print() takes;
 *	NULL if it has none
 *
 * Context: any, from the start of the fault to the return of its stop().
 */
void arming_hit(struct arming *a, u64 t_ns, const void *data)
{
	int n = atomic_fetch_add_unless(&a->taken, 1, ARMING_HITS);

	if (n >= ARMING_HITS)
		return;
	for (int i = 0; i < a->longs; i++) /* memcpy() may be probed itself */
		WRITE_ONCE(hit_at(a, n)->data[i], ((const long *)data)[i]);
	smp_store_release(&hit_at(a, n)->t_ns, t_ns); /* after the data; pairs with has_news() */
	irq_work_queue(&a->wake);
}
NOKPROBE_SYMBOL(arming_hit);

/* Context: hardirq */
static void wake_readers(struct irq_work *work)
{
	wake_up_interruptible(&container_of(work, struct arming, wake)->readers);
}

static int read_value(void *state, const struct arming_word *word, const char *value)
{
	void *field = state + word->offset;

	switch (word->type) {
	case ARMING_LONG:
		return kstrtol(value, 0, field);
	case ARMING_ULONG:
		return kstrtoul(value, 0, field);
	default:
		return strscpy(field, value, word->size) < 0 ? -EINVAL : 0;
	}
}

static int word_named(const struct arming_word *words, const char *name)
{
	for (int i = 0; words[i].name; i++)
		if (!strcmp(words[i].name, name))
			return i;
	return -EINVAL;
}

/* Read a line of NAME=VALUE words, each word of the fault once, into its state. */
static int parse(const struct arming_fault *fault, void *state, char *line)
{
	unsigned long missing = 0;
	char *name, *value;
	int n, err;

	for (n = 0; fault->words[n].name; n++)
		missing |= BIT(n);
	while ((value = strsep(&line, " "))) {
		name = strsep(&value, "=");
		n = value ? word_named(fault->words, name) : -EINVAL;
		if (n < 0 || !(missing & BIT(n)))
			return -EINVAL;
		err = read_value(state, &fault->words[n], value);
		if (err)
			return err;
		missing &= ~BIT(n);
	}
	return missing ? -EINVAL : 0;
}

static int arm(struct arming *a, char *line) __must_hold(&a->lock)
{
	int err;

	lockdep_assert_held(&a->lock);
	if (a->armed)
		return -EBUSY;
	memset(a->state, 0, a->fault->state_size);
	err = parse(a->fault, a->state, line);
	if (!err)
		err = a->fault->start(a);
	a->armed = !err;
	return err;
}

static ssize_t arming_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	struct arming *a = file->private_data;
	char *line;
	int err;

	if (count > MAX_LINE)
		return -EINVAL;
	line = memdup_user_nul(user, count);
	if (IS_ERR(line))
		return PTR_ERR(line);
	mutex_lock(&a->lock);
	err = arm(a, line);
	mutex_unlock(&a->lock);
	kfree(line);
	return err ?: count;
}

static bool has_news(struct arming *a)
{
	int next = READ_ONCE(a->told);

	/* before the data; pairs with arming_hit() */
	return next < ARMING_HITS && smp_load_acquire(&hit_at(a, next)->t_ns);
}

static int print_values(const struct arming_fault *fault, const long *values, char *line,
			size_t size)
{
	int n = 0;

	for (int i = 0; i < ARMING_VALUES && fault->values[i]; i++)
		n += scnprintf(line + n, size - n, " %s=%ld", fault->values[i], values[i]);
	return n;
}

static int print_hit(const struct arming *a, const struct hit *hit, char *line, size_t size)
{
	int n = scnprintf(line, size, "%llu", hit->t_ns);

	if (a->fault->print) {
		n += scnprintf(line + n, size - n, " ");
		n += a->fault->print(a->state, hit->data, line + n, size - n);
	} else {
		n += print_values(a->fault, hit->data, line + n, size - n);
	}
	return n + scnprintf(line + n, size - n, "\n");
}

static ssize_t tell(struct arming *a, char __user *user, size_t count) __must_hold(&a->lock)
{
	char line[192];
	int size;

	lockdep_assert_held(&a->lock);
	if (!has_news(a))
		return -EAGAIN;
	size = print_hit(a, hit_at(a, a->told), line, sizeof(line));
	if (count < size)
		return -EINVAL;
	if (copy_to_user(user, line, size))
		return -EFAULT;
	WRITE_ONCE(a->told, a->told + 1);
	return size;
}

static ssize_t arming_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	struct arming *a = file->private_data;
	ssize_t size;

	mutex_lock(&a->lock);
	size = tell(a, user, count);
	mutex_unlock(&a->lock);
	return size;
}

static __poll_t arming_poll(struct file *file, poll_table *table)
{
	struct arming *a = file->private_data;

	poll_wait(file, &a->readers, table);
	return has_news(a) ? EPOLLIN | EPOLLRDNORM : 0;
}

static long arming_ioctl(struct file *file, unsigned int command, unsigned long unused)
{
	struct arming *a = file->private_data;
	unsigned long missed = 0;

	if (command != ARMING_MISSED)
		return -ENOTTY;
	mutex_lock(&a->lock);
	if (a->armed && a->fault->missed)
		missed = a->fault->missed(a);
	mutex_unlock(&a->lock);
	return min_t(unsigned long, missed, INT_MAX);
}

static unsigned int longs_of(const struct arming_fault *fault)
{
	unsigned int values = 0;

	while (values < ARMING_VALUES && fault->values[values])
		values++;
	return fault->print ? fault->hit_size / sizeof(long) : values;
}

static void arming_free(struct arming *a)
{
	kvfree(a->hits);
	kfree(a->state);
	kfree(a);
}

static int arming_open(struct inode *inode, struct file *file)
{
	struct arming_device *device =
		container_of(file->private_data, struct arming_device, misc); /* misc_open() */
	struct arming *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	a->fault = device->fault;
	a->longs = longs_of(a->fault);
	a->state = kzalloc(a->fault->state_size, GFP_KERNEL);
	a->hits = kvcalloc(ARMING_HITS, sizeof(struct hit) + a->longs * sizeof(long), GFP_KERNEL);
	if (!a->state || !a->hits) {
		arming_free(a);
		return -ENOMEM;
	}
	mutex_init(&a->lock);
	init_waitqueue_head(&a->readers);
	init_irq_work(&a->wake, wake_readers);
	file->private_data = a;
	return 0;
}

/* No hit is noted any more after stop(), and then nothing queues the work. */
static int arming_release(struct inode *inode, struct file *file)
{
	struct arming *a = file->private_data;

	if (a->armed)
		a->fault->stop(a);
	irq_work_sync(&a->wake);
	arming_free(a);
	return 0;
}

static const struct file_operations arming_fops = {
	.owner = THIS_MODULE,
	.open = arming_open,
	.release = arming_release,
	.read = arming_read,
	.write = arming_write,
	.poll = arming_poll,
	.unlocked_ioctl = arming_ioctl,
};

/**
 * arming_register() - make the device node of a fault
 * @device: the node, with its name and its fault
 *
 * Context: process. Return: 0 or a negative error.
 */
int arming_register(struct arming_device *device)
{
	if (WARN_ON(device->fault->hit_size % sizeof(long)))
		return -EINVAL;
	device->misc.minor = MISC_DYNAMIC_MINOR;
	device->misc.fops = &arming_fops;
	device->misc.mode = 0600;
	return misc_register(&device->misc);
}

/**
 * arming_unregister() - remove the device node of a fault
 * @device: the node; none of its files is open
 *
 * Context: process.
 */
void arming_unregister(struct arming_device *device)
{
	misc_deregister(&device->misc);
}
