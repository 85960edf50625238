/* SPDX-License-Identifier: GPL-2.0 */
/* What the halves of the selftest share. */
#ifndef ST_H
#define ST_H

#include "microdriver.h"

#define ST_STEPS 8
#define ST_HEAVY 3000
#define ST_LIMIT 10

struct st_pair {
	__u32 x, y;
};

struct st_node {
	void *next, *prev; /* in st.nodes */
	struct st_node *peer;
	__u32 *into; /* points into a pair of some node */
	struct st_pair pair;
	__u32 value;
};

struct st {
	__u32 steps[ST_STEPS];
	__u32 written; /* by the u-driver */
	__u32 readable; /* but not written by any call */
	__u32 elsewhere; /* crosses with another call */
	__u32 undeclared; /* never crosses */
	__u32 limited;
	__u32 attempts;
	__u64 wide;
	void *nodes[2]; /* list */
	struct st_node *head;
};

struct st_heavy {
	__u8 bytes[ST_HEAVY];
};

enum st_type { ST, ST_NODE, ST_HEAVY_TYPE };
enum st_field {
	ST_F_STEPS,
	ST_F_WRITTEN,
	ST_F_READABLE,
	ST_F_ELSEWHERE,
	ST_F_LIMITED,
	ST_F_ATTEMPTS,
	ST_F_WIDE,
	ST_F_NODES,
	ST_F_HEAD,
};

enum st_node_field { ST_N_PEER, ST_N_INTO, ST_N_Y, ST_N_VALUE };
enum st_heavy_field { ST_H_BYTES };

/* ---- upcalls ---- */

enum st_upcall {
	ST_PLAIN, /* n -> n + 1 */
	ST_NESTED, /* upcall -> downcall -> upcall */
	ST_INNER,
	ST_RECURSE, /* as deep as it goes */
	ST_REVERSE, /* an array */
	ST_FOLLOW, /* pointers */
	ST_WALK, /* a list */
	ST_WRITE, /* everything, also what may not be written */
	ST_ADD, /* n times to the counter, under the lock, slowly */
	ST_TAKE, /* the lock, and keep it; then die, if so told */
	ST_GIVE, /* the lock back */
	ST_SLEEP, /* for ever */
	ST_ACQUIRE, /* an interrupt, DMA memory, a registration; die behind the n-th */
	ST_TRY, /* die at the first attempt */
	ST_TRY_AGAIN, /* the same, may be issued again */
	ST_REMEMBER, /* make the state up */
	ST_RECALL, /* tell it, as it was handed over */
	ST_WEIGH, /* what does not fit into one message */
	ST_CLAIM, /* have the k-driver wait for what we hold ourselves */
	ST_INSIDE, /* make the downcall of that number */
};

#define ST_SLEEP_MS 300
#define ST_REGISTER 0x5eed /* what the mapped register holds */

/* ---- downcalls ---- */

enum st_downcall {
	ST_D_MIDDLE,
	ST_D_RECURSE,
	ST_D_LOOK, /* -> counter */
	ST_D_PUT, /* counter */
	ST_D_PAUSE, /* milliseconds */
	ST_D_IRQ,
	ST_D_DMA,
	ST_D_REGISTER,
	ST_D_ATTEMPT, /* one more */
	ST_D_CLAIM,
	ST_D_ECHO, /* the buffer, each byte plus one; and who the k-driver is */
	ST_D_RENEW, /* another node in the place of the last one */
	ST_D_MISCALL, /* an upcall by the function for callers outside of a chain */
	ST_D_WIDEN, /* mmap() of the file descriptor ends only when the session has */
};

#endif
