// SPDX-License-Identifier: GPL-2.0
/*
 * QEMU's RTL8139C+ as an RTL8139
 *
 * Linux tells these chips apart by their revision, and 8139too takes the old
 * one alone. The new chip can do all that the old one could. Each device that
 * is there now has another revision for Linux until this module goes; its
 * configuration space stays as it is.
 */
#include <linux/module.h>
#include <linux/pci.h>

#define OLD_REVISION 0x10
#define NEW_REVISION 0x20

/* Returns: how many devices had the revision @from, and have @to now. */
static int change_revisions(u8 from, u8 to)
{
	struct pci_dev *dev = NULL;
	int changed = 0;

	while ((dev = pci_get_device(PCI_VENDOR_ID_REALTEK, PCI_DEVICE_ID_REALTEK_8139, dev))) {
		if (dev->revision != from)
			continue;
		dev->revision = to;
		changed++;
	}
	return changed;
}

static int __init old_chip_init(void)
{
	if (!change_revisions(NEW_REVISION, OLD_REVISION))
		return -ENODEV;
	return 0;
}

static void __exit old_chip_exit(void)
{
	change_revisions(OLD_REVISION, NEW_REVISION);
}

module_init(old_chip_init);
module_exit(old_chip_exit);

MODULE_DESCRIPTION("QEMU's RTL8139C+ as an RTL8139");
MODULE_LICENSE("GPL");
