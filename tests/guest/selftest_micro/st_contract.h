/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The selftest's contract: of every shape of field one, and for everything that
 * the runtime promises a call. For the one file of each half that makes
 * instances.
 */
#ifndef ST_CONTRACT_H
#define ST_CONTRACT_H

#include "st.h"

static const struct mdrv_field st_fields[] = {
	[ST_F_STEPS] = MDRV_FIELD_BYTES(st, steps),
	[ST_F_WRITTEN] = MDRV_FIELD(st, written),
	[ST_F_READABLE] = MDRV_FIELD(st, readable),
	[ST_F_ELSEWHERE] = MDRV_FIELD(st, elsewhere),
	[ST_F_LIMITED] = MDRV_FIELD_RANGE(st, limited, 0, ST_LIMIT),
	[ST_F_ATTEMPTS] = MDRV_FIELD(st, attempts),
	[ST_F_WIDE] = MDRV_FIELD(st, wide),
	[ST_F_NODES] = MDRV_FIELD_LIST(st, nodes, st_node, next),
	[ST_F_HEAD] = MDRV_FIELD_POINTER(st, head),
};

static const struct mdrv_field st_node_fields[] = {
	[ST_N_PEER] = MDRV_FIELD_POINTER(st_node, peer),
	[ST_N_INTO] = MDRV_FIELD_POINTER(st_node, into),
	[ST_N_Y] = MDRV_FIELD(st_node, pair.y), /* in a struct within; its neighbour stays */
	[ST_N_VALUE] = MDRV_FIELD(st_node, value),
};

static const struct mdrv_field st_heavy_fields[] = {
	[ST_H_BYTES] = MDRV_FIELD_BYTES(st_heavy, bytes),
};

static const struct mdrv_type st_types[] = {
	[ST] = MDRV_TYPE(st, st_fields),
	[ST_NODE] = MDRV_TYPE(st_node, st_node_fields),
	[ST_HEAVY_TYPE] = MDRV_TYPE(st_heavy, st_heavy_fields),
};

static const struct mdrv_access st_nothing[] = { { ST, ST_F_STEPS, 0 } };

static const struct mdrv_access st_steps[] = { { ST, ST_F_STEPS, MDRV_INOUT } };

static const struct mdrv_access st_follow[] = {
	{ ST, ST_F_HEAD, MDRV_INOUT },	    { ST_NODE, ST_N_PEER, MDRV_INOUT },
	{ ST_NODE, ST_N_INTO, MDRV_INOUT }, { ST_NODE, ST_N_Y, MDRV_INOUT },
	{ ST_NODE, ST_N_VALUE, MDRV_IN },
};

static const struct mdrv_access st_walk[] = {
	{ ST, ST_F_NODES, MDRV_INOUT },
	{ ST_NODE, ST_N_VALUE, MDRV_IN },
};

static const struct mdrv_access st_write[] = {
	{ ST, ST_F_WRITTEN, MDRV_OUT },
	{ ST, ST_F_READABLE, MDRV_IN },
	{ ST, ST_F_LIMITED, MDRV_OUT },
};

static const struct mdrv_access st_attempts[] = { { ST, ST_F_ATTEMPTS, MDRV_IN } };

static const struct mdrv_access st_remember[] = {
	{ ST, ST_F_STEPS, MDRV_OUT }, { ST, ST_F_WRITTEN, MDRV_OUT },	{ ST, ST_F_WIDE, MDRV_OUT },
	{ ST, ST_F_HEAD, MDRV_OUT },  { ST_NODE, ST_N_VALUE, MDRV_IN }, { ST, ST_F_NODES, MDRV_IN },
};

static const struct mdrv_access st_recall[] = {
	{ ST, ST_F_STEPS, MDRV_IN }, { ST, ST_F_WRITTEN, MDRV_IN },    { ST, ST_F_WIDE, MDRV_IN },
	{ ST, ST_F_HEAD, MDRV_IN },  { ST_NODE, ST_N_VALUE, MDRV_IN }, { ST, ST_F_NODES, MDRV_IN },
};

