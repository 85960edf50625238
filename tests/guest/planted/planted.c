// SPDX-License-Identifier: GPL-2.0
/*
 * A driver of QEMU's edu that has bugs, for tools that find them. A word that is
 * written to the device's file "bug" says which one shows itself.
 */
#include <linux/device.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>

#define PLANTED_VENDOR	0x1234
#define PLANTED_DEVICE	0x11e8
#define PLANTED_NUMBERS 24
#define PLANTED_ROUNDS	60000000

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

static u32 planted_number(const char *word)
{
	struct planted_list one = { .number = 1 };

	if (sysfs_streq(word, "null"))
		return planted_follow(&one);
	if (sysfs_streq(word, "loop"))
		return planted_mix(1);
	if (sysfs_streq(word, "overflow"))
		return planted_fill(PLANTED_NUMBERS);
	return 0;
}

static ssize_t bug_store(struct device *dev, struct device_attribute *attribute, const char *text,
			 size_t bytes)
{
	dev_info(dev, "number %u\n", planted_number(text));
	return bytes;
}
static DEVICE_ATTR_WO(bug);

static struct attribute *planted_attrs[] = { &dev_attr_bug.attr, NULL };
ATTRIBUTE_GROUPS(planted);

static int planted_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	dev_info(&pdev->dev, "bugs are planted\n");
	return 0;
}

static void planted_remove(struct pci_dev *pdev)
{
	dev_info(&pdev->dev, "bugs are gone\n");
}

static const struct pci_device_id planted_ids[] = { { PCI_DEVICE(PLANTED_VENDOR, PLANTED_DEVICE) },
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
