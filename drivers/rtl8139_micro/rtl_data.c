// SPDX-License-Identifier: GPL-2.0
/*
 * rtl8139_micro, the k-driver's data path: transmit, receive, interrupt.
 *
 * Nothing here ever waits for the u-driver.
 */
#include <linux/dma-mapping.h>
#include <linux/etherdevice.h>
#include <linux/interrupt.h>
#include <linux/io.h>
#include <linux/ip.h>
#include <linux/tcp.h>

#include "rtl_k.h"

#define OWN   BIT(31) /* the chip's */
#define END   BIT(30) /* of the ring */
#define FIRST BIT(29)
#define LAST  BIT(28)

#define TX_SEGMENT   BIT(27) /* the chip cuts segments of MSS bytes */
#define TX_MSS_SHIFT 16
#define TX_MSS_MAX   0x7ff
#define TX_SUM_IP    BIT(18)
#define TX_SUM_UDP   BIT(17)
#define TX_SUM_TCP   BIT(16)
#define RX_ERROR     BIT(20)
#define RX_SIZE	     0x1fff
#define RX_PROTOCOL  GENMASK(17, 16)
#define RX_TCP	     BIT(16)
#define RX_UDP	     BIT(17)
#define RX_IP_BAD    BIT(15)
#define RX_UDP_BAD   BIT(14)
#define RX_TCP_BAD   BIT(13)

#define IRQ_RX	(RTL_IRQ_RX_OK | RTL_IRQ_RX_ERROR | RTL_IRQ_RX_EMPTY | RTL_IRQ_RX_OVERFLOW)
#define IRQ_TX	(RTL_IRQ_TX_OK | RTL_IRQ_TX_ERROR | RTL_IRQ_TX_EMPTY)
#define IRQ_ALL (IRQ_RX | IRQ_TX | RTL_IRQ_LINK | RTL_IRQ_BUS_ERROR)

#define RING_BYTES (RING * sizeof(struct descriptor))
#define WAKE_AT	   (RING / 4)

static unsigned int rtl_slot(unsigned int n)
{
	return n % RING;
}

static u32 rtl_end_of_ring(unsigned int n)
{
	return rtl_slot(n) == RING - 1 ? END : 0;
}

static unsigned int rtl_room(const struct adapter *a)
{
	return RING - 1 - (a->tx_head - a->tx_tail);
}

/* ---- transmit ---- */

static u32 rtl_offloads(const struct sk_buff *skb)
{
	u32 mss = skb_shinfo(skb)->gso_size;

	if (mss)
		return TX_SEGMENT | min_t(u32, mss, TX_MSS_MAX) << TX_MSS_SHIFT;
	if (skb->ip_summed != CHECKSUM_PARTIAL)
		return 0;
	return TX_SUM_IP | (ip_hdr(skb)->protocol == IPPROTO_TCP ? TX_SUM_TCP : TX_SUM_UDP);
}

static void rtl_unmap_piece(struct adapter *a, unsigned int n)
{
	dma_unmap_single(&a->pci->dev, a->sent_at[rtl_slot(n)], a->sent[rtl_slot(n)].bytes,
			 DMA_TO_DEVICE);
}

/* Map one piece of a packet, and describe it to the chip but for its owner. */
static int rtl_describe(struct adapter *a, unsigned int n, void *data, u32 bytes, u32 flags)
{
	dma_addr_t at = dma_map_single(&a->pci->dev, data, bytes, DMA_TO_DEVICE);

	if (dma_mapping_error(&a->pci->dev, at))
		return -ENOMEM;
	a->sent_at[rtl_slot(n)] = at;
	a->sent[rtl_slot(n)] = (struct sent){ .bytes = bytes };
	a->tx[rtl_slot(n)].vlan = 0;
	a->tx[rtl_slot(n)].at = cpu_to_le64(at);
	a->tx[rtl_slot(n)].status = cpu_to_le32(flags | rtl_end_of_ring(n) | bytes);
	return 0;
}

