// SPDX-License-Identifier: GPL-2.0
/*
 * tally - k-driver of QEMU's pci-testdev
 *
 * ioctl(TALLY_IOC_COUNT) of /dev/tally0 writes so many bytes to the device, and
 * gives how many it has counted. The u-driver knows how a count is begun, and
 * where the bytes are to be written.
 */
#include <linux/fs.h>
#include <linux/io.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mdrv_kernel.h"
#include "tally.h"

#define HOLD_MS 3000 /* how long writers wait for a new u-driver */

struct device_state {
	struct tally shared;
	struct pci_dev *pci;
	struct mdrv_instance *md;
	void __iomem *registers;
	struct mutex counting; /* a count and the bytes that belong to it */
	struct miscdevice misc;
	bool enabled;
};

static struct device_state *tally_state_of(const struct file *file)
{
	return container_of(file->private_data, struct device_state, misc);
}

/* ---- what users ask for ---- */

static int tally_ask(struct device_state *tally, u32 call)
{
	int err = mdrv_upcall(tally->md, call, mdrv_arg(&tally->shared));

	return err > 0 ? -EPROTO : err;
}

/* Context: process; tally->counting held. To begin a count forgets the one before. */
static int tally_count(struct device_state *tally, u32 number, u32 *found)
{
	int err = tally_ask(tally, TALLY_BEGIN);
	u32 n;

	if (err)
		return err;
	for (n = 0; n < number; n++)
		writeb(tally->shared.data, tally->registers + tally->shared.place);
	*found = 0;
	for (n = 0; n < sizeof(*found); n++)
		*found |= readb(tally->registers + TALLY_REG_COUNT + n) << 8 * n;
	return 0;
}

static long tally_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct device_state *tally = tally_state_of(file);
	u32 __user *user = (u32 __user *)arg;
	u32 number, found;
	int err;

	if (command != TALLY_IOC_COUNT)
		return -ENOTTY;
	if (get_user(number, user))
		return -EFAULT;
	if (number > TALLY_MOST)
		return -EINVAL;
	if (mutex_lock_killable(&tally->counting))
		return -EINTR;
	err = tally_count(tally, number, &found);
	mutex_unlock(&tally->counting);
	return err ?: put_user(found, user);
}

static const struct file_operations tally_fops = {
	.owner = THIS_MODULE,
	.unlocked_ioctl = tally_ioctl,
};

/* ---- what the u-driver asks for ---- */

static void tally_undo_enable(void *what)
{
	struct device_state *tally = what;

	pci_disable_device(tally->pci);
	tally->enabled = false;
}

static int tally_down_enable(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct device_state *tally = mdrv_priv(md);
	int err = tally->enabled ? -EBUSY : pci_enable_device(tally->pci);

	if (err)
		return err;
	tally->enabled = true;
	return __mdrv_note(md, tally_undo_enable, tally);
}

static void tally_undo_register(void *what)
{
	struct device_state *tally = what;

	misc_deregister(&tally->misc);
	tally->shared.ready = 0;
}

static int tally_down_register(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct device_state *tally = mdrv_priv(md);
	int err = !tally->enabled || tally->shared.ready ? -EINVAL : misc_register(&tally->misc);

	if (err)
		return err;
	tally->shared.ready = 1;
	return __mdrv_note(md, tally_undo_register, tally);
}

static const mdrv_downcall_fn tally_downcall_fns[] = {
	[TALLY_ENABLE] = tally_down_enable,
	[TALLY_REGISTER] = tally_down_register,
};

static void tally_joined(struct mdrv_instance *md)
{
	struct device_state *tally = mdrv_priv(md);
	int err = tally->shared.ready ? 0 : tally_ask(tally, TALLY_PROBE);

	if (err)
		dev_err(&tally->pci->dev, "probe failed: %d\n", err);
}

static const struct mdrv_ops tally_ops = { .downcalls = tally_downcall_fns,
					   .joined = tally_joined };

/* ---- coming and going ---- */

static int tally_add(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct device_state *tally = devm_kzalloc(&pci->dev, sizeof(*tally), GFP_KERNEL);
	int err;

	if (!tally)
		return -ENOMEM;
	tally->pci = pci;
	mutex_init(&tally->counting);
	tally->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = "tally0",
		.fops = &tally_fops,
	};
	err = pci_request_regions(pci, "tally");
	if (err)
		return err;
	tally->registers = pci_ioremap_bar(pci, 0);
	if (!tally->registers) {
		err = -ENOMEM;
		goto err_release;
	}
	tally->md = mdrv_create("tally0", &tally_contract, &tally_ops, tally);
	if (IS_ERR(tally->md)) {
		err = PTR_ERR(tally->md);
		goto err_unmap;
	}
	mdrv_set_hold(tally->md, HOLD_MS);
	err = mdrv_map_registers(tally->md, 0, pci_resource_start(pci, 0), TALLY_REG_BYTES);
	err = err ?: mdrv_share(tally->md, TALLY, &tally->shared);
	err = err ?: mdrv_register(tally->md);
	if (err)
		goto err_destroy;
	pci_set_drvdata(pci, tally);
	return 0;

err_destroy:
	mdrv_destroy(tally->md);
err_unmap:
	iounmap(tally->registers);
err_release:
	pci_release_regions(pci);
	return err;
}

static void tally_remove(struct pci_dev *pci)
{
	struct device_state *tally = pci_get_drvdata(pci);

	mdrv_destroy(tally->md);
	iounmap(tally->registers);
	pci_release_regions(pci);
}

static const struct pci_device_id tally_ids[] = { { PCI_DEVICE(0x1b36, 0x0005) }, {} };
MODULE_DEVICE_TABLE(pci, tally_ids);

static struct pci_driver tally_driver = {
	.name = "tally",
	.id_table = tally_ids,
	.probe = tally_add,
	.remove = tally_remove,
};
module_pci_driver(tally_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("k-driver of QEMU's pci-testdev");
