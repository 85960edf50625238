// SPDX-License-Identifier: GPL-2.0
/*
 * Fault points on the channel: every message passes one.
 *
 * Each open file of /dev/microdriver_faults is one arming. One line is written
 * to it, once:
 *
 *	INSTANCE KIND CALL NTH TIMES HOW A B C
 *
 * KIND is upcall, return, downcall, result or any; CALL a number, or -1 for
 * any. Messages that match are counted from 1; the fault is put into those
 * from the NTH on, TIMES in all (0: for ever). HOW is one of
 *
 *	drop		the message is lost
 *	delay A		it comes A milliseconds later
 *	duplicate	it comes twice
 *	reorder		the next in its direction overtakes it
 *	truncate A	A bytes of its payload are left
 *	corrupt A B C	bytes: at offset A, B of them, are xored with C, byte by byte
 *	set A B C	bytes: at offset A, B of them (1, 2, 4, 8), become C
 *	field A B C	as set, at offset B in the data of the first record of field A (type << 16 | field)
 *	stale		all records are taken out: the receiver keeps what it knows
 *	kill		the u-driver is killed, and the message lost
 *	stop		the u-driver is stopped; the message stays
 *
 * Reading gives the CLOCK_MONOTONIC of each message that was tampered with, a
 * line each; poll() waits for one. The arming ends with the file.
 */
#include <linux/delay.h>
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "md_internal.h"

#define MAX_LINE   200
#define MAX_STAMPS 256
#define ANY	   (-1)

struct arming {
	struct list_head node;
	char instance[MD_NAME];
	int kind, call;
	long nth, times;
	char how[16];
	u64 a, b, c;

	long seen;
	int hits, told;
	u64 stamps[MAX_STAMPS];
	wait_queue_head_t waiters;
};

static DEFINE_MUTEX(lock); /* guards all armings */
static LIST_HEAD(armings);

static const char *const kinds[] = {
	[MD_NOTHING] = "any",	    [MD_UPCALL] = "upcall", [MD_RETURN] = "return",
	[MD_DOWNCALL] = "downcall", [MD_RESULT] = "result",
};
static const char *const ways[] = { "drop", "delay", "duplicate", "reorder", "truncate", "corrupt",
				    "set",  "field", "stale",	  "kill",    "stop" };

static bool is_due(struct arming *a, const struct md_instance *md, const struct md_message *message)
{
	if (strcmp(a->instance, md->name) || (a->kind && a->kind != message->kind) ||
	    (a->call != ANY && a->call != message->call))
		return false;
	a->seen++;
	return a->seen >= a->nth && (!a->times || a->seen < a->nth + a->times);
}

static void stamp(struct arming *a)
{
	if (a->hits < MAX_STAMPS)
		a->stamps[a->hits++] = ktime_get_mono_fast_ns();
	wake_up_interruptible(&a->waiters);
}

static void flip_bytes(struct md_message *message, u64 at, u64 bytes, u8 mask)
{
	u64 size = MD_HEAD + message->bytes, n;

	for (n = at; n < at + bytes && n < size; n++)
		((u8 *)message)[n] ^= mask;
}

static void set_bytes(struct md_message *message, u64 at, u64 bytes, u64 value)
{
	u64 size = MD_HEAD + message->bytes;

	if (bytes <= sizeof(value) && at < size && bytes <= size - at)
		memcpy((u8 *)message + at, &value, bytes);
}

static void set_field(struct md_message *message, u32 which, u64 offset, u64 value)
{
	struct md_record record;
	u32 at;

	for (at = 0; at + sizeof(record) <= message->bytes; at += record.bytes) {
		memcpy(&record, message->payload + at, sizeof(record));
		at += sizeof(record);
		if (record.object && MD_OBJECT_TYPE(record.object) == which >> 16 &&
		    record.field == (which & 0xffff)) {
			u32 left = record.bytes > offset ? record.bytes - offset : 0;

			set_bytes(message, MD_HEAD + at + offset, min_t(u32, left, sizeof(value)),
				  value);
			return;
		}
	}
}

static void signal_udriver(struct md_instance *md, int signal)
{
	spin_lock(&md->lock);
	if (md->session)
		kill_pid(md->pid, signal, 1);
	spin_unlock(&md->lock);
}

