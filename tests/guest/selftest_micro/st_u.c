// SPDX-License-Identifier: GPL-2.0
/*
 * The selftest's u-driver: `st_u [early] NODE...` serves these instances, one
 * if none is named. `early`: it calls the k-driver before it is called.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "mdu.h"
#include "st_contract.h"

#define NODE	    "/dev/microdriver/st0"
#define MOST_NODES  2
#define PAUSE_MS    9
#define LINK_OFFSET offsetof(struct st_node, next)

static unsigned long long early_wide;

static struct st *shared_of(const __u64 *args)
{
	return (struct st *)args[0];
}

static void die(void)
{
	kill(getpid(), SIGKILL);
}

static int plain(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)md;
	(void)buffer;
	return args[1] + 1;
}

static int nested(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct st *shared = shared_of(args);
	int status;

	(void)buffer;
	shared->steps[1] = 10 * shared->steps[0] + 1;
	status = mdu_downcall(md, ST_D_MIDDLE, args[0]);
	shared->steps[5] = 10 * shared->steps[4] + 5;
	return status;
}

static int inner(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct st *shared = shared_of(args);

	(void)md;
	(void)buffer;
	shared->steps[3] = 10 * shared->steps[2] + 3;
	return 0;
}

/* How deep it went. */
static int recurse(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	int status = mdu_downcall(md, ST_D_RECURSE);

	(void)args;
	(void)buffer;
	return status == -EDEADLK ? 1 : status < 0 ? status : status + 1;
}

static int reverse(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	__u32 *steps = shared_of(args)->steps, was;
	int n;

	(void)md;
	(void)buffer;
	for (n = 0; n < ST_STEPS / 2; n++) {
		was = steps[n];
		steps[n] = steps[ST_STEPS - 1 - n];
		steps[ST_STEPS - 1 - n] = was;
	}
	return 0;
}

static int follow(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct st *shared = shared_of(args);
	struct st_node *first = shared->head, *third = first->peer->peer;
	__u32 *given = (__u32 *)args[1];
	int found = 1000 * third->value + 10 * *third->into + !args[2];

	(void)md;
	(void)buffer;
	++*third->into;
	*given = 17;
	third->into = &first->pair.y;
	first->pair.x = 99; /* undeclared */
	shared->head = third;
	return found;
}

static struct st_node *node_at(void *link)
{
	return (struct st_node *)((char *)link - LINK_OFFSET);
}

/* The values in order, as digits; then the list backwards. */
static int walk(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct st *shared = shared_of(args);
	void *head = shared->nodes, *at, *next;
	int found = 0;

	(void)md;
	(void)buffer;
	for (at = shared->nodes[0]; at != head; at = node_at(at)->next)
		found = 10 * found + node_at(at)->value;
	at = head;
	do {
		void **links = at;

		next = links[0];
		links[0] = links[1];
		links[1] = next;
		at = next;
	} while (at != head);
	return found;
}

static int write_all(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct st *shared = shared_of(args);

	(void)md;
	(void)buffer;
	shared->written = 1;
	shared->readable = 2;
	shared->elsewhere = 3;
	shared->undeclared = 4;
	shared->limited = args[1];
	return 0;
}

static int add(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	__u64 seen[MDRV_ARGS] = { 0 };
	__u64 n;
	int err = 0;

	(void)buffer;
	for (n = 0; n < args[0] && !err; n++) {
		err = mdu_lock(md, 0);
		err = err ? err : mdu_downcall_args(md, ST_D_LOOK, seen, NULL);
		err = err ? err : mdu_downcall(md, ST_D_PAUSE, PAUSE_MS);
		err = err ? err : mdu_downcall(md, ST_D_PUT, seen[0] + 1);
		err = err ? err : mdu_unlock(md, 0);
	}
	return err ? err : (int)n;
}

static int take(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	int err = mdu_lock(md, 0);

	(void)buffer;
	if (args[1])
		die();
	return err;
}

static int give(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)args;
	(void)buffer;
	return mdu_unlock(md, 0);
}

