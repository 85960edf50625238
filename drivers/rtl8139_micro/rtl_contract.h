/* SPDX-License-Identifier: GPL-2.0 */
/* How the halves of rtl8139_micro call each other, and what crosses with each call. */
#ifndef RTL_CONTRACT_H
#define RTL_CONTRACT_H

#include "microdriver.h"
#include "rtl.h"

enum rtl_type { RTL };
enum rtl_field {
	RTL_F_RX_RING,
	RTL_F_TX_RING,
	RTL_F_RX_CONFIG,
	RTL_F_RX_CHECKSUM,
	RTL_F_RUNNING,
	RTL_F_LINK,
	RTL_F_SPEED,
	RTL_F_DUPLEX,
	RTL_F_AUTONEG,
	RTL_F_MTU,
	RTL_F_MAC,
};

static const struct mdrv_field rtl_fields[] = {
	[RTL_F_RX_RING] = MDRV_FIELD(rtl, rx_ring),
	[RTL_F_TX_RING] = MDRV_FIELD(rtl, tx_ring),
	[RTL_F_RX_CONFIG] = MDRV_FIELD(rtl, rx_config),
	[RTL_F_RX_CHECKSUM] = MDRV_FIELD_RANGE(rtl, rx_checksum, 0, 1),
	[RTL_F_RUNNING] = MDRV_FIELD_RANGE(rtl, running, 0, 1),
	[RTL_F_LINK] = MDRV_FIELD_RANGE(rtl, link, 0, 1),
	[RTL_F_SPEED] = MDRV_FIELD_RANGE(rtl, speed, 0, 100),
	[RTL_F_DUPLEX] = MDRV_FIELD_RANGE(rtl, full_duplex, 0, 1),
	[RTL_F_AUTONEG] = MDRV_FIELD_RANGE(rtl, autoneg, 0, 1),
	[RTL_F_MTU] = MDRV_FIELD_RANGE(rtl, mtu, 68, 1500),
	[RTL_F_MAC] = MDRV_FIELD_BYTES(rtl, mac),
};

static const struct mdrv_type rtl_types[] = { [RTL] = MDRV_TYPE(rtl, rtl_fields) };

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

static const struct mdrv_access rtl_open_sees[] = {
	{ RTL, RTL_F_RX_RING, MDRV_IN },   { RTL, RTL_F_TX_RING, MDRV_IN },
	{ RTL, RTL_F_RX_CONFIG, MDRV_IN }, { RTL, RTL_F_RX_CHECKSUM, MDRV_IN },
	{ RTL, RTL_F_MAC, MDRV_IN },	   { RTL, RTL_F_RUNNING, MDRV_INOUT },
	{ RTL, RTL_F_LINK, MDRV_IN },
};

static const struct mdrv_access rtl_stop_sees[] = { { RTL, RTL_F_RUNNING, MDRV_INOUT } };

static const struct mdrv_access rtl_link_sees[] = { { RTL, RTL_F_LINK, MDRV_IN } };

static const struct mdrv_access rtl_mac_sees[] = { { RTL, RTL_F_MAC, MDRV_IN } };

static const struct mdrv_access rtl_checksum_sees[] = {
	{ RTL, RTL_F_RX_CHECKSUM, MDRV_IN },
	{ RTL, RTL_F_RUNNING, MDRV_IN },
};

static const struct mdrv_access rtl_settings_sees[] = {
	{ RTL, RTL_F_SPEED, MDRV_INOUT },
	{ RTL, RTL_F_DUPLEX, MDRV_INOUT },
	{ RTL, RTL_F_AUTONEG, MDRV_INOUT },
};

static const struct mdrv_access rtl_nothing_sees[] = { { RTL, RTL_F_MTU, 0 } };

#define RTL_PROBE_MS 5000 /* enabling a PCI device may mean to run ACPI code */

