/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rtl8139_micro: the device, and what both halves know of it.
 *
 * The chip is Realtek's RTL8139C+, in its C+ mode: descriptor rings in place of
 * the older chips' ring buffer. Registers and bits as in its data sheet.
 */
#ifndef RTL_H
#define RTL_H

#include <linux/types.h>

#define RTL_MAC_BYTES 6

/* Registers. */
#define RTL_MAC	       0x00 /* written in two 32-bit halves */
#define RTL_MULTICAST  0x08
#define RTL_TX_RING    0x20 /* 64 bits */
#define RTL_COMMAND    0x37 /* 8 bits */
#define RTL_IRQ_MASK   0x3c /* 16 bits */
#define RTL_IRQ_STATUS 0x3e /* 16 bits; writing a 1 acknowledges */
#define RTL_TX_CONFIG  0x40
#define RTL_RX_CONFIG  0x44
#define RTL_LOCK       0x50 /* 8 bits: 9346CR, guards the configuration registers */
#define RTL_CONFIG1    0x52
#define RTL_MEDIA      0x58 /* 8 bits */
#define RTL_BMCR       0x62 /* 16 bits, MII registers */
#define RTL_BMSR       0x64
#define RTL_ANAR       0x66
#define RTL_ANLPAR     0x68
#define RTL_TX_POLL    0xd9 /* 8 bits */
#define RTL_CPLUS      0xe0 /* 16 bits: C+ command */
#define RTL_RX_RING    0xe4 /* 64 bits */
#define RTL_TX_EARLY   0xec /* 8 bits, in units of 32 bytes */
#define RTL_REGS_BYTES 0x100

#define RTL_COMMAND_RESET 0x10
#define RTL_COMMAND_RX	  0x08
#define RTL_COMMAND_TX	  0x04

#define RTL_IRQ_RX_OK	    0x0001
#define RTL_IRQ_RX_ERROR    0x0002
#define RTL_IRQ_TX_OK	    0x0004
#define RTL_IRQ_TX_ERROR    0x0008
#define RTL_IRQ_RX_EMPTY    0x0010 /* no descriptor left */
#define RTL_IRQ_LINK	    0x0020
#define RTL_IRQ_RX_OVERFLOW 0x0040
#define RTL_IRQ_TX_EMPTY    0x0080
#define RTL_IRQ_BUS_ERROR   0x8000

#define RTL_LOCK_OPEN 0xc0
#define RTL_LOCK_SHUT 0x00

#define RTL_RX_ALL	 0x01
#define RTL_RX_OURS	 0x02
#define RTL_RX_MULTICAST 0x04
#define RTL_RX_BROADCAST 0x08
#define RTL_RX_BURST	 (4 << 8) /* 256 bytes at a time */
#define RTL_RX_THRESHOLD (5 << 13) /* move a frame once 512 bytes of it are there */
#define RTL_TX_BURST	 (4 << 8)
#define RTL_TX_GAP	 (3 << 24) /* the standard's inter-frame gap */
#define RTL_TX_EARLY_MAX 0x30

#define RTL_CPLUS_TX	      0x0001
#define RTL_CPLUS_RX	      0x0002
#define RTL_CPLUS_MULTI_READ  0x0008
#define RTL_CPLUS_RX_CHECKSUM 0x0020

#define RTL_TX_POLL_NORMAL 0x40
#define RTL_MEDIA_NO_LINK  0x04

#define RTL_BMCR_RESTART 0x0200
#define RTL_BMCR_AUTONEG 0x1000
#define RTL_BMCR_FULL	 0x0100
#define RTL_BMCR_FAST	 0x2000
#define RTL_BMSR_LINK	 0x0004
#define RTL_BMSR_DONE	 0x0020
#define RTL_ABLE_100FULL 0x0100
#define RTL_ABLE_100HALF 0x0080
#define RTL_ABLE_10FULL	 0x0040

/* What both halves know of the device. */
struct rtl {
	__u64 rx_ring, tx_ring; /* as the device addresses them */
	__u32 rx_config; /* which frames to take: the k-driver's to choose */
	__u32 rx_checksum;
	__u32 running; /* the interface is up */
	__u32 link, speed, full_duplex, autoneg;
	__u32 mtu;
	__u8 mac[RTL_MAC_BYTES];
};

#endif
