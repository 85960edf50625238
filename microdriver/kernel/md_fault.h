/* SPDX-License-Identifier: GPL-2.0 */
/* What the fault points and the node that arms them know of each other. */
#ifndef MD_FAULT_H
#define MD_FAULT_H

#include "md_internal.h"

#define MD_FAULT_HITS 256
#define MD_FAULT_ANY  (-1)

/* A message that was tampered with: what it was, and of the part that was meant the first bytes, before and after. */
struct md_hit {
	u64 at_ns, was, is;
	u32 kind, bytes, first;
	char call[MD_NAME];
};

struct md_arming;

struct md_way {
	const char *name;
	enum md_fate (*tamper)(struct md_instance *md, const struct md_arming *a,
			       struct md_message *message);
};

struct md_arming {
	struct list_head node;
	char instance[MD_NAME];
	int kind, call;
	long nth, times;
	const struct md_way *way;
	int where;
	u32 first, bytes;
	u64 value;

	long seen;
	int hits_count, told;
	struct md_hit hits[MD_FAULT_HITS];
	wait_queue_head_t waiters;
};

extern struct mutex md_armings_lock; /* guards all armings */
extern struct list_head md_armings;

const struct md_way *md_way_of(const char *name);

#endif
