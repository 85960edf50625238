// SPDX-License-Identifier: GPL-2.0
/*
 * u-driver of the RTL8139C+: initialisation, opening and stopping, the link,
 * settings, and starting over after an error.
 *
 * It programs the chip by the registers that it has mapped; what needs the
 * kernel (memory, the interrupt, the network stack) it asks the k-driver for.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mdu.h"
#include "rtl_contract.h"

#define NODE	   "/dev/microdriver/rtl0"
#define RESET_US   10
#define RESET_MOST 1000 /* looks at the chip until it has come out of reset */

static volatile unsigned char *regs;

static __u8 get8(unsigned int at)
{
	return regs[at];
}

static __u16 get16(unsigned int at)
{
	return *(volatile __u16 *)(regs + at);
}

static __u32 get32(unsigned int at)
{
	return *(volatile __u32 *)(regs + at);
}

static void set8(unsigned int at, __u8 value)
{
	regs[at] = value;
}

static void set16(unsigned int at, __u16 value)
{
	*(volatile __u16 *)(regs + at) = value;
}

static void set32(unsigned int at, __u32 value)
{
	*(volatile __u32 *)(regs + at) = value;
}

static void set64(unsigned int at, __u64 value)
{
	set32(at + 4, value >> 32);
	set32(at, value);
}

/* ---- the chip ---- */

static int reset(void)
{
	int n;

	set8(RTL_COMMAND, RTL_COMMAND_RESET);
	for (n = 0; n < RESET_MOST; n++) {
		if (!(get8(RTL_COMMAND) & RTL_COMMAND_RESET))
			return 0;
		usleep(RESET_US);
	}
	return -EIO;
}

static void write_mac(const struct rtl *rtl)
{
	__u32 halves[2] = { 0 };

	memcpy(halves, rtl->mac, RTL_MAC_BYTES);
	set8(RTL_LOCK, RTL_LOCK_OPEN);
	set32(RTL_MAC, halves[0]);
	set32(RTL_MAC + 4, halves[1]);
	set8(RTL_LOCK, RTL_LOCK_SHUT);
}

static __u16 cplus_mode(const struct rtl *rtl)
{
	return RTL_CPLUS_TX | RTL_CPLUS_RX | RTL_CPLUS_MULTI_READ |
	       (rtl->rx_checksum ? RTL_CPLUS_RX_CHECKSUM : 0);
}

static void program(const struct rtl *rtl)
{
	set16(RTL_CPLUS, cplus_mode(rtl)); /* decides what the others mean: first */
	set64(RTL_RX_RING, rtl->rx_ring);
	set64(RTL_TX_RING, rtl->tx_ring);
	set8(RTL_TX_EARLY, RTL_TX_EARLY_MAX);
	write_mac(rtl);
	set8(RTL_COMMAND, RTL_COMMAND_RX | RTL_COMMAND_TX);
	set32(RTL_TX_CONFIG, RTL_TX_GAP | RTL_TX_BURST);
}

/* ---- upcalls ---- */

static int tell_link(struct mdu *md, struct rtl *rtl)
{
	rtl->link = !(get8(RTL_MEDIA) & RTL_MEDIA_NO_LINK);
	return mdu_downcall(md, RTL_CARRIER);
}

static int probe(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct rtl *rtl = (struct rtl *)args[0];
	__u32 halves[2];
	int err;

	(void)buffer;
	err = mdu_downcall(md, RTL_ENABLE);
	err = err ? err : reset();
	if (err)
		return err;
	halves[0] = get32(RTL_MAC); /* loaded from the EEPROM by the reset */
	halves[1] = get32(RTL_MAC + 4);
	memcpy(rtl->mac, halves, RTL_MAC_BYTES);
	return mdu_downcall(md, RTL_REGISTER);
}

static int start(struct mdu *md, struct rtl *rtl)
{
	int err;

	err = reset();
	if (err)
		return err;
	err = mdu_lock(md, RTL_REGISTERS_LOCK);
	if (err)
		return err;
	program(rtl);
	err = mdu_unlock(md, RTL_REGISTERS_LOCK);
	err = err ? err : mdu_downcall(md, RTL_START);
	if (err)
		return err;
	rtl->running = 1;
	return tell_link(md, rtl);
}

