// SPDX-License-Identifier: GPL-2.0
/*
 * rtl8139_micro - k-driver of the RTL8139C+ network interface: what the kernel
 * calls, and what the u-driver asks for
 *
 * Opening, stopping, settings and the link are the u-driver's; each operation
 * that needs it is a stub. What must not wait is done here.
 */
#include <linux/crc32.h>
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/ethtool.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/module.h>
#include <linux/rtnetlink.h>

#include "rtl_contract.h"
#include "rtl_k.h"

#define NAME	      "rtl8139_micro"
#define HOLD_MS	      3000 /* how long operations wait for a new u-driver */
#define CPLUS_VERSION 0x20 /* the PCI revision from which the chip has the C+ mode */
#define REGS_BAR      1

static int rtl_ask(struct adapter *a, u32 call)
{
	int err = mdrv_upcall(a->md, call, mdrv_arg(&a->shared));

	return err > 0 ? -EPROTO : err; /* there is nothing more to say than that it is done */
}

/* Context: rtnl held. The u-driver may ask for rings and traffic meanwhile, in this thread. */
static int rtl_ask_to_move(struct adapter *a, u32 call)
{
	int err;

	WRITE_ONCE(a->mover, current);
	err = rtl_ask(a, call);
	WRITE_ONCE(a->mover, NULL);
	return err;
}

static bool rtl_may_move(const struct adapter *a)
{
	return READ_ONCE(a->mover) == current;
}

/* ---- what the kernel asks for ---- */

/* Whatever state things are in: afterwards there is no traffic, and nothing is held for it. */
static void rtl_close_down(struct adapter *a)
{
	rtl_quiet(a);
	writeb(0, a->regs + RTL_COMMAND);
	rtl_interrupt_free(a);
	rtl_rings_free(a);
	a->shared.running = 0;
}

static int rtl_open(struct net_device *net)
{
	struct adapter *a = netdev_priv(net);
	int err = rtl_ask_to_move(a, RTL_OPEN);

	if (!err && !a->flowing)
		err = -EPROTO;
	if (err)
		rtl_close_down(a);
	return err;
}

static int rtl_stop(struct net_device *net)
{
	struct adapter *a = netdev_priv(net);

	cancel_work_sync(&a->mode_work);
	rtl_ask_to_move(a, RTL_STOP); /* may fail: the next line does what matters */
	rtl_close_down(a);
	return 0;
}

static int rtl_set_mac(struct net_device *net, void *address)
{
	struct adapter *a = netdev_priv(net);
	const struct sockaddr *wanted = address;

	if (!is_valid_ether_addr(wanted->sa_data))
		return -EADDRNOTAVAIL;
	memcpy(a->shared.mac, wanted->sa_data, ETH_ALEN);
	eth_hw_addr_set(net, a->shared.mac);
	return rtl_ask(a, RTL_SET_MAC);
}

static int rtl_set_features(struct net_device *net, netdev_features_t features)
{
	struct adapter *a = netdev_priv(net);

	a->shared.rx_checksum = !!(features & NETIF_F_RXCSUM);
	return rtl_ask(a, RTL_SET_CHECKSUM);
}

static u64 rtl_multicast_filter(struct net_device *net)
{
	struct netdev_hw_addr *address;
	u64 filter = 0;

	netdev_for_each_mc_addr(address, net)
		filter |= 1ULL << (ether_crc(ETH_ALEN, address->addr) >> 26);
	return filter;
}

/*
 * Context: softirq or process, the address lock held. While the u-driver has the
 * registers, a work item does it later.
 */
static void rtl_set_rx_mode(struct net_device *net)
{
	struct adapter *a = netdev_priv(net);
	bool all = net->flags & (IFF_PROMISC | IFF_ALLMULTI);
	unsigned long flags;

	a->multicast = all ? ~0ULL : rtl_multicast_filter(net);
	a->shared.rx_config = RTL_RX_THRESHOLD | RTL_RX_BURST | RTL_RX_BROADCAST | RTL_RX_OURS |
			      (a->multicast ? RTL_RX_MULTICAST : 0) |
			      (net->flags & IFF_PROMISC ? RTL_RX_ALL : 0);
	if (!a->flowing)
		return;
	if (!mdrv_lock_try(&a->registers, &flags)) {
		schedule_work(&a->mode_work);
		return;
	}
	rtl_apply_mode(a);
	mdrv_lock_release(&a->registers, flags);
}

