// SPDX-License-Identifier: GPL-2.0
/*
 * The user's half of the runtime: a loop that sends an answer and receives the
 * next call.
 *
 * The kernel's half checks all that comes from here; this half trusts the
 * kernel's half, and checks sizes only.
 */
#include "mdu_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_INSTANCES 16

static const struct mdrv_call stock_call = { .name = "stock" };

void mdu_die(const struct mdu *md, const char *format, ...)
{
	int err = errno;
	va_list words;

	va_start(words, format);
	fprintf(stderr, "%s: ", md->contract->name);
	vfprintf(stderr, format, words);
	fprintf(stderr, ": %s\n", strerror(err));
	va_end(words);
	exit(1);
}

static void translate(struct mdu *md, __u32 refs, __u64 *args, bool out)
{
	int n;

	for (n = 0; n < MDRV_ARGS; n++)
		if (!(refs & 1U << n))
			continue;
		else if (out)
			mdu_ref_of(md, args[n], &args[n]);
		else
			args[n] = mdu_pointer_of(md, args[n]);
}

/* ---- calls ---- */

static int exchange(struct mdu *md, struct mdrv_message *message)
{
	while (ioctl(md->fd, MDRV_IOC_EXCHANGE, message)) {
		if (errno != EINTR)
			return -errno;
		message->kind = MDRV_NOTHING;
	}
	return 0;
}

void mdu_begin(struct mdrv_message *message, __u32 kind, __u32 call, __u32 seq)
{
	memset(message, 0, MDRV_HEAD);
	message->kind = kind;
	message->call = call;
	message->seq = seq;
}

/* A message with as much room as any may need; it is begun. */
struct mdrv_message *mdu_message_new(struct mdu *md, __u32 kind, __u32 call)
{
	struct space *space = md->spare;

	if (space)
		md->spare = space->next;
	else
		/* zeroed: memcheck does not see that the kernel writes a payload */
		space = calloc(1, offsetof(struct space, message.payload) + md->room);
	if (!space)
		mdu_die(md, "no memory");
	mdu_begin(&space->message, kind, call, md->seq);
	return &space->message;
}

void mdu_message_free(struct mdu *md, struct mdrv_message *message)
{
	struct space *space = (struct space *)((char *)message - offsetof(struct space, message));

	space->next = md->spare;
	md->spare = space;
}

/* Serve the upcall in @message, and put the answer in its place. */
static void serve(struct mdu *md, struct mdrv_message *message)
{
	char space[MDRV_PAYLOAD];
	struct mdu_buffer buffer = { .data = space };
	__u32 number = message->call, seq = message->seq, before = md->seq;
	const struct mdrv_call *call;
	__u64 args[MDRV_ARGS];
	int status;

	if (number >= md->contract->upcalls_count) {
		mdu_begin(message, MDRV_RETURN, number, seq);
		message->status = -EOPNOTSUPP;
		return;
	}
	call = &md->contract->upcalls[number];
	memcpy(args, message->args, sizeof(args));
	if (!md->seq)
		mdu_forget_retired(md);
	mdu_unpack(md, message, &buffer);
	if (call->signature) {
		mdu_serve_signed(md, message);
		return;
	}
	translate(md, call->refs, args, false);
	md->seq = seq;
	status = md->upcalls[number](md, args, &buffer);
	md->seq = before;
	mdu_begin(message, MDRV_RETURN, number, seq);
	message->status = status;
	mdu_pack(md, call, NULL, MDRV_OUT, message, &buffer);
}

/* Send a downcall, and serve upcalls until its result is in its place. */
void mdu_await_result(struct mdu *md, const struct mdrv_call *call, struct mdrv_message *message)
{
	__u32 number = message->call, turn = ++md->turns;
	int err;

	message->turn = turn;
	for (;;) {
		err = exchange(md, message);
		if (err == -EAGAIN) {
			struct pollfd news = { .fd = md->fd, .events = POLLIN };

			poll(&news, 1, -1);
			message->kind = MDRV_NOTHING;
			continue;
		}
		if (err) {
			errno = -err;
			mdu_die(md, "%s", call->name);
		}
		if (message->kind == MDRV_RESULT && message->call == number &&
		    message->turn == turn)
			return;
		if (message->kind == MDRV_UPCALL)
			serve(md, message);
		else
			message->kind = MDRV_NOTHING; /* no answer to this downcall */
	}
}