static int rtl_describe_all(struct adapter *a, struct sk_buff *skb, unsigned int *next)
{
	const struct skb_shared_info *info = skb_shinfo(skb);
	u32 flags = rtl_offloads(skb);
	int n, err;

	err = rtl_describe(a, (*next)++, skb->data, skb_headlen(skb),
			   flags | FIRST | (info->nr_frags ? 0 : LAST));
	for (n = 0; n < info->nr_frags && !err; n++) {
		const skb_frag_t *frag = &info->frags[n];

		err = rtl_describe(a, (*next)++, skb_frag_address(frag), skb_frag_size(frag),
				   flags | (n == info->nr_frags - 1 ? LAST : 0));
	}
	return err;
}

/* The chip may have them, the first last: before that it does not look at the others. */
static void rtl_hand_over(struct adapter *a, unsigned int first, unsigned int behind)
{
	unsigned int n;

	for (n = behind - 1; n != first; n--)
		a->tx[rtl_slot(n)].status |= cpu_to_le32(OWN);
	dma_wmb();
	a->tx[rtl_slot(first)].status |= cpu_to_le32(OWN);
}

static netdev_tx_t rtl_drop(struct adapter *a, struct sk_buff *skb, unsigned int next)
{
	while (--next != a->tx_head) /* the last one could not be mapped */
		rtl_unmap_piece(a, next - 1);
	a->counts.tx_dropped++;
	dev_kfree_skb_any(skb);
	return NETDEV_TX_OK;
}

/* Context: softirq or process, the queue's lock held */
netdev_tx_t rtl_transmit(struct sk_buff *skb, struct net_device *net)
{
	struct adapter *a = netdev_priv(net);
	unsigned int next = a->tx_head;
	unsigned long flags;

	if (unlikely(rtl_room(a) < skb_shinfo(skb)->nr_frags + 1)) {
		netif_stop_queue(net);
		return NETDEV_TX_BUSY;
	}
	if (unlikely(rtl_describe_all(a, skb, &next)))
		return rtl_drop(a, skb, next);
	a->sent[rtl_slot(next - 1)].skb = skb;
	spin_lock_irqsave(&a->tx_lock, flags); /* rtl_reap() must see both, or none */
	netdev_sent_queue(net, skb->len);
	rtl_hand_over(a, a->tx_head, next);
	a->tx_head = next;
	if (rtl_room(a) <= MAX_SKB_FRAGS)
		netif_stop_queue(net);
	spin_unlock_irqrestore(&a->tx_lock, flags);
	writeb(RTL_TX_POLL_NORMAL, a->regs + RTL_TX_POLL);
	return NETDEV_TX_OK;
}

/* Context: interrupt, or nobody else in the data path */
static void rtl_reap(struct adapter *a)
{
	unsigned int packets = 0, bytes = 0, n;

	spin_lock(&a->tx_lock);
	for (n = a->tx_tail; n != a->tx_head; n++) {
		struct sk_buff *skb = a->sent[rtl_slot(n)].skb;

		if (le32_to_cpu(READ_ONCE(a->tx[rtl_slot(n)].status)) & OWN)
			break;
		rtl_unmap_piece(a, n);
		if (!skb)
			continue;
		packets++;
		bytes += skb->len;
		a->sent[rtl_slot(n)].skb = NULL;
		napi_consume_skb(skb, 0);
	}
	a->tx_tail = n;
	a->counts.tx_packets += packets;
	a->counts.tx_bytes += bytes;
	netdev_completed_queue(a->net, packets, bytes);
	if (netif_queue_stopped(a->net) && rtl_room(a) > MAX_SKB_FRAGS + WAKE_AT)
		netif_wake_queue(a->net);
	spin_unlock(&a->tx_lock);
}

/* ---- receive ---- */

static void rtl_give_back(struct adapter *a, unsigned int n)
{
	a->rx[n].vlan = 0;
	a->rx[n].at = cpu_to_le64(a->received_at[n]);
	dma_wmb();
	a->rx[n].status = cpu_to_le32(OWN | rtl_end_of_ring(n) | FRAME_BYTES);
}

