/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the fault points and the faults that are armed at them. */
#ifndef MDRV_FAULT_H
#define MDRV_FAULT_H

#include "arming.h"
#include "mdrv_internal.h"

#define MDRV_FAULT_ANY (-1)

/* A message that was tampered with; the first bytes of the part, before and after. */
struct mdrv_hit {
	u64 was, is;
	u32 kind, bytes, first;
	char call[MDRV_NAME];
};

struct mdrv_tampering;

struct mdrv_way {
	const char *name;
	enum mdrv_fate (*tamper)(struct mdrv_instance *md, const struct mdrv_tampering *t,
				 struct mdrv_message *message);
	bool delays;
};

/* An armed fault: the words that armed it, and what they mean. */
struct mdrv_tampering {
	struct list_head node; /* under mdrv_tamperings_lock */
	struct arming *arming;
	char instance[MDRV_NAME];
	char kind_word[16], how[16];
	int kind;
	const struct mdrv_way *way;
	long call, where;
	struct arming_turns turns;
	unsigned long first, bytes, value;
};

/* mdrv_fault.c */
const struct mdrv_way *mdrv_way_of(const char *name);
void mdrv_fault_add(struct mdrv_tampering *t);
void mdrv_fault_remove(struct mdrv_tampering *t);

#endif