int mdu_downcall_args(struct mdu *md, __u32 number, __u64 *args, struct mdu_buffer *buffer)
{
	const struct mdrv_call *call =
		number < MDRV_STOCK ? &md->contract->downcalls[number] : &stock_call;
	struct mdrv_message *message = mdu_message_new(md, MDRV_DOWNCALL, number);
	int status;

	memcpy(message->args, args, sizeof(message->args));
	translate(md, call->refs, message->args, true);
	mdu_pack(md, call, NULL, MDRV_IN, message, buffer);
	mdu_await_result(md, call, message);
	mdu_unpack(md, message, buffer);
	translate(md, call->refs, message->args, false);
	memcpy(args, message->args, sizeof(message->args));
	status = message->status;
	mdu_message_free(md, message);
	return status;
}

int mdu_lock(struct mdu *md, unsigned int number)
{
	return mdu_downcall(md, MDRV_LOCK, number);
}

int mdu_unlock(struct mdu *md, unsigned int number)
{
	return mdu_downcall(md, MDRV_UNLOCK, number);
}

static int serve_all(struct mdu *md)
{
	struct mdrv_message *message = mdu_message_new(md, MDRV_NOTHING, 0);
	int err;

	for (;;) {
		err = exchange(md, message);
		if (err)
			break;
		if (message->kind == MDRV_UPCALL)
			serve(md, message);
		else
			message->kind = MDRV_NOTHING;
	}
	mdu_message_free(md, message);
	return err;
}

/* Several instances: poll, and serve each until it has no more messages. */
static int run_several(struct mdu *const *mds, unsigned int count)
{
	struct pollfd polls[MAX_INSTANCES] = { 0 };
	unsigned int n;
	int err;

	for (n = 0; n < count; n++) {
		polls[n] = (struct pollfd){ .fd = mds[n]->fd, .events = POLLIN };
		fcntl(mds[n]->fd, F_SETFL, O_NONBLOCK);
	}
	for (;;) {
		if (poll(polls, count, -1) < 0 && errno != EINTR)
			return -errno;
		for (n = 0; n < count; n++) {
			if (!polls[n].revents)
				continue;
			err = serve_all(mds[n]);
			if (err != -EAGAIN)
				return err;
		}
	}
}

int mdu_run(struct mdu *const *mds, unsigned int count)
{
	if (count > MAX_INSTANCES)
		return -EINVAL;
	return count > 1 ? run_several(mds, count) : serve_all(mds[0]);
}

static struct mdu *attach_to(const char *node, const struct mdu *as)
{
	struct mdrv_attach attach = { .digest = mdrv_digest(as->contract), .room = as->room };
	struct mdu *md = malloc(sizeof(*md));

	if (!md)
		return NULL;
	*md = *as;
	md->fd = open(node, O_RDWR | O_CLOEXEC);
	if (md->fd < 0)
		goto err_free;
	if (ioctl(md->fd, MDRV_IOC_ATTACH, &attach))
		goto err_close;
	md->whole = attach.whole;
	memcpy(md->offsets, attach.offsets, sizeof(md->offsets));
	mdu_objects_init(md);
	mdu_clock(attach.jiffies, attach.ns);
	mdu_current = md;
	return md;

err_close:
	close(md->fd);
err_free:
	free(md);
	return NULL;
}

struct mdu *mdu_open(const char *node, const struct mdrv_contract *contract,
		     const mdu_upcall_fn *upcalls, void *priv)
{
	return attach_to(node, &(struct mdu){
				       .contract = contract,
				       .room = MDRV_PAYLOAD,
				       .upcalls = upcalls,
				       .priv = priv,
			       });
}

struct mdu *mdu_open_sliced(const char *node, const struct mdu_driver *driver)
{
	return attach_to(node, &(struct mdu){
				       .contract = driver->contract,
				       .room = MDRV_LARGEST,
				       .sliced = driver,
			       });
}

void *mdu_priv(const struct mdu *md)
{
	return md->priv;
}

volatile void *mdu_map(struct mdu *md, unsigned int index, size_t bytes)
{
	void *at;

	if (index >= MDRV_MAPS) {
		errno = EINVAL;
		return NULL;
	}
	at = mmap(NULL, md->offsets[index] + bytes, PROT_READ | PROT_WRITE, MAP_SHARED, md->fd,
		  (off_t)index * MDRV_MAP_STRIDE);
	return at == MAP_FAILED ? NULL : (char *)at + md->offsets[index];
}
