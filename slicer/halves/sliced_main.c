// SPDX-License-Identifier: GPL-2.0
/* The process of a sliced driver: it serves upcalls until its k-driver is done with it. */
#include <stdio.h>
#include <string.h>

#include "sliced_process.h"

extern const struct mdu_driver sliced_driver;

SLICED_ENTRY

__u64 sliced_down(__u32 number, const __u64 *args)
{
	return mdu_call(mdu_current, number, args);
}

/*
 * The services ask here first for each allocation, and for each memory that is
 * freed. @device: its managed resource; NULL if it is freed by hand
 */
void *services_allocate(size_t bytes, const void *device)
{
	__u32 n;

	for (n = 0; n < sliced_allocations_count; n++)
		if (sliced_allocations[n].bytes == bytes &&
		    sliced_allocations[n].managed == !!device) {
			__u64 args[MDRV_ARGS] = { mdu_arg(device), bytes };

			return (void *)sliced_down(sliced_allocations[n].call, args);
		}
	return NULL;
}

bool services_release(const void *at)
{
	__u64 args[MDRV_ARGS] = { mdu_arg(at) };

	if (!sliced_allocations_count || !mdu_knows(at))
		return false;
	sliced_down(sliced_release, args);
	return true;
}

/* What goes may be a device, with memory that its driver has left to it. */
void mdu_ends(const void *at, __u64 bytes)
{
	services_devm_release(at, bytes);
}

int main(int argc, char **argv)
{
	char node[64];
	struct mdu *md;

	if (argc > 1 && !strcmp(argv[1], "--contract")) {
		mdu_describe(sliced_driver.contract);
		return 0;
	}
	snprintf(node, sizeof(node), "/dev/microdriver/%s", sliced_driver.contract->name);
	md = mdu_open_sliced(argc > 1 ? argv[1] : node, &sliced_driver);
	if (!md) {
		perror(node);
		return 1;
	}
	return -mdu_run(&md, 1);
}
