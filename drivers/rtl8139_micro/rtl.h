/* SPDX-License-Identifier: GPL-2.0 */
/*
 * rtl8139_micro's contract: what its k-driver and its u-driver share, and how
 * they call each other.
 *
 * The chip is Realtek's RTL8139C+, in its C+ mode: descriptor rings in place of
 * the older chips' ring buffer. Registers and bits as in its data sheet.
 */
#ifndef RTL_H
#define RTL_H

#include "microdriver.h"

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
	__u32 registered; /* the interface is there */
	__u32 running; /* and up */
	__u32 link, speed, full_duplex, autoneg;
	__u32 mtu;
	__u8 mac[RTL_MAC_BYTES];
};

enum rtl_type { RTL };
enum rtl_field {
	RTL_F_RX_RING,
	RTL_F_TX_RING,
	RTL_F_RX_CONFIG,
	RTL_F_RX_CHECKSUM,
	RTL_F_REGISTERED,
	RTL_F_RUNNING,
	RTL_F_LINK,
	RTL_F_SPEED,
	RTL_F_DUPLEX,
	RTL_F_AUTONEG,
	RTL_F_MTU,
	RTL_F_MAC,
};

static const struct md_field rtl_fields[] = {
	[RTL_F_RX_RING] = MD_FIELD(rtl, rx_ring),
	[RTL_F_TX_RING] = MD_FIELD(rtl, tx_ring),
	[RTL_F_RX_CONFIG] = MD_FIELD(rtl, rx_config),
	[RTL_F_RX_CHECKSUM] = MD_FIELD_RANGE(rtl, rx_checksum, 0, 1),
	[RTL_F_REGISTERED] = MD_FIELD_RANGE(rtl, registered, 0, 1),
	[RTL_F_RUNNING] = MD_FIELD_RANGE(rtl, running, 0, 1),
	[RTL_F_LINK] = MD_FIELD_RANGE(rtl, link, 0, 1),
	[RTL_F_SPEED] = MD_FIELD_RANGE(rtl, speed, 0, 100),
	[RTL_F_DUPLEX] = MD_FIELD_RANGE(rtl, full_duplex, 0, 1),
	[RTL_F_AUTONEG] = MD_FIELD_RANGE(rtl, autoneg, 0, 1),
	[RTL_F_MTU] = MD_FIELD_RANGE(rtl, mtu, 68, 1500),
	[RTL_F_MAC] = MD_FIELD_BYTES(rtl, mac),
};

static const struct md_type rtl_types[] = { [RTL] = MD_TYPE(rtl, rtl_fields) };

enum rtl_upcall {
	RTL_PROBE,
	RTL_OPEN,
	RTL_STOP,
	RTL_LINK_CHANGED,
	RTL_SET_MAC,
	RTL_SET_CHECKSUM,
	RTL_SETTINGS,
	RTL_RENEGOTIATE,
	RTL_READ_REGS,
	RTL_RECOVER,
};

static const struct md_access rtl_probe_sees[] = {
	{ RTL, RTL_F_MAC, MD_OUT },
	{ RTL, RTL_F_REGISTERED, MD_INOUT },
};
static const struct md_access rtl_open_sees[] = {
	{ RTL, RTL_F_RX_RING, MD_IN },	 { RTL, RTL_F_TX_RING, MD_IN },
	{ RTL, RTL_F_RX_CONFIG, MD_IN }, { RTL, RTL_F_RX_CHECKSUM, MD_IN },
	{ RTL, RTL_F_MAC, MD_IN },	 { RTL, RTL_F_RUNNING, MD_INOUT },
	{ RTL, RTL_F_LINK, MD_INOUT },
};
static const struct md_access rtl_stop_sees[] = { { RTL, RTL_F_RUNNING, MD_INOUT } };
static const struct md_access rtl_link_sees[] = { { RTL, RTL_F_LINK, MD_INOUT } };
static const struct md_access rtl_mac_sees[] = { { RTL, RTL_F_MAC, MD_IN } };
static const struct md_access rtl_checksum_sees[] = {
	{ RTL, RTL_F_RX_CHECKSUM, MD_IN },
	{ RTL, RTL_F_RUNNING, MD_IN },
};
static const struct md_access rtl_settings_sees[] = {
	{ RTL, RTL_F_LINK, MD_INOUT },
	{ RTL, RTL_F_SPEED, MD_OUT },
	{ RTL, RTL_F_DUPLEX, MD_OUT },
	{ RTL, RTL_F_AUTONEG, MD_OUT },
};
static const struct md_access rtl_nothing_sees[] = { { RTL, RTL_F_REGISTERED, 0 } };

