// SPDX-License-Identifier: GPL-2.0
/* A driver of no device: a case for each rule by which fields are found that cross. */

#include <linux/completion.h>
#include <linux/ethtool.h>
#include <linux/hid.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/slab.h>

union fields_word {
	void *pointer;
	unsigned long number;
};

struct fields_item {
	struct list_head entry;
	int weight;
};

struct fields_place {
	int x;
	int y;
};

struct fields {
	struct pci_dev *pdev;
	struct hid_device *hid;
	struct list_head items;
	struct list_head others;
	struct fields_place here;
	struct fields_place there;
	struct fields_item *table;
	struct fields_item *one;
	union fields_word word;
	unsigned long address;
	u8 *bytes;
	u16 status;
	int count;
	int kept;
	struct kref users;
	char label[16];
};

static void fields_add(int *to, int what)
{
	*to += what;
}

static void fields_in_kernel(struct fields *fields)
{
	fields->kept++;
}

static u32 fields_inline(struct net_device *net)
{
	struct fields *fields = netdev_priv(net);

	INIT_LIST_HEAD(&fields->items);
	return 0;
}

static int fields_by_address(struct net_device *net)
{
	struct fields *fields = netdev_priv(net);

	fields_add(&fields->count, 2);
	return pci_read_config_word(fields->pdev, PCI_STATUS, &fields->status);
}

static u32 fields_around(struct net_device *net)
{
	struct fields *fields = netdev_priv(net);
	struct fields_item *item;
	u32 sum = 0;

	list_for_each_entry(item, &fields->items, entry)
		sum += item->weight;
	return sum;
}

static void fields_whole(struct net_device *net, u32 level)
{
	struct fields *fields = netdev_priv(net);

	fields->there = fields->here;
	fields_in_kernel(fields);
}

static int fields_index(struct net_device *net)
{
	struct fields *fields = netdev_priv(net);

	return fields->table[fields->count].weight + fields->one->weight;
}

static void fields_strings(struct net_device *net, struct ethtool_drvinfo *info)
{
	struct fields *fields = netdev_priv(net);

	strscpy(info->driver, fields->label, sizeof(info->driver));
}

static int fields_union(struct net_device *net, struct ethtool_wolinfo *info)
{
	struct fields *fields = netdev_priv(net);

	fields->word.number = info->wolopts;
	return 0;
}

static void fields_made(struct net_device *net, struct ethtool_wolinfo *info)
{
	struct fields *fields = netdev_priv(net);

	info->supported = *(u32 *)fields->address;
}

static int fields_buffer(struct net_device *net, struct ethtool_eeprom *what, u8 *data)
{
	data[0] = what->magic;
	return 0;
}

static void fields_bytes(struct net_device *net, struct ethtool_pause_stats *stats)
{
	struct fields *fields = netdev_priv(net);

	stats->tx_pause_frames = *fields->bytes;
}

static void fields_fresh(struct net_device *net, struct ethtool_regs *regs, void *data)
{
	struct fields_item *item = kmalloc(sizeof(*item), GFP_KERNEL);
	struct fields *fields = netdev_priv(net);
	struct fields_place place = { .x = 1 };

	if (item)
		item->weight = place.x;
	fields->one = item;
}

static int fields_child(struct device *child, void *data)
{
	struct fields *fields = data;

	fields->here.y = child->id;
	return 0;
}

static void fields_release(struct kref *users)
{
	struct fields *fields = container_of(users, struct fields, users);

	fields->there.x = 0;
}

static int fields_put(struct net_device *net, struct ethtool_coalesce *coalesce,
		      struct kernel_ethtool_coalesce *more, struct netlink_ext_ack *answer)
{
	struct fields *fields = netdev_priv(net);

	return kref_put(&fields->users, fields_release);
}

static void fields_callback(struct net_device *net, struct ethtool_channels *channels)
{
	struct fields *fields = netdev_priv(net);

	device_for_each_child(&fields->pdev->dev, fields, fields_child);
}

static void fields_sized(struct net_device *net, struct ethtool_pauseparam *pause)
{
	struct fields *fields = netdev_priv(net);

	pause->autoneg = fields->hid->collection[fields->count].usage;
}

static netdev_tx_t fields_xmit(struct sk_buff *skb, struct net_device *net)
{
	fields_in_kernel(netdev_priv(net));
	return NETDEV_TX_OK;
}

static const struct net_device_ops fields_net_ops = {
	.ndo_start_xmit = fields_xmit,
};

static const struct ethtool_ops fields_ethtool_ops = {
	.get_link = fields_inline,
	.nway_reset = fields_by_address,
	.get_msglevel = fields_around,
	.set_msglevel = fields_whole,
	.get_eeprom_len = fields_index,
	.get_drvinfo = fields_strings,
	.set_wol = fields_union,
	.get_wol = fields_made,
	.get_eeprom = fields_buffer,
	.get_pause_stats = fields_bytes,
	.get_regs = fields_fresh,
	.get_channels = fields_callback,
	.get_coalesce = fields_put,
	.get_pauseparam = fields_sized,
};

static int fields_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct net_device *net = pci_get_drvdata(pdev);

	net->netdev_ops = &fields_net_ops;
	net->ethtool_ops = &fields_ethtool_ops;
	return 0;
}

static struct pci_driver fields_driver = {
	.name = "fields",
	.probe = fields_probe,
};
module_pci_driver(fields_driver);

MODULE_DESCRIPTION("A case for each rule by which fields are found");
MODULE_LICENSE("GPL");