static int open_up(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct rtl *rtl = (struct rtl *)args[0];
	int err;

	(void)buffer;
	mdu_downcall(md, RTL_QUIET); /* a predecessor may have got half way */
	mdu_downcall(md, RTL_RELEASE);
	err = mdu_downcall(md, RTL_RINGS);
	err = err ? err : mdu_downcall(md, RTL_INTERRUPT);
	return err ? err : start(md, rtl);
}

static int stop(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct rtl *rtl = (struct rtl *)args[0];
	int err;

	(void)buffer;
	err = mdu_downcall(md, RTL_QUIET);
	set8(RTL_COMMAND, 0);
	rtl->running = 0;
	return err ? err : mdu_downcall(md, RTL_RELEASE);
}

static int recover(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct rtl *rtl = (struct rtl *)args[0];
	int err;

	(void)buffer;
	err = mdu_downcall(md, RTL_QUIET);
	err = err ? err : mdu_downcall(md, RTL_REFILL);
	return err ? err : start(md, rtl);
}

static int link_changed(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)buffer;
	return tell_link(md, (struct rtl *)args[0]);
}

static int set_mac(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	int err = mdu_lock(md, RTL_REGISTERS_LOCK);

	(void)buffer;
	if (err)
		return err;
	write_mac((struct rtl *)args[0]);
	return mdu_unlock(md, RTL_REGISTERS_LOCK);
}

static int set_checksum(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	const struct rtl *rtl = (struct rtl *)args[0];

	(void)md;
	(void)buffer;
	if (rtl->running)
		set16(RTL_CPLUS, cplus_mode(rtl));
	return 0;
}

static int settings(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct rtl *rtl = (struct rtl *)args[0];
	__u16 control = get16(RTL_BMCR);
	__u16 able = get16(RTL_ANAR) & get16(RTL_ANLPAR); /* what both ends of the cable can do */

	(void)md;
	(void)buffer;
	rtl->autoneg = !!(control & RTL_BMCR_AUTONEG);
	if (rtl->autoneg) {
		rtl->speed = able & (RTL_ABLE_100FULL | RTL_ABLE_100HALF) ? 100 : 10;
		rtl->full_duplex =
			!!(able & RTL_ABLE_100FULL) || (rtl->speed == 10 && able & RTL_ABLE_10FULL);
	} else {
		rtl->speed = control & RTL_BMCR_FAST ? 100 : 10;
		rtl->full_duplex = !!(control & RTL_BMCR_FULL);
	}
	return 0;
}

static int renegotiate(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	__u16 control = get16(RTL_BMCR);

	(void)md;
	(void)args;
	(void)buffer;
	if (!(control & RTL_BMCR_AUTONEG))
		return -EINVAL;
	set16(RTL_BMCR, control | RTL_BMCR_RESTART);
	return 0;
}

static int read_regs(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	unsigned int n;

	(void)md;
	(void)args;
	for (n = 0; n < RTL_REGS_BYTES; n++)
		((__u8 *)buffer->data)[n] = get8(n);
	buffer->bytes = RTL_REGS_BYTES;
	return 0;
}

static const mdu_upcall_fn upcalls[] = {
	[RTL_PROBE] = probe,	     [RTL_OPEN] = open_up,
	[RTL_STOP] = stop,	     [RTL_LINK_CHANGED] = link_changed,
	[RTL_SET_MAC] = set_mac,     [RTL_SET_CHECKSUM] = set_checksum,
	[RTL_SETTINGS] = settings,   [RTL_RENEGOTIATE] = renegotiate,
	[RTL_READ_REGS] = read_regs, [RTL_RECOVER] = recover,
};

int main(int argc, char **argv)
{
	struct mdu *md;
	int err;

	if (argc > 1 && !strcmp(argv[1], "--contract")) {
		mdu_describe(&rtl_contract);
		return 0;
	}
	md = mdu_open(NODE, &rtl_contract, upcalls, NULL);
	if (!md) {
		fprintf(stderr, "%s: %s\n", NODE, strerror(errno));
		return 1;
	}
	regs = mdu_map(md, 0, RTL_REGS_BYTES);
	if (!regs) {
		fprintf(stderr, "%s: registers: %s\n", NODE, strerror(errno));
		return 1;
	}
	err = mdu_run(&md, 1);
	fprintf(stderr, "%s: %s\n", NODE, strerror(-err));
	return 1;
}
