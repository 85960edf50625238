// SPDX-License-Identifier: GPL-2.0
/* u-driver of null_micro: does nothing, when asked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mdu.h"
#include "null.h"

#define NODE "/dev/microdriver/null0"

static int nothing(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)md;
	(void)args;
	(void)buffer;
	return 0;
}

static const mdu_upcall_fn upcalls[] = { [NULL_NOTHING] = nothing };

int main(void)
{
	struct mdu *md = mdu_open(NODE, &null_contract, upcalls, NULL);

	if (!md) {
		fprintf(stderr, "%s: %s\n", NODE, strerror(errno));
		return 1;
	}
	fprintf(stderr, "%s: %s\n", NODE, strerror(-mdu_run(&md, 1)));
	return 1;
}