static int claim(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	int err = mdu_lock(md, 0);

	(void)args;
	(void)buffer;
	if (err)
		return err;
	err = mdu_downcall(md, ST_D_CLAIM);
	mdu_unlock(md, 0);
	return err;
}

static int inside(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)buffer;
	return mdu_downcall(md, args[1]);
}

static int sleep_on(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)md;
	(void)args;
	(void)buffer;
	while (pause())
		;
	return 0;
}

static int acquire(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	static const __u32 steps[] = { ST_D_IRQ, ST_D_DMA, ST_D_REGISTER };
	unsigned int n;
	int err = 0;

	(void)buffer;
	for (n = 0; n < MDRV_COUNT(steps) && !err; n++) {
		err = mdu_downcall(md, steps[n]);
		if (n + 1 == args[1])
			die();
	}
	return err;
}

static int try(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)buffer;
	mdu_downcall(md, ST_D_ATTEMPT);
	if (!shared_of(args)->attempts)
		die();
	return shared_of(args)->attempts;
}

static int remember(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	struct st *shared = shared_of(args);
	int n;

	(void)md;
	(void)buffer;
	for (n = 0; n < ST_STEPS; n++)
		shared->steps[n] = args[1] * n;
	shared->written = 23;
	shared->wide = 0x123456789abcdefULL;
	shared->head = node_at(shared->nodes[1]);
	return 0;
}

static int recall(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	const struct st *shared = shared_of(args);

	(void)md;
	buffer->bytes =
		snprintf(buffer->data, 512, "last=%u written=%u wide=%llx head=%u early=%llx",
			 shared->steps[ST_STEPS - 1], shared->written,
			 (unsigned long long)shared->wide, shared->head ? shared->head->value : 0,
			 early_wide);
	return 0;
}

/* What the k-driver told of itself that the heavy objects come with. */
static int weigh(struct mdu *md, __u64 *args, struct mdu_buffer *buffer)
{
	(void)md;
	(void)buffer;
	return shared_of(args)->elsewhere;
}

static const mdu_upcall_fn upcalls[] = {
	[ST_PLAIN] = plain,	  [ST_NESTED] = nested,	  [ST_INNER] = inner,
	[ST_RECURSE] = recurse,	  [ST_REVERSE] = reverse, [ST_FOLLOW] = follow,
	[ST_WALK] = walk,	  [ST_WRITE] = write_all, [ST_ADD] = add,
	[ST_TAKE] = take,	  [ST_GIVE] = give,	  [ST_SLEEP] = sleep_on,
	[ST_ACQUIRE] = acquire,	  [ST_TRY] = try,	  [ST_TRY_AGAIN] = try,
	[ST_REMEMBER] = remember, [ST_RECALL] = recall,	  [ST_WEIGH] = weigh,
	[ST_CLAIM] = claim,	  [ST_INSIDE] = inside,
};

/* Before the first upcall: what the k-driver says of itself is there. */
static int call_early(struct mdu *md)
{
	__u64 args[MDRV_ARGS] = { 0 };
	char space[MDRV_PAYLOAD] = "abc";
	struct mdu_buffer buffer = { .data = space, .bytes = 3 };
	int err = mdu_downcall_args(md, ST_D_ECHO, args, &buffer);

	if (err || buffer.bytes != 3 || memcmp(space, "bcd", 3))
		return -EBADMSG;
	early_wide = shared_of(args)->wide;
	return 0;
}

int main(int count, char **words)
{
	char *alone[] = { NODE };
	int early = count > 1 && !strcmp(words[1], "early"), first = 1 + early, n;
	char **nodes = count > first ? words + first : alone;
	int nodes_count = count > first ? count - first : 1;
	struct mdu *mds[MOST_NODES];

	for (n = 0; n < nodes_count && n < MOST_NODES; n++) {
		mds[n] = mdu_open(nodes[n], &st_contract, upcalls, NULL);
		if (!mds[n]) {
			fprintf(stderr, "%s: %s\n", nodes[n], strerror(errno));
			return 1;
		}
	}
	if (early && call_early(mds[0]))
		return 1;
	fprintf(stderr, "st_u: %s\n", strerror(-mdu_run(mds, n)));
	return 1;
}
