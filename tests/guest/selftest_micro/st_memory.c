// SPDX-License-Identifier: GPL-2.0
/* Mistakes with memory that a kernel which looks for them has to report. */
#include <linux/delay.h>
#include <linux/kfence.h>
#include <linux/slab.h>

#include "st_k.h"

#define BYTES	 64
#define AT	 17
#define ATTEMPTS 3000
#define PAUSE_US 1000

static void write_to(u8 *object)
{
	OPTIMIZER_HIDE_VAR(object);
	WRITE_ONCE(object[AT], 0x11);
}

/* What was written to a freed object is there when it is given out again. */
static int use_after_free(struct st_device *st, long n)
{
	struct kmem_cache *cache = kmem_cache_create("mdrv_selftest", BYTES, 0, 0, NULL);
	u8 *object;

	if (!cache)
		return -ENOMEM;
	object = kmem_cache_alloc(cache, GFP_KERNEL);
	kmem_cache_free(cache, object);
	write_to(object);
	kmem_cache_free(cache, kmem_cache_alloc(cache, GFP_KERNEL));
	kmem_cache_destroy(cache);
	return 0;
}

/* The same, of an object that KFENCE watches: it takes a sample now and then. */
static int watched_use_after_free(struct st_device *st, long n)
{
	int attempt;

	for (attempt = 0; attempt < ATTEMPTS; attempt++) {
		u8 *object = kmalloc(BYTES, GFP_KERNEL);
		bool watched = is_kfence_address(object);

		kfree(object);
		if (watched) {
			write_to(object);
			return 0;
		}
		usleep_range(PAUSE_US, 2 * PAUSE_US);
	}
	return -ENODATA;
}

const struct st_question st_memory[] = {
	{ "use_after_free", use_after_free },
	{ "watched_use_after_free", watched_use_after_free },
	{},
};
