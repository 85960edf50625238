/* SPDX-License-Identifier: GPL-2.0 */
/* null_micro's contract: one upcall, with which nothing crosses. */
#ifndef NULL_MICRO_H
#define NULL_MICRO_H

#include "microdriver.h"

struct null_state {
	__u32 unused;
};

enum null_type { NULL_STATE };
enum null_field { NULL_UNUSED };

static const struct mdrv_field null_fields[] = { [NULL_UNUSED] = MDRV_FIELD(null_state, unused) };

static const struct mdrv_type null_types[] = { [NULL_STATE] = MDRV_TYPE(null_state, null_fields) };

enum null_upcall { NULL_NOTHING };

static const struct mdrv_access null_sees[] = { { NULL_STATE, NULL_UNUSED, 0 } };

static const struct mdrv_call null_upcalls[] = {
	[NULL_NOTHING] = MDRV_CALL("nothing", null_sees, .flags = MDRV_AGAIN),
};

static const struct mdrv_contract null_contract = {
	.name = "null_micro",
	.types = null_types,
	.types_count = MDRV_COUNT(null_types),
	.upcalls = null_upcalls,
	.upcalls_count = MDRV_COUNT(null_upcalls),
};

#endif
