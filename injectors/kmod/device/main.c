// SPDX-License-Identifier: GPL-2.0
/*
 * faultkit_device - faults of a PCI device, as its driver sees them
 *
 * Each open file of /dev/faultkit_device is one arming. One line is written to
 * it, once: a fault, the device's slot (as in /sys/bus/pci/devices), numbers:
 *
 *	lose  SLOT NTH TIMES BAR OFFSET BYTES	interrupts (lose.c)
 *	storm SLOT TIMES INTERVAL_US		interrupts (storm.c)
 *	ones  SLOT ADDRESS PAGES SILENT FOR_MS	registers (ones.c)
 *	flip  SLOT NTH TIMES BYTE BIT		received data (flip.c)
 *
 * Reading gives the CLOCK_MONOTONIC of each activation, a line each, of the
 * first 256; poll() waits for one. The arming ends with the file.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "device.h"

#define MAX_LINE   200
#define MAX_STAMPS 256

struct arming {
	const struct device_fault *fault; /* NULL: not armed */
	struct pci_dev *device;
	void *state;

	atomic_t hits;
	int told;
	u64 stamps[MAX_STAMPS];
	wait_queue_head_t waiters;
	struct work_struct wake;
};

static const struct device_fault *const faults[] = {
	&lose_fault,
	&storm_fault,
	&ones_fault,
	&flip_fault,
};

struct pci_dev *device_of(struct arming *a)
{
	return a->device;
}

void *state_of(struct arming *a)
{
	return a->state;
}

void activated(struct arming *a)
{
	int hit = atomic_inc_return(&a->hits);

	if (hit > MAX_STAMPS)
		return;
	a->stamps[hit - 1] = ktime_get_mono_fast_ns();
	schedule_work(&a->wake);
}

static void wake_readers(struct work_struct *work)
{
	wake_up_interruptible(&container_of(work, struct arming, wake)->waiters);
}

static const struct device_fault *fault_named(const char *name)
{
	for (int i = 0; i < ARRAY_SIZE(faults); i++)
		if (!strcmp(faults[i]->name, name))
			return faults[i];
	return NULL;
}

static int arm(struct arming *a, const char *line)
{
	unsigned int domain, bus, slot, function;
	const struct device_fault *fault;
	char name[8];
	int end = 0;
	int err;

	if (sscanf(line, "%7s %x:%x:%x.%x %n", name, &domain, &bus, &slot, &function, &end) < 5)
		return -EINVAL;
	fault = fault_named(name);
	if (!fault || !end)
		return -EINVAL;
	a->device = pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(slot, function));
	if (!a->device)
		return -ENODEV;
	a->state = kzalloc(fault->state_size, GFP_KERNEL);
	err = a->state ? fault->start(a, line + end) : -ENOMEM;
	if (err)
		goto err_free;
	a->fault = fault;
	return 0;

err_free:
	kfree(a->state);
	pci_dev_put(a->device);
	return err;
}

static ssize_t device_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	struct arming *a = file->private_data;
	char line[MAX_LINE + 1];
	int err;

	if (count > MAX_LINE)
		return -EINVAL;
	if (copy_from_user(line, user, count))
		return -EFAULT;
	line[count] = '\0';
	if (a->fault)
		return -EBUSY;
	err = arm(a, line);
	return err ?: count;
}

static bool has_news(struct arming *a)
{
	return a->told < min(atomic_read(&a->hits), MAX_STAMPS);
}

static ssize_t device_read(struct file *file, char __user *user, size_t count, loff_t *pos)
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

static __poll_t device_poll(struct file *file, poll_table *table)
{
	struct arming *a = file->private_data;

	poll_wait(file, &a->waiters, table);
	return has_news(a) ? EPOLLIN | EPOLLRDNORM : 0;
}

static int device_open(struct inode *inode, struct file *file)
{
	struct arming *a = kzalloc(sizeof(*a), GFP_KERNEL);

	if (!a)
		return -ENOMEM;
	init_waitqueue_head(&a->waiters);
	INIT_WORK(&a->wake, wake_readers);
	file->private_data = a;
	return 0;
}

static int device_release(struct inode *inode, struct file *file)
{
	struct arming *a = file->private_data;

	if (a->fault) {
		a->fault->stop(a);
		kfree(a->state);
		pci_dev_put(a->device);
	}
	flush_work(&a->wake);
	kfree(a);
	return 0;
}

static const struct file_operations device_fops = {
	.owner = THIS_MODULE,
	.open = device_open,
	.release = device_release,
	.read = device_read,
	.write = device_write,
	.poll = device_poll,
};

static struct miscdevice device_node = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "faultkit_device",
	.fops = &device_fops,
	.mode = 0600,
};
module_misc_device(device_node);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: faults of a PCI device, as its driver sees them");
