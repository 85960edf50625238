// SPDX-License-Identifier: GPL-2.0
/*
 * edu_micro - k-driver of QEMU's edu device: DMA and interrupts
 *
 * /dev/edu0 is the device's buffer: read() and write() move data by DMA, and
 * ioctl(EDU_IOC_FACTORIAL) asks for a factorial, which the u-driver works out.
 * Everything else is the u-driver's, too: it finds out what the device is, and
 * has it enabled, by downcalls.
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/kref.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "edu.h"
#include "mdrv_kernel.h"

#define DMA_TIMEOUT  (2 * HZ)
#define HOLD_MS	     3000 /* how long requests wait for a new u-driver */
#define WAIT_LOOKS   1000
#define WAIT_ROUNDS  10000 /* less than the upcall's deadline; a busy host may take its time */
#define EDU_DMA_BITS 28

struct device_state {
	struct kref refs; /* the device's, and that of each open file */
	struct edu shared;
	struct pci_dev *pci;
	struct mdrv_instance *md;
	void __iomem *registers;
	void *buffer;
	dma_addr_t buffer_at;
	bool enabled, irq; /* the u-driver has asked for it; if it asks again, it has it already */
	bool gone; /* nobody can be asked any more; asking */
	struct mutex transfer; /* never held while the u-driver is waited for */
	struct mutex asking; /* guards the requests that the u-driver sees */
	struct completion done;
	struct miscdevice misc;
};

/* ---- data path ---- */

static irqreturn_t edu_on_interrupt(int irq, void *data)
{
	struct device_state *edu = data;
	u32 why = readl(edu->registers + EDU_REG_IRQ_STATUS);

	if (!why)
		return IRQ_NONE;
	writel(why, edu->registers + EDU_REG_IRQ_ACK);
	edu->shared.stats.interrupts++;
	if (why & EDU_IRQ_DMA)
		complete(&edu->done);
	return IRQ_HANDLED;
}

/* Context: process; edu->transfer held */
static int edu_transfer(struct device_state *edu, size_t bytes, loff_t at, bool to_ram)
{
	u64 inside = EDU_DMA_BUFFER + at;

	reinit_completion(&edu->done);
	writeq(to_ram ? inside : edu->buffer_at, edu->registers + EDU_REG_DMA_FROM);
	writeq(to_ram ? edu->buffer_at : inside, edu->registers + EDU_REG_DMA_TO);
	writeq(bytes, edu->registers + EDU_REG_DMA_BYTES);
	writeq(EDU_DMA_START | EDU_DMA_IRQ | (to_ram ? EDU_DMA_TO_RAM : 0),
	       edu->registers + EDU_REG_DMA_CMD);
	if (!wait_for_completion_timeout(&edu->done, DMA_TIMEOUT))
		return -EIO;
	edu->shared.stats.transfers++;
	edu->shared.stats.bytes += bytes;
	return 0;
}

static struct device_state *edu_state_of(const struct file *file)
{
	return container_of(file->private_data, struct device_state, misc);
}

static void edu_state_free(struct kref *refs)
{
	kfree(container_of(refs, struct device_state, refs));
}

/* The device may go while its node is open. */
static int edu_open(struct inode *inode, struct file *file)
{
	kref_get(&edu_state_of(file)->refs);
	return 0;
}

static int edu_release(struct inode *inode, struct file *file)
{
	kref_put(&edu_state_of(file)->refs, edu_state_free);
	return 0;
}

static size_t edu_clipped(size_t bytes, loff_t at)
{
	return at >= EDU_USABLE_BYTES ? 0 : min_t(size_t, bytes, EDU_USABLE_BYTES - at);
}

static ssize_t edu_read(struct file *file, char __user *user, size_t bytes, loff_t *at)
{
	struct device_state *edu = edu_state_of(file);
	ssize_t err;

	bytes = edu_clipped(bytes, *at);
	if (!bytes)
		return 0;
	if (mutex_lock_killable(&edu->transfer))
		return -EINTR;
	/* the node may be gone, and this file still open */
	err = edu->shared.ready ? edu_transfer(edu, bytes, *at, true) : -ENODEV;
	if (!err && copy_to_user(user, edu->buffer, bytes))
		err = -EFAULT;
	mutex_unlock(&edu->transfer);
	if (err)
		return err;
	*at += bytes;
	return bytes;
}

static ssize_t edu_write(struct file *file, const char __user *user, size_t bytes, loff_t *at)
{
	struct device_state *edu = edu_state_of(file);
	ssize_t err = 0;

	bytes = edu_clipped(bytes, *at);
	if (!bytes)
		return -ENOSPC;
	if (mutex_lock_killable(&edu->transfer))
		return -EINTR;
	if (!edu->shared.ready)
		err = -ENODEV;
	else if (copy_from_user(edu->buffer, user, bytes))
		err = -EFAULT;
	err = err ?: edu_transfer(edu, bytes, *at, false);
	mutex_unlock(&edu->transfer);
	if (err)
		return err;
	*at += bytes;
	return bytes;
}

