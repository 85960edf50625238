/* SPDX-License-Identifier: GPL-2.0 */
/* What the k-driver's files know of each other. */
#ifndef RTL_K_H
#define RTL_K_H

#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/workqueue.h>

#include "mdrv_kernel.h"
#include "rtl.h"

#define RING	    64 /* descriptors; the chip's most */
#define FRAME_BYTES 1536 /* of a receive buffer */

struct descriptor {
	__le32 status; /* OWN .. LAST, and the size */
	__le32 vlan;
	__le64 at;
};

struct sent {
	struct sk_buff *skb; /* with a packet's last descriptor */
	u32 bytes;
};

struct adapter {
	struct rtl shared;
	struct mdrv_instance *md;
	struct net_device *net;
	struct pci_dev *pci;
	void __iomem *regs;
	struct napi_struct napi;

	struct descriptor *rx, *tx; /* one piece of coherent memory */
	struct sk_buff *received[RING];
	dma_addr_t received_at[RING];
	struct sent sent[RING];
	dma_addr_t sent_at[RING];
	unsigned int rx_next, tx_head, tx_tail; /* ever growing but rx_next */

	struct mdrv_lock registers; /* RTL_REGISTERS_LOCK */
	spinlock_t tx_lock; /* tx_head, tx_tail, and the waking of the queue */
	bool flowing; /* napi is on and the queue runs */
	bool irq; /* requested */
	bool enabled; /* the PCI device */
	bool wanted; /* the u-driver wants the interface to be registered */
	struct task_struct *mover; /* opens or closes by the u-driver, under rtnl; or NULL */
	struct work_struct link_work, recover_work, mode_work;
	u64 multicast;
	struct {
		u64 rx_packets, rx_bytes, tx_packets, tx_bytes, rx_errors, rx_dropped, tx_dropped;
	} counts;
};

/* rtl_data.c: the data path */
extern const struct net_device_ops rtl_netdev_ops;
int rtl_rings_alloc(struct adapter *a);
void rtl_rings_free(struct adapter *a);
int rtl_rings_reset(struct adapter *a);
int rtl_interrupt_request(struct adapter *a);
void rtl_interrupt_free(struct adapter *a);
void rtl_flow(struct adapter *a);
void rtl_quiet(struct adapter *a);
void rtl_apply_mode(struct adapter *a);
netdev_tx_t rtl_transmit(struct sk_buff *skb, struct net_device *net);
int rtl_poll(struct napi_struct *napi, int budget);

#endif
