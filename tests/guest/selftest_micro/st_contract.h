/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The selftest's contract: of every shape of field one, and for everything that
 * the runtime promises a call. For the one file of each half that makes
 * instances.
 */
#ifndef ST_CONTRACT_H
#define ST_CONTRACT_H

#include "st.h"

static const struct md_field st_fields[] = {
	[ST_F_STEPS] = MD_FIELD_BYTES(st, steps),
	[ST_F_WRITTEN] = MD_FIELD(st, written),
	[ST_F_READABLE] = MD_FIELD(st, readable),
	[ST_F_ELSEWHERE] = MD_FIELD(st, elsewhere),
	[ST_F_LIMITED] = MD_FIELD_RANGE(st, limited, 0, ST_LIMIT),
	[ST_F_ATTEMPTS] = MD_FIELD(st, attempts),
	[ST_F_WIDE] = MD_FIELD(st, wide),
	[ST_F_NODES] = MD_FIELD_LIST(st, nodes, st_node, next),
	[ST_F_HEAD] = MD_FIELD_POINTER(st, head),
};
static const struct md_field st_node_fields[] = {
	[ST_N_PEER] = MD_FIELD_POINTER(st_node, peer),
	[ST_N_INTO] = MD_FIELD_POINTER(st_node, into),
	[ST_N_Y] = MD_FIELD(st_node, pair.y), /* in a struct within; its neighbour stays */
	[ST_N_VALUE] = MD_FIELD(st_node, value),
};
static const struct md_field st_heavy_fields[] = {
	[ST_H_BYTES] = MD_FIELD_BYTES(st_heavy, bytes),
};

static const struct md_type st_types[] = {
	[ST] = MD_TYPE(st, st_fields),
	[ST_NODE] = MD_TYPE(st_node, st_node_fields),
	[ST_HEAVY_TYPE] = MD_TYPE(st_heavy, st_heavy_fields),
};

static const struct md_access st_nothing[] = { { ST, ST_F_STEPS, 0 } };
static const struct md_access st_steps[] = { { ST, ST_F_STEPS, MD_INOUT } };
static const struct md_access st_follow[] = {
	{ ST, ST_F_HEAD, MD_INOUT },	  { ST_NODE, ST_N_PEER, MD_INOUT },
	{ ST_NODE, ST_N_INTO, MD_INOUT }, { ST_NODE, ST_N_Y, MD_INOUT },
	{ ST_NODE, ST_N_VALUE, MD_IN },
};
static const struct md_access st_walk[] = {
	{ ST, ST_F_NODES, MD_INOUT },
	{ ST_NODE, ST_N_VALUE, MD_IN },
};
static const struct md_access st_write[] = {
	{ ST, ST_F_WRITTEN, MD_OUT },
	{ ST, ST_F_READABLE, MD_IN },
	{ ST, ST_F_LIMITED, MD_OUT },
};
static const struct md_access st_attempts[] = { { ST, ST_F_ATTEMPTS, MD_IN } };
static const struct md_access st_remember[] = {
	{ ST, ST_F_STEPS, MD_OUT }, { ST, ST_F_WRITTEN, MD_OUT },   { ST, ST_F_WIDE, MD_OUT },
	{ ST, ST_F_HEAD, MD_OUT },  { ST_NODE, ST_N_VALUE, MD_IN }, { ST, ST_F_NODES, MD_IN },
};
static const struct md_access st_recall[] = {
	{ ST, ST_F_STEPS, MD_IN }, { ST, ST_F_WRITTEN, MD_IN },	   { ST, ST_F_WIDE, MD_IN },
	{ ST, ST_F_HEAD, MD_IN },  { ST_NODE, ST_N_VALUE, MD_IN }, { ST, ST_F_NODES, MD_IN },
};
static const struct md_access st_weigh[] = {
	{ ST, ST_F_ELSEWHERE, MD_IN },
	{ ST_HEAVY_TYPE, ST_H_BYTES, MD_IN },
};

static const struct md_call st_upcalls[] = {
	[ST_PLAIN] = MD_CALL("plain", st_nothing, .refs = 0),
	[ST_NESTED] = MD_CALL("nested", st_steps, .refs = 1),
	[ST_INNER] = MD_CALL("inner", st_steps, .refs = 1),
	[ST_RECURSE] = MD_CALL("recurse", st_nothing, .refs = 0),
	[ST_REVERSE] = MD_CALL("reverse", st_steps, .refs = 1),
	[ST_FOLLOW] = MD_CALL("follow", st_follow, .refs = 7),
	[ST_WALK] = MD_CALL("walk", st_walk, .refs = 1),
	[ST_WRITE] = MD_CALL("write", st_write, .refs = 1),
	[ST_ADD] = MD_CALL("add", st_nothing, .refs = 0, .deadline_ms = 5000),
	[ST_TAKE] = MD_CALL("take", st_nothing, .refs = 0),
	[ST_GIVE] = MD_CALL("give", st_nothing, .refs = 0),
	[ST_SLEEP] = MD_CALL("sleep", st_nothing, .refs = 0, .deadline_ms = ST_SLEEP_MS),
	[ST_ACQUIRE] = MD_CALL("acquire", st_nothing, .refs = 0),
	[ST_TRY] = MD_CALL("try", st_attempts, .refs = 1),
	[ST_TRY_AGAIN] = MD_CALL("try_again", st_attempts, .refs = 1, .flags = MD_AGAIN),
	[ST_REMEMBER] = MD_CALL("remember", st_remember, .refs = 1),
	[ST_RECALL] = MD_CALL("recall", st_recall, .refs = 1),
	[ST_WEIGH] = MD_CALL("weigh", st_weigh, .refs = 1),
	[ST_CLAIM] = MD_CALL("claim", st_nothing, .refs = 0),
};

static const struct md_access st_echo[] = { { ST, ST_F_WIDE, MD_OUT } };

static const struct md_call st_downcalls[] = {
	[ST_D_MIDDLE] = MD_CALL("middle", st_steps, .refs = 1),
	[ST_D_RECURSE] = MD_CALL("recurse", st_nothing, .refs = 0),
	[ST_D_LOOK] = MD_CALL("look", st_nothing, .refs = 0),
	[ST_D_PUT] = MD_CALL("put", st_nothing, .refs = 0),
	[ST_D_PAUSE] = MD_CALL("pause", st_nothing, .refs = 0),
	[ST_D_IRQ] = MD_CALL("irq", st_nothing, .refs = 0),
	[ST_D_DMA] = MD_CALL("dma", st_nothing, .refs = 0),
	[ST_D_REGISTER] = MD_CALL("register", st_nothing, .refs = 0),
	[ST_D_ATTEMPT] = MD_CALL("attempt", st_nothing, .refs = 0),
	[ST_D_CLAIM] = MD_CALL("claim", st_nothing, .refs = 0),
	[ST_D_ECHO] = MD_CALL("echo", st_echo, .refs = 1),
};

static const struct md_contract st_contract = {
	.name = "selftest",
	.types = st_types,
	.types_count = sizeof(st_types) / sizeof(st_types[0]),
	.upcalls = st_upcalls,
	.upcalls_count = sizeof(st_upcalls) / sizeof(st_upcalls[0]),
	.downcalls = st_downcalls,
	.downcalls_count = sizeof(st_downcalls) / sizeof(st_downcalls[0]),
};

#endif
