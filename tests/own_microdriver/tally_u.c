// SPDX-License-Identifier: GPL-2.0
/* u-driver of tally: knows the device; begins a count, and tells where it is counted. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "mdu.h"
#include "tally.h"

#define NODE "/dev/microdriver/tally0"

static volatile unsigned char *registers;

/* Begin a count. The device answers byte by byte. */
static void begin(struct tally *tally)
{
	registers[TALLY_REG_TEST] = TALLY_PLAIN;
	tally->place = registers[TALLY_REG_PLACE] | registers[TALLY_REG_PLACE + 1] << 8;
	tally->data = registers[TALLY_REG_DATA];
}

static int up_probe(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct tally *tally = (struct tally *)args[0];
	int err = mdu_downcall(md, TALLY_ENABLE);

	(void)buffer;
	if (err)
		return err;
	begin(tally);
	if (tally->place < TALLY_PLACE_MIN)
		return -ENODEV;
	return mdu_downcall(md, TALLY_REGISTER);
}

static int up_begin(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)md;
	(void)buffer;
	begin((struct tally *)args[0]);
	return 0;
}

static const mdu_upcall_fn upcalls[] = { [TALLY_PROBE] = up_probe, [TALLY_BEGIN] = up_begin };

int main(int argc, char **argv)
{
	struct mdu *md;

	if (argc > 1 && !strcmp(argv[1], "--contract")) {
		mdu_describe(&tally_contract);
		return 0;
	}
	md = mdu_open(NODE, &tally_contract, upcalls, NULL);
	registers = md ? mdu_map(md, 0, TALLY_REG_BYTES) : NULL;
	if (!registers) {
		fprintf(stderr, "%s: %s\n", NODE, strerror(errno));
		return 1;
	}
	fprintf(stderr, "%s: %s\n", NODE, strerror(-mdu_run(&md, 1)));
	return 1;
}