/* ---- what goes up ---- */

static int edu_ask(struct device_state *edu, u32 call, struct mdrv_buffer *buffer)
{
	int err = mdrv_upcall_buffer(edu->md, call, buffer, mdrv_arg(&edu->shared));

	return err > 0 ? -EPROTO : err; /* there is nothing more to say than that it is done */
}

static int edu_ask_factorial(struct device_state *edu, u32 n, u32 *result)
{
	struct edu_request *request = kzalloc(sizeof(*request), GFP_KERNEL);
	struct list_head *link = (struct list_head *)&request->next;
	int err;

	if (!request)
		return -ENOMEM;
	request->n = n;
	list_add_tail(link, (struct list_head *)edu->shared.requests);
	edu->shared.current_request = request;
	err = mdrv_share(edu->md, EDU_REQUEST, request);
	if (!err)
		err = edu_ask(edu, EDU_FACTORIAL, NULL);
	*result = request->result;
	mdrv_unshare(edu->md, request);
	edu->shared.current_request = NULL;
	list_del(link);
	kfree(request);
	return err;
}

static long edu_ioctl(struct file *file, unsigned int command, unsigned long arg)
{
	struct device_state *edu = edu_state_of(file);
	u32 __user *user = (u32 __user *)arg;
	u32 n, result;
	int err;

	if (command != EDU_IOC_FACTORIAL)
		return -ENOTTY;
	if (get_user(n, user))
		return -EFAULT;
	if (mutex_lock_killable(&edu->asking))
		return -EINTR;
	err = edu->gone ? -ENODEV : edu_ask_factorial(edu, n, &result);
	mutex_unlock(&edu->asking);
	return err ?: put_user(result, user);
}

static ssize_t stats_show(struct device *dev, struct device_attribute *attribute, char *text)
{
	struct miscdevice *misc = dev_get_drvdata(dev);
	struct device_state *edu = container_of(misc, struct device_state, misc);
	struct mdrv_buffer buffer = { .data = text, .bytes = MDRV_PAYLOAD / 2, .mode = MDRV_OUT };
	int err = edu_ask(edu, EDU_REPORT, &buffer);

	return err ? err : (ssize_t)buffer.bytes;
}
static DEVICE_ATTR_RO(stats);

static struct attribute *edu_attrs[] = { &dev_attr_stats.attr, NULL };
ATTRIBUTE_GROUPS(edu);

static const struct file_operations edu_fops = {
	.owner = THIS_MODULE,
	.open = edu_open,
	.release = edu_release,
	.read = edu_read,
	.write = edu_write,
	.unlocked_ioctl = edu_ioctl,
};

/* ---- what the u-driver asks for ---- */

static void edu_undo_enable(void *what)
{
	struct device_state *edu = what;

	pci_disable_device(edu->pci);
	edu->enabled = false;
}

static int edu_down_enable(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct device_state *edu = mdrv_priv(md);
	int err;

	if (edu->enabled)
		return 0;
	err = pci_enable_device(edu->pci);
	if (err)
		return err;
	edu->enabled = true;
	err = __mdrv_note(md, edu_undo_enable, edu);
	if (err)
		return err;
	pci_set_master(edu->pci);
	return dma_set_mask_and_coherent(&edu->pci->dev, DMA_BIT_MASK(EDU_DMA_BITS));
}

static void edu_undo_buffer(void *what)
{
	struct device_state *edu = what;

	dma_free_coherent(&edu->pci->dev, EDU_BUFFER_BYTES, edu->buffer, edu->buffer_at);
	edu->buffer = NULL;
}

static int edu_down_buffer(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct device_state *edu = mdrv_priv(md);

	if (edu->buffer)
		return 0;
	if (!edu->enabled)
		return -EINVAL;
	edu->buffer =
		dma_alloc_coherent(&edu->pci->dev, EDU_BUFFER_BYTES, &edu->buffer_at, GFP_KERNEL);
	if (!edu->buffer)
		return -ENOMEM;
	return __mdrv_note(md, edu_undo_buffer, edu);
}

static void edu_undo_interrupt(void *what)
{
	struct device_state *edu = what;

	free_irq(edu->pci->irq, edu);
	edu->irq = false;
}

static int edu_down_interrupt(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct device_state *edu = mdrv_priv(md);
	int err;

	if (edu->irq)
		return 0;
	err = request_irq(edu->pci->irq, edu_on_interrupt, IRQF_SHARED, "edu", edu);
	if (err)
		return err;
	edu->irq = true;
	return __mdrv_note(md, edu_undo_interrupt, edu);
}