static const struct md_call rtl_upcalls[] = {
	[RTL_PROBE] = MD_CALL("probe", rtl_probe_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_OPEN] = MD_CALL("open", rtl_open_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_STOP] = MD_CALL("stop", rtl_stop_sees, .refs = 1),
	[RTL_LINK_CHANGED] = MD_CALL("link_changed", rtl_link_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_SET_MAC] = MD_CALL("set_mac", rtl_mac_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_SET_CHECKSUM] =
		MD_CALL("set_checksum", rtl_checksum_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_SETTINGS] = MD_CALL("settings", rtl_settings_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_RENEGOTIATE] = MD_CALL("renegotiate", rtl_nothing_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_READ_REGS] = MD_CALL("read_regs", rtl_nothing_sees, .refs = 1, .flags = MD_AGAIN),
	[RTL_RECOVER] = MD_CALL("recover", rtl_open_sees, .refs = 1, .flags = MD_AGAIN),
};

enum rtl_downcall {
	RTL_ENABLE, /* the PCI device */
	RTL_REGISTER, /* the network interface */
	RTL_RINGS, /* allocate and fill them */
	RTL_REFILL, /* make them anew, empty */
	RTL_INTERRUPT,
	RTL_START, /* let packets through */
	RTL_QUIET, /* no packets any more, and nobody in the data path */
	RTL_RELEASE, /* rings and interrupt */
	RTL_CARRIER,
};

static const struct md_access rtl_rings_sees[] = {
	{ RTL, RTL_F_RX_RING, MD_OUT },
	{ RTL, RTL_F_TX_RING, MD_OUT },
};
static const struct md_access rtl_carrier_sees[] = { { RTL, RTL_F_LINK, MD_IN } };
static const struct md_access rtl_register_sees[] = { { RTL, RTL_F_MAC, MD_IN } };

static const struct md_call rtl_downcalls[] = {
	[RTL_ENABLE] = MD_CALL("enable", rtl_nothing_sees),
	[RTL_REGISTER] = MD_CALL("register", rtl_register_sees),
	[RTL_RINGS] = MD_CALL("rings", rtl_rings_sees),
	[RTL_REFILL] = MD_CALL("refill", rtl_nothing_sees),
	[RTL_INTERRUPT] = MD_CALL("interrupt", rtl_nothing_sees),
	[RTL_START] = MD_CALL("start", rtl_nothing_sees),
	[RTL_QUIET] = MD_CALL("quiet", rtl_nothing_sees),
	[RTL_RELEASE] = MD_CALL("release", rtl_nothing_sees),
	[RTL_CARRIER] = MD_CALL("carrier", rtl_carrier_sees),
};

/* The one lock: the registers that say what is received, and those behind RTL_LOCK. */
#define RTL_REGISTERS_LOCK 0

static const struct md_contract rtl_contract = {
	.name = "rtl8139_micro",
	.types = rtl_types,
	.types_count = sizeof(rtl_types) / sizeof(rtl_types[0]),
	.upcalls = rtl_upcalls,
	.upcalls_count = sizeof(rtl_upcalls) / sizeof(rtl_upcalls[0]),
	.downcalls = rtl_downcalls,
	.downcalls_count = sizeof(rtl_downcalls) / sizeof(rtl_downcalls[0]),
};

#endif
