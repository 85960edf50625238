// SPDX-License-Identifier: GPL-2.0
/* The process of a sliced driver: it serves upcalls until its k-driver is done with it. */
#include <stdio.h>
#include <string.h>

#include "mdu.h"
#include "sliced_way.h"

extern const struct mdu_driver sliced_driver;

SLICED_ENTRY

__u64 sliced_down(__u32 number, const __u64 *args)
{
	return mdu_call(mdu_current, number, args);
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
