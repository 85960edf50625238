// SPDX-License-Identifier: GPL-2.0
/*
 * A driver of QEMU's edu and rtl8139 that has bugs, for tools that find them. A word that is
 * written to the device's file "bug" says which one shows itself.
 */
#include <linux/device.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PLANTED_VENDOR	0x1234
#define PLANTED_DEVICE	0x11e8
#define PLANTED_NUMBERS 24

#define PLANTED_ROUNDS 60000000

#define PLANTED_NIC_VENDOR 0x10ec
#define PLANTED_NIC	   0x8139
#define PLANTED_PORTS_BAR  0
#define PLANTED_LOCK_AT	   0x50
#define PLANTED_UNLOCKED   0xc0

struct planted_list {
	struct planted_list *next;
	u32 number;
};

/* Return: the number behind the first */
static noinline __noclone u32 planted_follow(const struct planted_list *list)
{
	return list->next->number; /* a list of one: NULL is followed */
}

static noinline __noclone u32 planted_mix(u32 seed)
{
	u32 n;

	for (n = 0; n < PLANTED_ROUNDS; n++) /* far too many */
		seed = seed * 1664525 + 1013904223;
	return seed;
}

static noinline __noclone u32 planted_fill(u32 count)
{
	u8 *numbers = kmalloc(count, GFP_KERNEL);
	u32 n, sum = 0;

	if (!numbers)
		return 0;
	for (n = 0; n <= count; n++) /* one too many */
		WRITE_ONCE(numbers[n], n);
	for (n = 0; n < count; n++)
		sum += numbers[n];
	kfree(numbers);
	return sum;
}

static noinline __noclone u32 planted_reset(void)
{
	outb(0xfe, 0x64); /* the keyboard's controller resets the machine */
	return inb(0x64);
}

/* Return: the state of the chip's configuration lock, which opens before */
static noinline __noclone u32 planted_ports(const struct pci_dev *pdev)
{
	u16 base = pci_resource_start(pdev, PLANTED_PORTS_BAR);

	outb(PLANTED_UNLOCKED, base + PLANTED_LOCK_AT);
	return inb(base + PLANTED_LOCK_AT);
}

static u32 planted_number(const struct pci_dev *pdev, const char *word)
{
	struct planted_list one = { .number = 1 };

	if (sysfs_streq(word, "null"))
		return planted_follow(&one);
	if (sysfs_streq(word, "loop"))
		return planted_mix(1);
	if (sysfs_streq(word, "overflow"))
		return planted_fill(PLANTED_NUMBERS);
	if (sysfs_streq(word, "reset"))
		return planted_reset();
	if (sysfs_streq(word, "ports"))
		return planted_ports(pdev);
	return 0;
}

static ssize_t bug_store(struct device *dev, struct device_attribute *attribute, const char *text,
			 size_t bytes)
{
	dev_info(dev, "number %u\n", planted_number(to_pci_dev(dev), text));
	return bytes;
}
static DEVICE_ATTR_WO(bug);

static struct attribute *planted_attrs[] = { &dev_attr_bug.attr, NULL };
ATTRIBUTE_GROUPS(planted);

static int planted_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	dev_info(&pdev->dev, "bugs are planted\n");
	return pci_enable_device(pdev);
}

static void planted_remove(struct pci_dev *pdev)
{
	dev_info(&pdev->dev, "bugs are gone\n");
	pci_disable_device(pdev);
}

static const struct pci_device_id planted_ids[] = { { PCI_DEVICE(PLANTED_VENDOR, PLANTED_DEVICE) },
						    { PCI_DEVICE(PLANTED_NIC_VENDOR, PLANTED_NIC) },
						    {} };
MODULE_DEVICE_TABLE(pci, planted_ids);

static struct pci_driver planted_driver = {
	.name = "planted",
	.id_table = planted_ids,
	.probe = planted_probe,
	.remove = planted_remove,
	.dev_groups = planted_groups,
};
module_pci_driver(planted_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Driver of QEMU's edu, with bugs");
