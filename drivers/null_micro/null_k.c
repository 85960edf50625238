// SPDX-License-Identifier: GPL-2.0
/*
 * null_micro - k-driver without a device
 *
 * Each read() of /dev/null_micro makes one upcall, and gives the nanoseconds
 * that it took.
 */
#include <linux/fs.h>
#include <linux/ktime.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/uaccess.h>

#include "mdrv_kernel.h"
#include "null.h"

#define HOLD_MS 3000 /* how long a read waits for a new u-driver */

static struct mdrv_instance *instance;

static ssize_t null_read(struct file *file, char __user *user, size_t bytes, loff_t *at)
{
	ktime_t began = ktime_get();
	int err = mdrv_upcall(instance, NULL_NOTHING);
	u64 took_ns = ktime_to_ns(ktime_sub(ktime_get(), began));

	if (err < 0)
		return err;
	if (bytes < sizeof(took_ns))
		return -EINVAL;
	return copy_to_user(user, &took_ns, sizeof(took_ns)) ? -EFAULT : sizeof(took_ns);
}

static const struct file_operations null_fops = { .owner = THIS_MODULE, .read = null_read };

static struct miscdevice null_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "null_micro",
	.fops = &null_fops,
};

static const struct mdrv_ops null_ops = {};

static int __init null_init(void)
{
	int err;

	instance = mdrv_create("null0", &null_contract, &null_ops, NULL);
	if (IS_ERR(instance))
		return PTR_ERR(instance);
	mdrv_set_hold(instance, HOLD_MS);
	err = mdrv_register(instance) ?: misc_register(&null_device);
	if (err)
		mdrv_destroy(instance);
	return err;
}
module_init(null_init);

static void __exit null_exit(void)
{
	misc_deregister(&null_device);
	mdrv_destroy(instance);
}
module_exit(null_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("k-driver of a microdriver that does nothing");