static const struct mdrv_access st_weigh[] = {
	{ ST, ST_F_ELSEWHERE, MDRV_IN },
	{ ST_HEAVY_TYPE, ST_H_BYTES, MDRV_IN },
};

static const struct mdrv_call st_upcalls[] = {
	[ST_PLAIN] = MDRV_CALL("plain", st_nothing, .refs = 0),
	[ST_NESTED] = MDRV_CALL("nested", st_steps, .refs = 1),
	[ST_INNER] = MDRV_CALL("inner", st_steps, .refs = 1),
	[ST_RECURSE] = MDRV_CALL("recurse", st_nothing, .refs = 0),
	[ST_REVERSE] = MDRV_CALL("reverse", st_steps, .refs = 1),
	[ST_FOLLOW] = MDRV_CALL("follow", st_follow, .refs = 7),
	[ST_WALK] = MDRV_CALL("walk", st_walk, .refs = 1),
	[ST_WRITE] = MDRV_CALL("write", st_write, .refs = 1),
	[ST_ADD] = MDRV_CALL("add", st_nothing, .refs = 0, .deadline_ms = 5000),
	[ST_TAKE] = MDRV_CALL("take", st_nothing, .refs = 0),
	[ST_GIVE] = MDRV_CALL("give", st_nothing, .refs = 0),
	[ST_SLEEP] = MDRV_CALL("sleep", st_nothing, .refs = 0, .deadline_ms = ST_SLEEP_MS),
	[ST_ACQUIRE] = MDRV_CALL("acquire", st_nothing, .refs = 0),
	[ST_TRY] = MDRV_CALL("try", st_attempts, .refs = 1),
	[ST_TRY_AGAIN] = MDRV_CALL("try_again", st_attempts, .refs = 1, .flags = MDRV_AGAIN),
	[ST_REMEMBER] = MDRV_CALL("remember", st_remember, .refs = 1),
	[ST_RECALL] = MDRV_CALL("recall", st_recall, .refs = 1),
	[ST_WEIGH] = MDRV_CALL("weigh", st_weigh, .refs = 1),
	[ST_CLAIM] = MDRV_CALL("claim", st_nothing, .refs = 0),
	[ST_INSIDE] = MDRV_CALL("inside", st_nothing, .refs = 0),
};

static const struct mdrv_access st_echo[] = { { ST, ST_F_WIDE, MDRV_OUT } };

static const struct mdrv_call st_downcalls[] = {
	[ST_D_MIDDLE] = MDRV_CALL("middle", st_steps, .refs = 1),
	[ST_D_RECURSE] = MDRV_CALL("recurse", st_nothing, .refs = 0),
	[ST_D_LOOK] = MDRV_CALL("look", st_nothing, .refs = 0),
	[ST_D_PUT] = MDRV_CALL("put", st_nothing, .refs = 0),
	[ST_D_PAUSE] = MDRV_CALL("pause", st_nothing, .refs = 0),
	[ST_D_IRQ] = MDRV_CALL("irq", st_nothing, .refs = 0),
	[ST_D_DMA] = MDRV_CALL("dma", st_nothing, .refs = 0),
	[ST_D_REGISTER] = MDRV_CALL("register", st_nothing, .refs = 0),
	[ST_D_ATTEMPT] = MDRV_CALL("attempt", st_nothing, .refs = 0),
	[ST_D_CLAIM] = MDRV_CALL("claim", st_nothing, .refs = 0),
	[ST_D_ECHO] = MDRV_CALL("echo", st_echo, .refs = 1),
	[ST_D_RENEW] = MDRV_CALL("renew", st_nothing, .refs = 0),
	[ST_D_MISCALL] = MDRV_CALL("miscall", st_nothing, .refs = 0),
	[ST_D_WIDEN] = MDRV_CALL("widen", st_nothing, .refs = 0),
};

static const struct mdrv_contract st_contract = {
	.name = "selftest",
	.types = st_types,
	.types_count = MDRV_COUNT(st_types),
	.upcalls = st_upcalls,
	.upcalls_count = MDRV_COUNT(st_upcalls),
	.downcalls = st_downcalls,
	.downcalls_count = MDRV_COUNT(st_downcalls),
};

#endif
