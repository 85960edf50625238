// SPDX-License-Identifier: GPL-2.0
/* A driver of no device: a case for each thing that cannot cross between two halves. */

#include <linux/ethtool.h>
#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/pci.h>

struct refused_pair {
	u64 one, two, three;
};

struct refused {
	struct refused_pair pair;
	spinlock_t lock;
	char *name;
};

int refused_many(int a, int b, int c, int d, int e, int f, int g);
int refused_by_value(struct refused_pair pair);
int refused_numbers(u16 *numbers);
int refused_hand_out(struct refused **made);
int refused_keep(const struct net_device_ops *ops);

static int refused_open(struct net_device *dev)
{
	struct refused *refused = netdev_priv(dev);
	static const struct net_device_ops none;
	struct refused *made;
	u16 numbers[4] = {};

	refused_hand_out(&made);
	refused_keep(&none);
	return refused_many(1, 2, 3, 4, 5, 6, 7) + refused_by_value(refused->pair) +
	       refused_numbers(numbers);
}

static int refused_stop(struct net_device *dev)
{
	struct refused *refused = netdev_priv(dev);

	refused->name = "stopped";
	spin_lock_irq(&refused->lock);
	spin_unlock_irq(&refused->lock);
	return 0;
}

static u16 refused_select(struct net_device *dev, struct sk_buff *skb, struct net_device *below)
{
	return 0;
}

static netdev_tx_t refused_xmit(struct sk_buff *skb, struct net_device *dev)
{
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static const struct net_device_ops refused_ops = {
	.ndo_open = refused_open,
	.ndo_stop = refused_stop,
	.ndo_select_queue = refused_select,
	.ndo_start_xmit = refused_xmit,
};

static irqreturn_t refused_interrupt(int irq, void *data)
{
	return IRQ_HANDLED;
}

static int refused_probe(struct pci_dev *pdev, const struct pci_device_id *id)
{
	struct net_device *dev = alloc_etherdev(sizeof(struct refused));

	if (devm_request_irq(&pdev->dev, pdev->irq, refused_interrupt, 0, "refused", dev))
		return -EBUSY;
	dev->netdev_ops = &refused_ops;
	return register_netdev(dev);
}

static struct pci_driver refused_driver = { .name = "refused", .probe = refused_probe };
module_pci_driver(refused_driver);
MODULE_LICENSE("GPL");