static int rtl_supply(struct adapter *a, unsigned int n, struct sk_buff *skb)
{
	dma_addr_t at;

	if (!skb)
		return -ENOMEM;
	at = dma_map_single(&a->pci->dev, skb->data, FRAME_BYTES, DMA_FROM_DEVICE);
	if (dma_mapping_error(&a->pci->dev, at)) {
		dev_kfree_skb_any(skb);
		return -ENOMEM;
	}
	a->received[n] = skb;
	a->received_at[n] = at;
	return 0;
}

static bool rtl_sum_is_good(u32 status)
{
	u32 protocol = status & RX_PROTOCOL;

	return (protocol == RX_TCP && !(status & (RX_TCP_BAD | RX_IP_BAD))) ||
	       (protocol == RX_UDP && !(status & (RX_UDP_BAD | RX_IP_BAD)));
}

static void rtl_deliver(struct adapter *a, struct sk_buff *skb, u32 status, u32 bytes)
{
	skb->ip_summed = a->shared.rx_checksum && rtl_sum_is_good(status) ? CHECKSUM_UNNECESSARY
									  : CHECKSUM_NONE;
	skb_put(skb, bytes);
	skb->protocol = eth_type_trans(skb, a->net);
	a->counts.rx_packets++;
	a->counts.rx_bytes += bytes;
	napi_gro_receive(&a->napi, skb);
}

/* One frame: hand it on if another buffer can take its place. */
static void rtl_receive(struct adapter *a, unsigned int n, u32 status)
{
	u32 bytes = status & RX_SIZE;
	struct sk_buff *skb = a->received[n];
	dma_addr_t at = a->received_at[n];

	if ((status & (FIRST | LAST)) != (FIRST | LAST) || status & RX_ERROR ||
	    bytes < ETH_HLEN + ETH_FCS_LEN || bytes > FRAME_BYTES) {
		a->counts.rx_errors++;
	} else if (rtl_supply(a, n, napi_alloc_skb(&a->napi, FRAME_BYTES))) {
		a->counts.rx_dropped++;
	} else {
		dma_unmap_single(&a->pci->dev, at, FRAME_BYTES, DMA_FROM_DEVICE);
		rtl_deliver(a, skb, status, bytes - ETH_FCS_LEN);
	}
	rtl_give_back(a, n);
}

int rtl_poll(struct napi_struct *napi, int budget)
{
	struct adapter *a = container_of(napi, struct adapter, napi);
	int done;

	writew(IRQ_RX, a->regs + RTL_IRQ_STATUS);
	for (done = 0; done < budget; done++) {
		u32 status = le32_to_cpu(READ_ONCE(a->rx[a->rx_next].status));

		if (status & OWN)
			break;
		dma_rmb();
		rtl_receive(a, a->rx_next, status);
		a->rx_next = rtl_slot(a->rx_next + 1);
	}
	if (done < budget && napi_complete_done(napi, done))
		writew(IRQ_ALL, a->regs + RTL_IRQ_MASK);
	return done;
}

/* ---- interrupt ---- */

static irqreturn_t rtl_on_interrupt(int irq, void *data)
{
	struct adapter *a = data;
	u16 why = readw(a->regs + RTL_IRQ_STATUS);

	if (!why || why == 0xffff || !READ_ONCE(a->flowing))
		return IRQ_NONE;
	writew(why & ~IRQ_RX, a->regs + RTL_IRQ_STATUS);
	if (why & IRQ_RX && napi_schedule_prep(&a->napi)) {
		writew(IRQ_ALL & ~IRQ_RX, a->regs + RTL_IRQ_MASK);
		__napi_schedule(&a->napi);
	}
	if (why & IRQ_TX)
		rtl_reap(a);
	if (why & RTL_IRQ_LINK)
		schedule_work(&a->link_work);
	if (why & RTL_IRQ_BUS_ERROR)
		schedule_work(&a->recover_work);
	return IRQ_HANDLED;
}

