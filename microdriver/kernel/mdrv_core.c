// SPDX-License-Identifier: GPL-2.0
/*
 * microdriver - the kernel's half of the runtime: instances
 *
 * An instance is a device of a k-driver, and a character device
 * /dev/microdriver/NAME for its u-driver.
 */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>

#include "mdrv_internal.h"

static struct dentry *mdrv_debug_root;

/* ---- attributes ---- */

static struct mdrv_instance *mdrv_instance_of(struct device *dev)
{
	return container_of(dev_get_drvdata(dev), struct mdrv_instance, misc);
}

static ssize_t hold_ms_show(struct device *dev, struct device_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%u\n", READ_ONCE(mdrv_instance_of(dev)->hold_ms));
}

static ssize_t hold_ms_store(struct device *dev, struct device_attribute *attribute,
			     const char *text, size_t bytes)
{
	unsigned int hold_ms;
	int err = kstrtouint(text, 0, &hold_ms);

	if (err)
		return err;
	mdrv_set_hold(mdrv_instance_of(dev), hold_ms);
	return bytes;
}
static DEVICE_ATTR_RW(hold_ms);

static ssize_t patient_show(struct device *dev, struct device_attribute *attribute, char *text)
{
	return sysfs_emit(text, "%d\n", READ_ONCE(mdrv_instance_of(dev)->patient));
}

/* Whether u-drivers may be late, so that a debugger may stop them. */
static ssize_t patient_store(struct device *dev, struct device_attribute *attribute,
			     const char *text, size_t bytes)
{
	struct mdrv_instance *md = mdrv_instance_of(dev);
	bool patient;
	int err = kstrtobool(text, &patient);

	if (err)
		return err;
	WRITE_ONCE(md->patient, patient);
	pr_notice("microdriver: %s: debug mode: %s\n", md->name,
		  patient ? "the u-driver has no deadlines" : "off, there are deadlines again");
	return bytes;
}
static DEVICE_ATTR_RW(patient);

static struct attribute *mdrv_attrs[] = { &dev_attr_hold_ms.attr, &dev_attr_patient.attr, NULL };
ATTRIBUTE_GROUPS(mdrv);

static int mdrv_counts_show(struct seq_file *file, void *unused)
{
	struct mdrv_instance *md = file->private;

	seq_printf(file, "crossings %lld\nbytes %lld\nstale %lld\nrejected %lld\n",
		   atomic64_read(&md->counts.crossings), atomic64_read(&md->counts.bytes),
		   atomic64_read(&md->counts.stale), atomic64_read(&md->counts.rejected));
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(mdrv_counts);

/* ---- instances ---- */

static void mdrv_init_locks(struct mdrv_instance *md)
{
	kref_init(&md->refs);
	mutex_init(&md->busy);
	mutex_init(&md->map_lock);
	spin_lock_init(&md->lock);
	init_waitqueue_head(&md->user_waits);
	init_waitqueue_head(&md->kernel_waits);
	INIT_LIST_HEAD(&md->to_user);
	INIT_LIST_HEAD(&md->to_kernel);
	INIT_LIST_HEAD(&md->undo);
	INIT_WORK(&md->left, mdrv_session_left);
	INIT_WORK(&md->joined, mdrv_session_joined);
}

/**
 * mdrv_create() - make an instance
 * @name: its name, and that of its character device
 * @contract: the contract with its u-driver
 * @ops: the k-driver's functions
 * @priv: for mdrv_priv()
 *
 * Add locks, registers and objects to it, and then let u-drivers attach by
 * mdrv_register().
 *
 * Context: process.
 * Return: the instance, or an ERR_PTR().
 */
struct mdrv_instance *mdrv_create(const char *name, const struct mdrv_contract *contract,
				  const struct mdrv_ops *ops, void *priv)
{
	struct mdrv_instance *md =
		kzalloc(struct_size(md, by_type, contract->types_count), GFP_KERNEL);
	int err;

	if (!md)
		return ERR_PTR(-ENOMEM);
	mdrv_init_locks(md);
	mdrv_gate_init(md);
	strscpy(md->name, name, sizeof(md->name));
	snprintf(md->miscname, sizeof(md->miscname), "microdriver-%s", md->name);
	snprintf(md->nodename, sizeof(md->nodename), "microdriver/%s", md->name);
	md->contract = contract;
	md->digest = mdrv_digest(contract);
	md->ops = ops;
	md->priv = priv;
	mdrv_objects_init(md);
	err = mdrv_share_globals(md);
	if (!err)
		return md;
	mdrv_destroy(md);
	return ERR_PTR(err);
}
EXPORT_SYMBOL_GPL(mdrv_create);

/**
 * mdrv_register() - let u-drivers attach
 * @md: the instance
 *
 * Context: process.
 * Return: 0 or -errno.
 */
int mdrv_register(struct mdrv_instance *md)
{
	int err;

	md->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = md->miscname,
		.nodename = md->nodename,
		.fops = &mdrv_session_fops,
		.groups = mdrv_groups,
		.mode = 0600,
	};
	err = misc_register(&md->misc);
	if (err)
		return err;
	md->registered = true;
	md->debug = debugfs_create_file(md->name, 0400, mdrv_debug_root, md, &mdrv_counts_fops);
	return 0;
}
EXPORT_SYMBOL_GPL(mdrv_register);