static const struct mdrv_call rtl_upcalls[] = {
	[RTL_PROBE] = MDRV_CALL("probe", rtl_nothing_sees, .refs = 1, .flags = MDRV_AGAIN,
				.deadline_ms = RTL_PROBE_MS),
	[RTL_OPEN] = MDRV_CALL("open", rtl_open_sees, .refs = 1, .flags = MDRV_AGAIN),
	[RTL_STOP] = MDRV_CALL("stop", rtl_stop_sees, .refs = 1),
	[RTL_LINK_CHANGED] =
		MDRV_CALL("link_changed", rtl_link_sees, .refs = 1, .flags = MDRV_AGAIN),
	[RTL_SET_MAC] = MDRV_CALL("set_mac", rtl_mac_sees, .refs = 1, .flags = MDRV_AGAIN),
	[RTL_SET_CHECKSUM] =
		MDRV_CALL("set_checksum", rtl_checksum_sees, .refs = 1, .flags = MDRV_AGAIN),
	[RTL_SETTINGS] = MDRV_CALL("settings", rtl_settings_sees, .refs = 1, .flags = MDRV_AGAIN),
	[RTL_RENEGOTIATE] =
		MDRV_CALL("renegotiate", rtl_nothing_sees, .refs = 1, .flags = MDRV_AGAIN),
	[RTL_READ_REGS] = MDRV_CALL("read_regs", rtl_nothing_sees, .refs = 1, .flags = MDRV_AGAIN),
	[RTL_RECOVER] = MDRV_CALL("recover", rtl_open_sees, .refs = 1, .flags = MDRV_AGAIN),
};

enum rtl_downcall {
	RTL_ENABLE, /* the PCI device */
	RTL_REGISTER, /* the network interface, when this upcall is done */
	RTL_RINGS, /* allocate and fill them */
	RTL_REFILL, /* make them anew, empty */
	RTL_INTERRUPT,
	RTL_START, /* let packets through */
	RTL_QUIET, /* no packets any more, and nobody in the data path */
	RTL_RELEASE, /* rings and interrupt */
	RTL_CARRIER,
};

static const struct mdrv_access rtl_rings_sees[] = {
	{ RTL, RTL_F_RX_RING, MDRV_OUT },
	{ RTL, RTL_F_TX_RING, MDRV_OUT },
};

static const struct mdrv_access rtl_carrier_sees[] = { { RTL, RTL_F_LINK, MDRV_IN } };

static const struct mdrv_access rtl_register_sees[] = { { RTL, RTL_F_MAC, MDRV_IN } };

static const struct mdrv_call rtl_downcalls[] = {
	[RTL_ENABLE] = MDRV_CALL("enable", rtl_nothing_sees),
	[RTL_REGISTER] = MDRV_CALL("register", rtl_register_sees),
	[RTL_RINGS] = MDRV_CALL("rings", rtl_rings_sees),
	[RTL_REFILL] = MDRV_CALL("refill", rtl_nothing_sees),
	[RTL_INTERRUPT] = MDRV_CALL("interrupt", rtl_nothing_sees),
	[RTL_START] = MDRV_CALL("start", rtl_nothing_sees),
	[RTL_QUIET] = MDRV_CALL("quiet", rtl_nothing_sees),
	[RTL_RELEASE] = MDRV_CALL("release", rtl_nothing_sees),
	[RTL_CARRIER] = MDRV_CALL("carrier", rtl_carrier_sees),
};

/* The one lock: the registers that say what is received, and those behind RTL_LOCK. */
#define RTL_REGISTERS_LOCK 0

static const struct mdrv_contract rtl_contract = {
	.name = "rtl8139_micro",
	.types = rtl_types,
	.types_count = MDRV_COUNT(rtl_types),
	.upcalls = rtl_upcalls,
	.upcalls_count = MDRV_COUNT(rtl_upcalls),
	.downcalls = rtl_downcalls,
	.downcalls_count = MDRV_COUNT(rtl_downcalls),
};

#endif