int rtl_interrupt_request(struct adapter *a)
{
	int err = request_irq(a->pci->irq, rtl_on_interrupt, IRQF_SHARED, a->net->name, a);

	a->irq = !err;
	return err;
}

void rtl_interrupt_free(struct adapter *a)
{
	if (a->irq)
		free_irq(a->pci->irq, a);
	a->irq = false;
}

/* ---- rings ---- */

static void rtl_empty_tx(struct adapter *a)
{
	for (; a->tx_tail != a->tx_head; a->tx_tail++) {
		rtl_unmap_piece(a, a->tx_tail);
		dev_kfree_skb_any(a->sent[rtl_slot(a->tx_tail)].skb);
		a->sent[rtl_slot(a->tx_tail)].skb = NULL;
	}
	netdev_reset_queue(a->net);
	a->tx_head = 0;
	a->tx_tail = 0;
	memset(a->tx, 0, RING_BYTES);
	a->tx[RING - 1].status = cpu_to_le32(END);
}

static void rtl_empty_rx(struct adapter *a)
{
	unsigned int n;

	for (n = 0; n < RING; n++) {
		if (!a->received[n])
			continue;
		dma_unmap_single(&a->pci->dev, a->received_at[n], FRAME_BYTES, DMA_FROM_DEVICE);
		dev_kfree_skb_any(a->received[n]);
		a->received[n] = NULL;
	}
	a->rx_next = 0;
}

static int rtl_fill_rx(struct adapter *a)
{
	unsigned int n;

	for (n = 0; n < RING; n++) {
		if (rtl_supply(a, n, netdev_alloc_skb_ip_align(a->net, FRAME_BYTES)))
			return -ENOMEM;
		rtl_give_back(a, n);
	}
	return 0;
}

/* Context: process, quiet. Return: -ENOMEM, and the rings are gone */
int rtl_rings_reset(struct adapter *a)
{
	rtl_empty_tx(a);
	rtl_empty_rx(a);
	return rtl_fill_rx(a);
}

int rtl_rings_alloc(struct adapter *a)
{
	dma_addr_t at;
	int err;

	a->rx = dma_alloc_coherent(&a->pci->dev, 2 * RING_BYTES, &at, GFP_KERNEL);
	if (!a->rx)
		return -ENOMEM;
	a->tx = a->rx + RING;
	a->shared.rx_ring = at;
	a->shared.tx_ring = at + RING_BYTES;
	err = rtl_rings_reset(a);
	if (err)
		rtl_rings_free(a);
	return err;
}

void rtl_rings_free(struct adapter *a)
{
	if (!a->rx)
		return;
	rtl_empty_tx(a);
	rtl_empty_rx(a);
	dma_free_coherent(&a->pci->dev, 2 * RING_BYTES, a->rx, a->shared.rx_ring);
	a->rx = NULL;
	a->tx = NULL;
}

/* ---- beginning and end of traffic ---- */

void rtl_flow(struct adapter *a)
{
	napi_enable(&a->napi);
	WRITE_ONCE(a->flowing, true);
	writew(IRQ_ALL, a->regs + RTL_IRQ_MASK);
	netif_start_queue(a->net);
}

/* Context: process. Harmless if it is quiet */
void rtl_quiet(struct adapter *a)
{
	if (!a->flowing)
		return;
	netif_tx_disable(a->net);
	WRITE_ONCE(a->flowing, false);
	writew(0, a->regs + RTL_IRQ_MASK);
	writew(0xffff, a->regs + RTL_IRQ_STATUS);
	synchronize_irq(a->pci->irq);
	napi_disable(&a->napi);
}

/* Which frames to take. Context: a->registers held */
void rtl_apply_mode(struct adapter *a)
{
	writel(a->shared.rx_config, a->regs + RTL_RX_CONFIG);
	writel(a->multicast, a->regs + RTL_MULTICAST);
	writel(a->multicast >> 32, a->regs + RTL_MULTICAST + 4);
}