static void rtl_on_mode(struct work_struct *work)
{
	struct adapter *a = container_of(work, struct adapter, mode_work);
	unsigned long flags;

	if (mdrv_lock_wait(&a->registers, &flags))
		return;
	rtl_apply_mode(a);
	mdrv_lock_release(&a->registers, flags);
}

/* Context: any */
static void rtl_stats(struct net_device *net, struct rtnl_link_stats64 *stats)
{
	const struct adapter *a = netdev_priv(net);

	stats->rx_packets = a->counts.rx_packets;
	stats->rx_bytes = a->counts.rx_bytes;
	stats->tx_packets = a->counts.tx_packets;
	stats->tx_bytes = a->counts.tx_bytes;
	stats->rx_errors = a->counts.rx_errors;
	stats->rx_dropped = a->counts.rx_dropped;
	stats->tx_dropped = a->counts.tx_dropped;
}

static void rtl_timeout(struct net_device *net, unsigned int queue)
{
	struct adapter *a = netdev_priv(net);

	schedule_work(&a->recover_work);
}

const struct net_device_ops rtl_netdev_ops = {
	.ndo_open = rtl_open,
	.ndo_stop = rtl_stop,
	.ndo_start_xmit = rtl_transmit,
	.ndo_set_mac_address = rtl_set_mac,
	.ndo_validate_addr = eth_validate_addr,
	.ndo_set_features = rtl_set_features,
	.ndo_set_rx_mode = rtl_set_rx_mode,
	.ndo_get_stats64 = rtl_stats,
	.ndo_tx_timeout = rtl_timeout,
};

static int rtl_get_settings(struct net_device *net, struct ethtool_link_ksettings *settings)
{
	struct adapter *a = netdev_priv(net);
	int err = rtl_ask(a, RTL_SETTINGS);

	if (err)
		return err;
	settings->base.port = PORT_MII;
	settings->base.speed = a->shared.speed;
	settings->base.duplex = a->shared.full_duplex ? DUPLEX_FULL : DUPLEX_HALF;
	settings->base.autoneg = a->shared.autoneg ? AUTONEG_ENABLE : AUTONEG_DISABLE;
	return 0;
}

static int rtl_renegotiate(struct net_device *net)
{
	return rtl_ask(netdev_priv(net), RTL_RENEGOTIATE);
}

static int rtl_regs_bytes(struct net_device *net)
{
	return RTL_REGS_BYTES;
}

static void rtl_get_regs(struct net_device *net, struct ethtool_regs *regs, void *data)
{
	struct adapter *a = netdev_priv(net);
	struct mdrv_buffer buffer = { .data = data, .bytes = RTL_REGS_BYTES, .mode = MDRV_OUT };

	mdrv_upcall_buffer(a->md, RTL_READ_REGS, &buffer, mdrv_arg(&a->shared));
}

static void rtl_driver_info(struct net_device *net, struct ethtool_drvinfo *info)
{
	struct adapter *a = netdev_priv(net);

	strscpy(info->driver, NAME, sizeof(info->driver));
	strscpy(info->bus_info, pci_name(a->pci), sizeof(info->bus_info));
}

static const struct ethtool_ops rtl_ethtool_ops = {
	.get_drvinfo = rtl_driver_info,
	.get_link = ethtool_op_get_link,
	.get_link_ksettings = rtl_get_settings,
	.nway_reset = rtl_renegotiate,
	.get_regs_len = rtl_regs_bytes,
	.get_regs = rtl_get_regs,
};

static void rtl_on_link(struct work_struct *work)
{
	rtl_ask(container_of(work, struct adapter, link_work), RTL_LINK_CHANGED);
}

/* The device or its bus has failed, or does not transmit: begin anew. */
static void rtl_on_recover(struct work_struct *work)
{
	struct adapter *a = container_of(work, struct adapter, recover_work);

	rtnl_lock();
	if (netif_running(a->net))
		rtl_ask_to_move(a, RTL_RECOVER);
	rtnl_unlock();
}

