/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the selftest's k-driver know of each other. */
#ifndef ST_K_H
#define ST_K_H

#include <linux/dmapool.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/platform_device.h>

#include "mdrv_kernel.h"
#include "st.h"

#define ST_NODES 5

struct st_device {
	struct st shared;
	struct st_node nodes[ST_NODES];
	struct mdrv_instance *md;
	struct mdrv_lock lock;
	int quiesced, quiesced_ever;
	int late; /* calls of left() that came when a successor was attached */
	u64 counter; /* under lock */
	void *memory;
	u32 *registers; /* a page that the u-driver may map */
	dma_addr_t memory_at;
	struct miscdevice misc;
	struct st_device *other;
};

/* What the machine would have, had it such a device. */
extern int st_irq;
extern struct dma_pool *st_pool;

extern const mdrv_downcall_fn st_downcall_fns[];
void st_left(struct mdrv_instance *md);
extern bool st_mapping; /* a u-driver is within the mmap() that ST_D_WIDEN prolongs */

struct st_question {
	const char *name;
	int (*ask)(struct st_device *st, long n);
};

extern const struct st_question st_calls[], st_locks[], st_memory[];

/* Add to the answer, "key=value ". */
__printf(1, 2) void st_say(const char *format, ...);

#endif
