// SPDX-License-Identifier: GPL-2.0
/* A driver of no device: a case for each rule by which a function's side is found. */

#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/platform_device.h>
#include <linux/sort.h>
#include <linux/timer.h>
#include <linux/workqueue.h>

struct rules;

struct rules_ops {
	void (*start)(struct rules *rules);
	void (*kick)(struct rules *rules);
};

struct rules {
	struct net_device *net;
	const struct rules_ops *ops;
	struct timer_list timer;
	struct work_struct work;
	spinlock_t lock; /* of the counts */
	u32 counts[4];
	int irq;
};

static inline void rules_count(struct rules *rules, int which)
{
	rules->counts[which]++;
}

static void rules_lock(struct rules *rules)
{
	spin_lock_bh(&rules->lock);
}

static void rules_unlock(struct rules *rules)
{
	spin_unlock_bh(&rules->lock);
}

static void rules_deepest(struct rules *rules)
{
	rules_count(rules, 0);
}

static void rules_deeper(struct rules *rules)
{
	rules_deepest(rules);
}

static void rules_ring(struct rules *rules)
{
	rules->counts[1] = 1;
}

static void rules_start(struct rules *rules)
{
	rules->counts[2] = 1;
}

static void rules_kick(struct rules *rules)
{
	rules_ring(rules);
}

static const struct rules_ops rules_ops = {
	.start = rules_start,
	.kick = rules_kick,
};

static void rules_visit_each(struct rules *rules, void (*visit)(struct rules *rules))
{
	visit(rules);
}

static void rules_visit(struct rules *rules)
{
	rules->counts[3] = 0;
}

static irqreturn_t rules_interrupt(int irq, void *data)
{
	struct rules *rules = data;

	rules->ops->kick(rules);
	return IRQ_HANDLED;
}

static void rules_tick(struct timer_list *timer)
{
	struct rules *rules = from_timer(rules, timer, timer);

	rules_visit_each(rules, rules_visit);
}

static void rules_work(struct work_struct *work)
{
	struct rules *rules = container_of(work, struct rules, work);

	rules->counts[0] = 0;
}

static void rules_destroy(struct net_device *net)
{
	struct rules *rules = netdev_priv(net);

	rules->net = NULL;
}

static netdev_tx_t rules_xmit(struct sk_buff *skb, struct net_device *net)
{
	rules_deeper(netdev_priv(net));
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

static int rules_compare(const void *one, const void *other)
{
	return *(const u32 *)one - *(const u32 *)other;
}

static int rules_open(struct net_device *net)
{
	struct rules *rules = netdev_priv(net);

	rules->ops->start(rules);
	sort(rules->counts, ARRAY_SIZE(rules->counts), sizeof(u32), rules_compare, NULL);
	return request_irq(rules->irq, rules_interrupt, 0, net->name, rules);
}

static int rules_stop(struct net_device *net)
{
	struct rules *rules = netdev_priv(net);

	free_irq(rules->irq, rules);
	return 0;
}

static void rules_set_rx_mode(struct net_device *net)
{
	struct rules *rules = netdev_priv(net);

	rules_ring(rules);
}

static u32 rules_get_msglevel(struct net_device *net)
{
	struct rules *rules = netdev_priv(net);
	unsigned long flags;
	u32 found;

	spin_lock_irqsave(&rules->lock, flags);
	found = rules->counts[0];
	spin_unlock_irqrestore(&rules->lock, flags);
	return found;
}

static void rules_set_msglevel(struct net_device *net, u32 level)
{
	struct rules *rules = netdev_priv(net);

	rules_lock(rules);
	rules->counts[0] = level;
	rules_unlock(rules);
}

static void __maybe_unused rules_forgotten(struct rules *rules)
{
	rules->counts[0] = 0;
}

static const struct net_device_ops rules_net_ops = {
	.ndo_open = rules_open,
	.ndo_stop = rules_stop,
	.ndo_start_xmit = rules_xmit,
	.ndo_set_rx_mode = rules_set_rx_mode,
};

static const struct ethtool_ops rules_ethtool_ops = {
	.get_msglevel = rules_get_msglevel,
	.set_msglevel = rules_set_msglevel,
};

static int rules_probe(struct platform_device *device)
{
	struct net_device *net = devm_alloc_etherdev(&device->dev, sizeof(struct rules));
	struct rules *rules;

	if (!net)
		return -ENOMEM;
	rules = netdev_priv(net);
	rules->net = net;
	rules->ops = &rules_ops;
	spin_lock_init(&rules->lock);
	timer_setup(&rules->timer, rules_tick, 0);
	INIT_WORK(&rules->work, rules_work);
	net->netdev_ops = &rules_net_ops;
	net->ethtool_ops = &rules_ethtool_ops;
	net->priv_destructor = rules_destroy;
	return devm_register_netdev(&device->dev, net);
}

static struct platform_driver rules_driver = {
	.probe = rules_probe,
	.driver = { .name = "rules" },
};
module_platform_driver(rules_driver);

MODULE_DESCRIPTION("A case for each rule of the slicer's");
MODULE_LICENSE("GPL");
