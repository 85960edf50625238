/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the fault points and the device node that arms them. */
#ifndef MDRV_FAULT_H
#define MDRV_FAULT_H

#include "mdrv_internal.h"

#define MDRV_FAULT_HITS 256
#define MDRV_FAULT_ANY	(-1)

/* A message that was tampered with; the first bytes of the part, before and after. */
struct mdrv_hit {
	u64 at_ns, was, is;
	u32 kind, bytes, first;
	char call[MDRV_NAME];
};

struct mdrv_arming;

struct mdrv_way {
	const char *name;
	enum mdrv_fate (*tamper)(struct mdrv_instance *md, const struct mdrv_arming *a,
				 struct mdrv_message *message);
	bool delays;
};

struct mdrv_arming {
	struct list_head node;
	char instance[MDRV_NAME];
	int kind, call;
	long nth, times;
	const struct mdrv_way *way;
	int where;
	u32 first, bytes;
	u64 value;

	long seen;
	int hits_count, told;
	struct mdrv_hit hits[MDRV_FAULT_HITS];
	wait_queue_head_t waiters;
};

extern struct mutex mdrv_armings_lock; /* guards all armings and their hits */
extern struct list_head mdrv_armings;

const struct mdrv_way *mdrv_way_of(const char *name);

#endif
