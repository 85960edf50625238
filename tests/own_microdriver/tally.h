/* SPDX-License-Identifier: GPL-2.0 */
/* The contract of tally: QEMU's pci-testdev counts the bytes written to one place of it. */
#ifndef TALLY_H
#define TALLY_H

#include "microdriver.h"

#define TALLY_IOC_COUNT _IOWR('T', 1, __u32) /* of /dev/tally0 */
#define TALLY_MOST	1000

#define TALLY_REG_BYTES 0x1000
#define TALLY_REG_TEST	0x00 /* writing a test's number begins it; the count is 0 then */
#define TALLY_REG_PLACE 0x04 /* 32 bits: where the bytes are to be written */
#define TALLY_REG_DATA	0x08
#define TALLY_REG_COUNT 0x0c /* 32 bits */
#define TALLY_PLAIN	0 /* of the tests, the one without notifiers */
#define TALLY_PLACE_MIN 0x800

struct tally {
	__u32 ready; /* the device node is there: the k-driver's to say */
	__u32 place, data; /* the u-driver's: where to write what */
};

enum tally_type { TALLY };
enum tally_field { TALLY_READY, TALLY_PLACE, TALLY_DATA };

static const struct mdrv_field tally_fields[] = {
	[TALLY_READY] = MDRV_FIELD_RANGE(tally, ready, 0, 1),
	[TALLY_PLACE] = MDRV_FIELD_RANGE(tally, place, TALLY_PLACE_MIN, TALLY_REG_BYTES - 1),
	[TALLY_DATA] = MDRV_FIELD_RANGE(tally, data, 0, 0xff),
};

static const struct mdrv_type tally_types[] = { [TALLY] = MDRV_TYPE(tally, tally_fields) };

enum tally_upcall { TALLY_PROBE, TALLY_BEGIN };

static const struct mdrv_access tally_probe[] = { { TALLY, TALLY_READY, MDRV_IN } };

static const struct mdrv_access tally_begin[] = {
	{ TALLY, TALLY_PLACE, MDRV_INOUT },
	{ TALLY, TALLY_DATA, MDRV_INOUT },
};

static const struct mdrv_call tally_upcalls[] = {
	[TALLY_PROBE] = MDRV_CALL("probe", tally_probe, .refs = 1, .flags = MDRV_AGAIN,
				  .deadline_ms = 5000),
	[TALLY_BEGIN] = MDRV_CALL("begin", tally_begin, .refs = 1, .flags = MDRV_AGAIN),
};

enum tally_downcall { TALLY_ENABLE, TALLY_REGISTER };

static const struct mdrv_access tally_nothing[] = { { TALLY, TALLY_READY, 0 } };

static const struct mdrv_call tally_downcalls[] = {
	[TALLY_ENABLE] = MDRV_CALL("enable", tally_nothing),
	[TALLY_REGISTER] = MDRV_CALL("register", tally_nothing),
};

static const struct mdrv_contract tally_contract = {
	.name = "tally",
	.types = tally_types,
	.types_count = MDRV_COUNT(tally_types),
	.upcalls = tally_upcalls,
	.upcalls_count = MDRV_COUNT(tally_upcalls),
	.downcalls = tally_downcalls,
	.downcalls_count = MDRV_COUNT(tally_downcalls),
};

#endif