static void edu_undo_register(void *what)
{
	struct device_state *edu = what;

	misc_deregister(&edu->misc);
	mutex_lock(&edu->transfer); /* one that is under way still needs the interrupt */
	edu->shared.ready = 0;
	mutex_unlock(&edu->transfer);
}

static int edu_down_register(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct device_state *edu = mdrv_priv(md);
	int err;

	if (edu->shared.ready)
		return 0;
	if (!edu->enabled || !edu->buffer || !edu->irq)
		return -EINVAL;
	err = misc_register(&edu->misc);
	if (err)
		return err;
	edu->shared.ready = 1;
	return __mdrv_note(md, edu_undo_register, edu);
}

/*
 * Wait until the device has the factorial. QEMU works it out in a thread of its
 * own, in the host's time: its interrupt would come at any instruction. A look at
 * a register takes much of the host's time and little of the guest's; one round
 * is nearly always enough, and the same each time.
 */
static int edu_down_wait(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct device_state *edu = mdrv_priv(md);
	unsigned int look, round;
	u32 status = 0;

	for (round = 0; round < WAIT_ROUNDS; round++) {
		for (look = 0; look < WAIT_LOOKS; look++)
			status = readl(edu->registers + EDU_REG_STATUS);
		if (!(status & EDU_STATUS_BUSY))
			return 0;
		cond_resched();
	}
	return -ETIMEDOUT;
}

static const mdrv_downcall_fn edu_downcall_fns[] = {
	[EDU_ENABLE] = edu_down_enable,	      [EDU_BUFFER] = edu_down_buffer,
	[EDU_INTERRUPT] = edu_down_interrupt, [EDU_REGISTER] = edu_down_register,
	[EDU_WAIT] = edu_down_wait,
};

/* The first u-driver brings the device up; its successors find it running. */
static void edu_joined(struct mdrv_instance *md)
{
	struct device_state *edu = mdrv_priv(md);
	int err;

	if (edu->shared.ready)
		return;
	err = edu_ask(edu, EDU_PROBE, NULL);
	if (err)
		dev_err(&edu->pci->dev, "probe failed: %d\n", err);
}

static const struct mdrv_ops edu_ops = { .downcalls = edu_downcall_fns, .joined = edu_joined };

/* ---- coming and going ---- */

static int edu_add(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct device_state *edu = kzalloc(sizeof(*edu), GFP_KERNEL);
	int err;

	if (!edu)
		return -ENOMEM;
	kref_init(&edu->refs);
	edu->pci = pci;
	mutex_init(&edu->transfer);
	mutex_init(&edu->asking);
	init_completion(&edu->done);
	INIT_LIST_HEAD((struct list_head *)edu->shared.requests);
	edu->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = "edu0",
		.fops = &edu_fops,
		.groups = edu_groups,
	};
	err = pci_request_regions(pci, "edu_micro");
	if (err)
		goto err_put;
	edu->registers = pci_ioremap_bar(pci, 0);
	if (!edu->registers) {
		err = -ENOMEM;
		goto err_release;
	}
	edu->md = mdrv_create("edu0", &edu_contract, &edu_ops, edu);
	if (IS_ERR(edu->md)) {
		err = PTR_ERR(edu->md);
		goto err_unmap;
	}
	mdrv_set_hold(edu->md, HOLD_MS);
	err = mdrv_map_registers(edu->md, 0, pci_resource_start(pci, 0), pci_resource_len(pci, 0));
	err = err ?: mdrv_share(edu->md, EDU, &edu->shared);
	err = err ?: mdrv_register(edu->md);
	if (err)
		goto err_destroy;
	pci_set_drvdata(pci, edu);
	return 0;

err_destroy:
	mdrv_destroy(edu->md);
err_unmap:
	iounmap(edu->registers);
err_release:
	pci_release_regions(pci);
err_put:
	kref_put(&edu->refs, edu_state_free);
	return err;
}

static void edu_remove(struct pci_dev *pci)
{
	struct device_state *edu = pci_get_drvdata(pci);

	mdrv_set_hold(edu->md, 0); /* nobody waits for a u-driver any more */
	mutex_lock(&edu->asking);
	edu->gone = true;
	mutex_unlock(&edu->asking);
	mdrv_destroy(edu->md);
	iounmap(edu->registers);
	pci_release_regions(pci);
	kref_put(&edu->refs, edu_state_free);
}

static const struct pci_device_id edu_ids[] = { { PCI_DEVICE(0x1234, 0x11e8) }, {} };
MODULE_DEVICE_TABLE(pci, edu_ids);

static struct pci_driver edu_driver = {
	.name = "edu_micro",
	.id_table = edu_ids,
	.probe = edu_add,
	.remove = edu_remove,
};
module_pci_driver(edu_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("k-driver of QEMU's edu device");