/* ---- what the u-driver asks for ---- */

static void rtl_undo_enable(void *what)
{
	struct adapter *a = what;

	pci_disable_device(a->pci);
	a->enabled = false;
}

static int rtl_down_enable(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);
	int err;

	if (a->enabled)
		return 0;
	err = pci_enable_device(a->pci);
	if (err)
		return err;
	a->enabled = true;
	err = __mdrv_note(md, rtl_undo_enable, a);
	if (err)
		return err;
	pci_set_master(a->pci);
	return dma_set_mask_and_coherent(&a->pci->dev, DMA_BIT_MASK(32));
}

static bool rtl_is_registered(const struct adapter *a)
{
	return a->net->reg_state == NETREG_REGISTERED;
}

/*
 * An interface can be registered only once, so nothing that may yet have to be
 * undone: it is when the u-driver's call has come to its end, in rtl_announce().
 */
static int rtl_down_register(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);

	if (!a->enabled || rtl_is_registered(a) || !is_valid_ether_addr(a->shared.mac))
		return -EINVAL;
	eth_hw_addr_set(a->net, a->shared.mac);
	a->wanted = true;
	return 0;
}

static int rtl_down_rings(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);

	if (!rtl_may_move(a))
		return -EPERM;
	return a->rx ? -EBUSY : rtl_rings_alloc(a);
}

static int rtl_down_refill(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);

	if (!rtl_may_move(a))
		return -EPERM;
	return a->flowing || !a->rx ? -EBUSY : rtl_rings_reset(a);
}

static int rtl_down_interrupt(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);

	if (!rtl_may_move(a))
		return -EPERM;
	return a->irq ? -EBUSY : rtl_interrupt_request(a);
}

static int rtl_down_start(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);
	unsigned long flags;

	if (!rtl_may_move(a))
		return -EPERM;
	if (a->flowing || !a->rx || !a->irq)
		return -EINVAL;
	if (!mdrv_lock_try(&a->registers, &flags))
		return -EDEADLK; /* the u-driver itself holds it */
	rtl_apply_mode(a);
	mdrv_lock_release(&a->registers, flags);
	rtl_flow(a);
	return 0;
}

static int rtl_down_quiet(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);

	if (!rtl_may_move(a))
		return -EPERM;
	rtl_quiet(a);
	return 0;
}

static int rtl_down_release(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);

	if (!rtl_may_move(a))
		return -EPERM;
	if (a->flowing)
		return -EBUSY;
	rtl_interrupt_free(a);
	rtl_rings_free(a);
	return 0;
}

static int rtl_down_carrier(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct adapter *a = mdrv_priv(md);

	if (a->shared.link)
		netif_carrier_on(a->net);
	else
		netif_carrier_off(a->net);
	return 0;
}

static const mdrv_downcall_fn rtl_downcall_fns[] = {
	[RTL_ENABLE] = rtl_down_enable,	      [RTL_REGISTER] = rtl_down_register,
	[RTL_RINGS] = rtl_down_rings,	      [RTL_REFILL] = rtl_down_refill,
	[RTL_INTERRUPT] = rtl_down_interrupt, [RTL_START] = rtl_down_start,
	[RTL_QUIET] = rtl_down_quiet,	      [RTL_RELEASE] = rtl_down_release,
	[RTL_CARRIER] = rtl_down_carrier,
};

static void rtl_undo_announce(void *what)
{
	struct adapter *a = what;

	unregister_netdev(a->net);
}

static int rtl_announce(struct adapter *a)
{
	int err;

	if (!a->wanted)
		return -ENODEV;
	netif_carrier_off(a->net);
	err = register_netdev(a->net);
	return err ?: mdrv_note(a->md, rtl_undo_announce, a);
}

/* The first u-driver brings the device up; its successors find it running, and look at the link. */
static void rtl_joined(struct mdrv_instance *md)
{
	struct adapter *a = mdrv_priv(md);
	bool first = !rtl_is_registered(a);
	int err;

	a->wanted = false;
	err = rtl_ask(a, first ? RTL_PROBE : RTL_LINK_CHANGED);
	if (!err && first)
		err = rtl_announce(a);
	if (err)
		dev_err(&a->pci->dev, "the u-driver's first call failed: %d\n", err);
}