static void mdrv_unregister(struct mdrv_instance *md)
{
	debugfs_remove(md->debug);
	misc_deregister(&md->misc);
	mdrv_set_hold(md, 0);
	spin_lock(&md->lock);
	md->closed = true;
	spin_unlock(&md->lock);
	mdrv_expel(md, READ_ONCE(md->session));
	/* pairs with mdrv_session_ioctl(): either its call is seen here, or it sees the end */
	smp_mb();
	wait_event(md->kernel_waits, !atomic_read(&md->inside));
	cancel_work_sync(&md->joined);
	flush_work(&md->left);
}

/**
 * mdrv_destroy() - end an instance, registered or not
 * @md: the instance
 *
 * Its u-driver is expelled, all notes are undone, and all objects unshared.
 *
 * Context: process, outside of any chain of @md; the k-driver makes no upcalls
 * any more.
 */
void mdrv_destroy(struct mdrv_instance *md)
{
	if (md->registered)
		mdrv_unregister(md);
	mdrv_undo_all(md);
	mdrv_chain_lock(md);
	mdrv_unshare_all(md);
	mdrv_forget_foreigners(md);
	mdrv_forget_texts(md);
	mdrv_chain_unlock(md);
	mdrv_put(md);
}
EXPORT_SYMBOL_GPL(mdrv_destroy);

/**
 * mdrv_priv() - the k-driver's own data
 * @md: the instance
 *
 * Context: any.
 * Return: @priv of mdrv_create().
 */
void *mdrv_priv(const struct mdrv_instance *md)
{
	return md->priv;
}
EXPORT_SYMBOL_GPL(mdrv_priv);

/**
 * mdrv_set_hold() - set how long an upcall waits for a u-driver if there is none
 * @md: the instance
 * @hold_ms: milliseconds; 0, as at first: an upcall fails at once
 *
 * Upcalls that the contract marks MDRV_AGAIN are made again, within that time, if
 * their u-driver dies in them. In sysfs it is hold_ms of the misc device; 0 makes
 * all upcalls fail that wait, so that the k-driver can be unloaded.
 *
 * Context: process.
 */
void mdrv_set_hold(struct mdrv_instance *md, unsigned int hold_ms)
{
	WRITE_ONCE(md->hold_ms, hold_ms);
	wake_up_all(&md->kernel_waits);
}
EXPORT_SYMBOL_GPL(mdrv_set_hold);

/**
 * mdrv_map_registers() - let the u-driver map registers of the device
 * @md: the instance, not registered yet
 * @index: the number by which the u-driver maps them, less than MDRV_MAPS
 * @at: their physical address
 * @bytes: their size; the u-driver gets whole pages
 *
 * Context: process.
 * Return: 0, -EINVAL, or -EBUSY if @md is registered.
 */
int mdrv_map_registers(struct mdrv_instance *md, unsigned int index, phys_addr_t at, size_t bytes)
{
	if (md->registered)
		return -EBUSY;
	if (index >= MDRV_MAPS || md->maps[index].bytes)
		return -EINVAL;
	md->maps[index] = (struct mdrv_map){ .at = at, .bytes = bytes };
	return 0;
}
EXPORT_SYMBOL_GPL(mdrv_map_registers);

/* ---- the module ---- */

static int __init mdrv_init(void)
{
	int err = mdrv_arming_init();

	if (err)
		return err;
	mdrv_debug_root = debugfs_create_dir("microdriver", NULL);
	return 0;
}
module_init(mdrv_init);

static void __exit mdrv_exit(void)
{
	debugfs_remove(mdrv_debug_root);
	mdrv_arming_exit();
}
module_exit(mdrv_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Runtime of drivers that are split into a kernel module and a process");
