// SPDX-License-Identifier: GPL-2.0
/*
 * Arming fault points: the device node.
 *
 * Each open file of /dev/microdriver_faults is one arming. One line is written
 * to it, once:
 *
 *	INSTANCE KIND CALL NTH TIMES HOW WHERE FIRST BYTES VALUE
 *
 * KIND is upcall, return, downcall, result or any; CALL a number, or -1 for
 * any. WHERE is a part of the message: -1 for all of it, or type << 16 | field
 * for the data of that field's first record; of this part, BYTES bytes from
 * FIRST on are meant (0: all that follow). Messages that match and have these
 * bytes are counted from 1; the fault is put into those from the NTH on, TIMES
 * in all (0: for ever). HOW is one of
 *
 *	drop		the message is lost
 *	delay		it comes VALUE milliseconds later
 *	duplicate	it comes twice
 *	reorder		the next in its direction overtakes it
 *	truncate	the last VALUE bytes of its payload are missing
 *	flip		one bit of the part, the VALUE-th (modulo its size), is flipped
 *	set		the part becomes VALUE (of more than 8 bytes: the first 8)
 *	stale		all records are taken out: the receiver keeps what it knows
 *	kill		the u-driver is killed, and the message lost
 *	stop		the u-driver is stopped; the message stays
 *
 * Reading gives a line for each message that was tampered with: its
 * CLOCK_MONOTONIC, kind, call and size, and the change; poll() waits for one.
 * The arming ends with the file.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mdrv_fault.h"

#define MAX_LINE  200
#define MAX_WORDS 160

static const char *const mdrv_kind_names[] = {
	[MDRV_NOTHING] = "any",	      [MDRV_UPCALL] = "upcall", [MDRV_RETURN] = "return",
	[MDRV_DOWNCALL] = "downcall", [MDRV_RESULT] = "result",
};

static const char *mdrv_kind_name(const struct mdrv_hit *hit)
{
	return hit->kind < ARRAY_SIZE(mdrv_kind_names) ? mdrv_kind_names[hit->kind] : "unknown";
}

static int mdrv_arming_parse(struct mdrv_arming *a, const char *line)
{
	char kind[16], how[16];

	if (sscanf(line, "%31s %15s %d %ld %ld %15s %d %u %u %llu", a->instance, kind, &a->call,
		   &a->nth, &a->times, how, &a->where, &a->first, &a->bytes, &a->value) != 10)
		return -EINVAL;
	a->kind = match_string(mdrv_kind_names, ARRAY_SIZE(mdrv_kind_names), kind);
	a->way = mdrv_way_of(how);
	return a->kind < 0 || !a->way || a->nth < 1 || a->times < 0 ? -EINVAL : 0;
}

static ssize_t mdrv_arming_write(struct file *file, const char __user *user, size_t count,
				 loff_t *pos)
{
	struct mdrv_arming *a = file->private_data;
	char line[MAX_LINE + 1];
	int err = -EBUSY;

	if (count > MAX_LINE)
		return -EINVAL;
	if (copy_from_user(line, user, count))
		return -EFAULT;
	line[count] = '\0';
	mutex_lock(&mdrv_armings_lock);
	if (list_empty(&a->node)) {
		err = mdrv_arming_parse(a, line);
		if (!err)
			list_add_tail(&a->node, &mdrv_armings);
	}
	mutex_unlock(&mdrv_armings_lock);
	return err ?: count;
}

static bool mdrv_arming_has_news(const struct mdrv_arming *a) __must_hold(&mdrv_armings_lock)
{
	lockdep_assert_held(&mdrv_armings_lock);
	return a->told < a->hits_count;
}

static int mdrv_hit_print(const struct mdrv_hit *hit, const char *way, char *line, size_t size)
{
	int n = scnprintf(line, size, "%llu %s %s of %u bytes: %s", hit->at_ns, mdrv_kind_name(hit),
			  hit->call, hit->bytes, way);

	if (hit->was != hit->is)
		n += scnprintf(line + n, size - n, ", at %u: %#llx -> %#llx", hit->first, hit->was,
			       hit->is);
	return n + scnprintf(line + n, size - n, "\n");
}

static ssize_t mdrv_arming_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	struct mdrv_arming *a = file->private_data;
	char line[MAX_WORDS];
	ssize_t size = -EAGAIN;

	mutex_lock(&mdrv_armings_lock);
	if (mdrv_arming_has_news(a)) {
		size = mdrv_hit_print(&a->hits[a->told], a->way->name, line, sizeof(line));
		if (count < size)
			size = -EINVAL;
		else
			a->told++;
	}
	mutex_unlock(&mdrv_armings_lock);
	if (size > 0 && copy_to_user(user, line, size))
		return -EFAULT;
	return size;
}

static __poll_t mdrv_arming_poll(struct file *file, poll_table *table)
{
	struct mdrv_arming *a = file->private_data;
	bool news;

	poll_wait(file, &a->waiters, table);
	mutex_lock(&mdrv_armings_lock);
	news = mdrv_arming_has_news(a);
	mutex_unlock(&mdrv_armings_lock);
	return news ? EPOLLIN | EPOLLRDNORM : 0;
}

static int mdrv_arming_open(struct inode *inode, struct file *file)
{
	struct mdrv_arming *a = kvzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	INIT_LIST_HEAD(&a->node);
	init_waitqueue_head(&a->waiters);
	file->private_data = a;
	return 0;
}

static int mdrv_arming_release(struct inode *inode, struct file *file)
{
	struct mdrv_arming *a = file->private_data;

	mutex_lock(&mdrv_armings_lock);
	list_del(&a->node);
	mutex_unlock(&mdrv_armings_lock);
	kvfree(a);
	return 0;
}

static const struct file_operations mdrv_arming_fops = {
	.owner = THIS_MODULE,
	.open = mdrv_arming_open,
	.release = mdrv_arming_release,
	.read = mdrv_arming_read,
	.write = mdrv_arming_write,
	.poll = mdrv_arming_poll,
};

static struct miscdevice mdrv_arming_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "microdriver_faults",
	.fops = &mdrv_arming_fops,
	.mode = 0600,
};

int mdrv_arming_init(void)
{
	return misc_register(&mdrv_arming_device);
}

void mdrv_arming_exit(void)
{
	misc_deregister(&mdrv_arming_device);
}