static const struct mdrv_ops rtl_mdrv_ops = { .downcalls = rtl_downcall_fns, .joined = rtl_joined };

/* ---- coming and going ---- */

static void rtl_prepare_netdev(struct adapter *a)
{
	struct net_device *net = a->net;

	net->netdev_ops = &rtl_netdev_ops;
	net->ethtool_ops = &rtl_ethtool_ops;
	net->watchdog_timeo = 6 * HZ;
	net->hw_features = NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_TSO | NETIF_F_RXCSUM;
	net->features = net->hw_features;
	net->vlan_features = NETIF_F_SG | NETIF_F_IP_CSUM | NETIF_F_TSO;
	net->max_mtu = ETH_DATA_LEN;
	netif_napi_add(net, &a->napi, rtl_poll);
	a->shared.rx_checksum = 1;
	spin_lock_init(&a->tx_lock);
	INIT_WORK(&a->link_work, rtl_on_link);
	INIT_WORK(&a->recover_work, rtl_on_recover);
	INIT_WORK(&a->mode_work, rtl_on_mode);
}

static int rtl_connect(struct adapter *a)
{
	phys_addr_t at = pci_resource_start(a->pci, REGS_BAR);
	int err;

	mdrv_set_hold(a->md, HOLD_MS);
	err = mdrv_lock_add(a->md, &a->registers, NULL, NULL);
	if (err < 0)
		return err;
	err = mdrv_map_registers(a->md, 0, at, RTL_REGS_BYTES);
	err = err ?: mdrv_share(a->md, RTL, &a->shared);
	return err ?: mdrv_register(a->md);
}

static int rtl_add(struct pci_dev *pci, const struct pci_device_id *id)
{
	struct net_device *net;
	struct adapter *a;
	int err;

	if (pci->revision < CPLUS_VERSION)
		return -ENODEV;
	net = alloc_etherdev(sizeof(*a));
	if (!net)
		return -ENOMEM;
	SET_NETDEV_DEV(net, &pci->dev);
	a = netdev_priv(net);
	a->net = net;
	a->pci = pci;
	rtl_prepare_netdev(a);
	err = pci_request_regions(pci, NAME);
	if (err)
		goto err_free;
	a->regs = pci_ioremap_bar(pci, REGS_BAR);
	if (!a->regs) {
		err = -ENOMEM;
		goto err_release;
	}
	a->md = mdrv_create("rtl0", &rtl_contract, &rtl_mdrv_ops, a);
	if (IS_ERR(a->md)) {
		err = PTR_ERR(a->md);
		goto err_unmap;
	}
	err = rtl_connect(a);
	if (err)
		goto err_destroy;
	pci_set_drvdata(pci, a);
	return 0;

err_destroy:
	mdrv_destroy(a->md);
err_unmap:
	iounmap(a->regs);
err_release:
	pci_release_regions(pci);
err_free:
	free_netdev(net);
	return err;
}

static void rtl_remove(struct pci_dev *pci)
{
	struct adapter *a = pci_get_drvdata(pci);

	mdrv_set_hold(a->md, 0); /* nobody waits for a u-driver any more */
	mdrv_undo(a->md, rtl_undo_announce, a); /* closes it: nobody schedules work any more */
	cancel_work_sync(&a->link_work);
	cancel_work_sync(&a->recover_work);
	cancel_work_sync(&a->mode_work);
	mdrv_destroy(a->md);
	iounmap(a->regs);
	pci_release_regions(pci);
	free_netdev(a->net);
}

static const struct pci_device_id rtl_ids[] = { { PCI_DEVICE(0x10ec, 0x8139) }, {} };
MODULE_DEVICE_TABLE(pci, rtl_ids);

static struct pci_driver rtl_driver = {
	.name = NAME,
	.id_table = rtl_ids,
	.probe = rtl_add,
	.remove = rtl_remove,
};
module_pci_driver(rtl_driver);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("k-driver of the RTL8139C+");