static enum md_fate tamper(struct md_instance *md, const struct arming *a,
			   struct md_message *message)
{
	if (!strcmp(a->how, "drop"))
		return MD_DROPPED;
	if (!strcmp(a->how, "duplicate"))
		return MD_DOUBLED;
	if (!strcmp(a->how, "reorder"))
		return MD_OVERTAKEN;
	if (!strcmp(a->how, "truncate"))
		message->bytes = min_t(u64, message->bytes, a->a);
	else if (!strcmp(a->how, "corrupt"))
		flip_bytes(message, a->a, a->b, a->c);
	else if (!strcmp(a->how, "set"))
		set_bytes(message, a->a, a->b, a->c);
	else if (!strcmp(a->how, "field"))
		set_field(message, a->a, a->b, a->c);
	else if (!strcmp(a->how, "stale"))
		message->bytes = 0;
	else if (!strcmp(a->how, "stop"))
		signal_udriver(md, SIGSTOP);
	else if (!strcmp(a->how, "kill"))
		signal_udriver(md, SIGKILL);
	return strcmp(a->how, "kill") ? MD_PASSES : MD_DROPPED;
}

/* Context: process, may sleep. @message may change, but stays within its buffer */
enum md_fate md_fault_point(struct md_instance *md, struct md_message *message)
{
	enum md_fate fate = MD_PASSES, found;
	unsigned int delay_ms = 0;
	struct arming *a;

	mutex_lock(&lock);
	list_for_each_entry(a, &armings, node)
	{
		if (!is_due(a, md, message))
			continue;
		stamp(a);
		if (!strcmp(a->how, "delay"))
			delay_ms = a->a;
		found = tamper(md, a, message);
		fate = found == MD_PASSES ? fate : found;
	}
	mutex_unlock(&lock);
	if (message->bytes > MD_PAYLOAD)
		message->bytes = MD_PAYLOAD;
	if (delay_ms)
		msleep_interruptible(delay_ms);
	return fate;
}

static int parse(struct arming *a, const char *line)
{
	char kind[16];

	if (sscanf(line, "%31s %15s %d %ld %ld %15s %lli %lli %lli", a->instance, kind, &a->call,
		   &a->nth, &a->times, a->how, &a->a, &a->b, &a->c) != 9)
		return -EINVAL;
	a->kind = match_string(kinds, ARRAY_SIZE(kinds), kind);
	if (a->kind < 0 || match_string(ways, ARRAY_SIZE(ways), a->how) < 0)
		return -EINVAL;
	return a->nth < 1 || a->times < 0 ? -EINVAL : 0;
}

static ssize_t faults_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	struct arming *a = file->private_data;
	char line[MAX_LINE + 1];
	int err = -EBUSY;

	if (count > MAX_LINE)
		return -EINVAL;
	if (copy_from_user(line, user, count))
		return -EFAULT;
	line[count] = '\0';
	mutex_lock(&lock);
	if (list_empty(&a->node)) {
		err = parse(a, line);
		if (!err)
			list_add_tail(&a->node, &armings);
	}
	mutex_unlock(&lock);
	return err ?: count;
}

static bool has_news(const struct arming *a)
{
	return READ_ONCE(a->told) < READ_ONCE(a->hits);
}

static ssize_t faults_read(struct file *file, char __user *user, size_t count, loff_t *pos)
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

static __poll_t faults_poll(struct file *file, poll_table *table)
{
	struct arming *a = file->private_data;

	poll_wait(file, &a->waiters, table);
	return has_news(a) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int faults_open(struct inode *inode, struct file *file)
{
	struct arming *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	INIT_LIST_HEAD(&a->node);
	init_waitqueue_head(&a->waiters);
	file->private_data = a;
	return 0;
}

static int faults_release(struct inode *inode, struct file *file)
{
	struct arming *a = file->private_data;

	mutex_lock(&lock);
	list_del_init(&a->node);
	mutex_unlock(&lock);
	kfree(a);
	return 0;
}

static const struct file_operations faults_fops = {
	.owner = THIS_MODULE,
	.open = faults_open,
	.release = faults_release,
	.read = faults_read,
	.write = faults_write,
	.poll = faults_poll,
};

static struct miscdevice faults_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "microdriver_faults",
	.fops = &faults_fops,
	.mode = 0600,
};

int md_fault_init(void)
{
	return misc_register(&faults_device);
}

void md_fault_exit(void)
{
	misc_deregister(&faults_device);
}
