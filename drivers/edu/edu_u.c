// SPDX-License-Identifier: GPL-2.0
/*
 * u-driver of QEMU's edu device: finds out what it is, has it enabled, works
 * out factorials, and reports statistics.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "edu.h"
#include "mdu.h"

#define NODE	       "/dev/microdriver/edu0"
#define REGISTER_BYTES 0x1000
#define ID_MASK	       0xffff
#define ID	       0x00ed
#define LIVENESS       0x5a5a1234
#define REPORT	       "version %u\ntransfers %llu\nbytes %llu\ninterrupts %llu\nfactorials %llu\n"
#define LARGEST	       12 /* 13! needs more than 32 bits */

static volatile char *registers;

static __u32 get(unsigned int at)
{
	return *(volatile __u32 *)(registers + at);
}

static void set(unsigned int at, __u32 value)
{
	*(volatile __u32 *)(registers + at) = value;
}

static int probe(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	static const __u32 steps[] = { EDU_BUFFER, EDU_INTERRUPT, EDU_REGISTER };
	struct edu *edu = (struct edu *)args[0];
	unsigned int n;
	int err;

	(void)buffer;
	err = mdu_downcall(md, EDU_ENABLE);
	if (err)
		return err;
	if ((get(EDU_REG_ID) & ID_MASK) != ID)
		return -ENODEV;
	set(EDU_REG_LIVENESS, LIVENESS);
	if (get(EDU_REG_LIVENESS) != ~(__u32)LIVENESS)
		return -EIO;
	edu->version = get(EDU_REG_ID) >> 24;
	for (n = 0; n < MDRV_COUNT(steps) && !err; n++)
		err = mdu_downcall(md, steps[n]);
	return err;
}

static int factorial(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct edu *edu = (struct edu *)args[0];
	struct edu_request *request = edu->current_request;
	int err = 0;

	(void)buffer;
	if (!request || request->n > LARGEST)
		return -EINVAL;
	if (get(EDU_REG_STATUS) & EDU_STATUS_BUSY) /* with what a u-driver asked that is gone */
		err = mdu_downcall(md, EDU_WAIT);
	if (err)
		return err;
	set(EDU_REG_FACTORIAL, request->n);
	err = mdu_downcall(md, EDU_WAIT);
	if (err)
		return err;
	request->result = get(EDU_REG_FACTORIAL);
	edu->stats.factorials++;
	return 0;
}

static int report(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	const struct edu *edu = (struct edu *)args[0];

	(void)md;
	buffer->bytes =
		snprintf(buffer->data, MDRV_PAYLOAD / 2, REPORT, edu->version, edu->stats.transfers,
			 edu->stats.bytes, edu->stats.interrupts, edu->stats.factorials);
	return 0;
}

static const mdu_upcall_fn upcalls[] = {
	[EDU_PROBE] = probe,
	[EDU_FACTORIAL] = factorial,
	[EDU_REPORT] = report,
};

int main(int argc, char **argv)
{
	struct mdu *md;
	int err;

	if (argc > 1 && !strcmp(argv[1], "--contract")) {
		mdu_describe(&edu_contract);
		return 0;
	}
	md = mdu_open(NODE, &edu_contract, upcalls, NULL);
	if (!md) {
		fprintf(stderr, "%s: %s\n", NODE, strerror(errno));
		return 1;
	}
	registers = mdu_map(md, 0, REGISTER_BYTES);
	if (!registers) {
		fprintf(stderr, "%s: registers: %s\n", NODE, strerror(errno));
		return 1;
	}
	err = mdu_run(&md, 1);
	fprintf(stderr, "%s: %s\n", NODE, strerror(-err));
	return 1;
}
