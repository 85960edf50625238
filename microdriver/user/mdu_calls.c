// SPDX-License-Identifier: GPL-2.0
/* Calls by their signatures; see mdrv_calls.c, the kernel's side of them. */
#include "mdu_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef __u64 (*function)(__u64, __u64, __u64, __u64, __u64, __u64);

#define KNOWN(kind) ((kind) > MDRV_VALUE) /* a pointer */

struct mdu *mdu_current;

static const struct mdrv_call stock[] = {
	[MDRV_LOCK - MDRV_STOCK] = { .name = "lock" },
	[MDRV_UNLOCK - MDRV_STOCK] = { .name = "unlock" },
	[MDRV_PRINT - MDRV_STOCK] = { .name = "print" },
	[MDRV_GATE_CLOSE - MDRV_STOCK] = { .name = "gate_close" },
	[MDRV_GATE_OPEN - MDRV_STOCK] = { .name = "gate_open" },
};

__attribute__((weak)) void mdu_moment(void) {}

__attribute__((weak)) void mdu_clock(__u64 jiffies, __u64 ns)
{
	(void)jiffies;
	(void)ns;
}

/* A value as its type has it; what a function leaves in the rest of a register does not matter. */
static __u64 extended(const struct mdrv_argument *argument, __u64 value)
{
	__u32 unused = argument->bytes < sizeof(value) ? 64 - 8 * argument->bytes : 0;

	if (argument->flags & MDRV_SIGNED)
		return (__s64)(value << unused) >> unused;
	return value << unused >> unused;
}

static __u64 copy_bytes(const struct mdrv_argument *argument, const __u64 *args)
{
	return argument->bytes *
	       (argument->length == MDRV_NO_LENGTH ? 1 : args[argument->length % MDRV_ARGS]);
}

static __u64 strict_ref(const struct mdu *md, const struct mdrv_call *call, int n, __u64 pointer)
{
	__u64 ref;

	if (mdu_ref_of(md, pointer, &ref))
		return ref;
	errno = EFAULT;
	if (n == MDRV_ARGS)
		mdu_die(md, "%s: its result: a pointer to nothing shared", call->name);
	mdu_die(md, "%s: argument %d: a pointer to nothing shared", call->name, n);
}

static void put_bytes(struct mdu *md, struct mdrv_message *to, int n, const void *from, __u64 bytes)
{
	if (bytes > MDRV_LARGEST) { /* or else the sum would not fit into its type */
		errno = E2BIG;
		mdu_die(md, "what an argument leads to is too long");
	}
	memcpy(mdu_reserve(md, to, 0, 1 + n, bytes), from, bytes);
}

/* ---- downcalls ---- */

static void out_argument(struct mdu *md, const struct mdrv_call *call, int n, const __u64 *args,
			 struct mdrv_message *to)
{
	const struct mdrv_argument *argument = &call->signature[n];
	const void *at = (const void *)(unsigned long)args[n];

	switch (argument->kind) {
	case MDRV_NOTHING_ARG:
		to->args[n] = 0;
		return;
	case MDRV_VALUE:
		to->args[n] = extended(argument, args[n]);
		return;
	case MDRV_TEXT:
		if (!mdu_ref_of(md, args[n], &to->args[n]))
			put_bytes(md, to, n, at, strlen(at) + 1);
		return;
	case MDRV_COPY:
		if (!mdu_ref_of(md, args[n], &to->args[n]))
			put_bytes(md, to, n, at, copy_bytes(argument, args));
		return;
	default:
		to->args[n] = strict_ref(md, call, n, args[n]);
	}
}

/* Copies that crossed come back. */
static void take_copies(const struct mdrv_call *call, const __u64 *args,
			const struct mdrv_message *from)
{
	const __u8 *data;
	__u32 bytes;
	int n;

	for (n = 0; n < MDRV_ARGS; n++) {
		data = call->signature[n].kind == MDRV_COPY ? mdu_record_of(from, n, &bytes) : NULL;
		if (data)
			memcpy((void *)(unsigned long)args[n], data, bytes);
	}
}

__u64 mdu_call(struct mdu *md, __u32 number, const __u64 *args)
{
	const struct mdrv_call *call = &md->contract->downcalls[number];
	const struct mdrv_argument *result = &call->signature[MDRV_ARGS];
	struct mdrv_message *message = mdu_message_new(md, MDRV_DOWNCALL, number);
	__u64 value = 0;
	int n;

	for (n = 0; n < MDRV_ARGS; n++)
		out_argument(md, call, n, args, message);
	mdu_pack(md, call, md->up, MDRV_IN, message, NULL);
	mdu_await_result(md, call, message);
	mdu_unpack(md, message, NULL);
	take_copies(call, args, message);
	if (result->kind == MDRV_VALUE)
		value = extended(result, message->value);
	else if (KNOWN(result->kind))
		value = mdu_pointer_of(md, message->value);
	mdu_message_free(md, message);
	mdu_moment();
	return value;
}

/* ---- upcalls ---- */

/* The arguments of an upcall, as its function gets them. */
struct given {
	__u64 args[MDRV_ARGS];
	void *copies[MDRV_ARGS]; /* freed when the function has returned */
	__u32 bytes[MDRV_ARGS];
};

static void give_copy(struct mdu *md, struct given *given, int n, const __u8 *data, __u32 filled,
		      __u32 bytes)
{
	given->copies[n] = calloc(1, bytes + 1);
	if (!given->copies[n])
		mdu_die(md, "no memory");
	if (data)
		memcpy(given->copies[n], data, filled < bytes ? filled : bytes);
	given->bytes[n] = bytes;
	given->args[n] = mdu_arg(given->copies[n]);
}

static void give(struct mdu *md, const struct mdrv_call *call, int n,
		 const struct mdrv_message *message, struct given *given)
{
	const struct mdrv_argument *argument = &call->signature[n];
	__u32 bytes = 0;
	const __u8 *data = mdu_record_of(message, n, &bytes);

	if (argument->kind == MDRV_BUFFER) {
		if (message->args[n])
			give_copy(md, given, n, data, bytes, message->args[n] - 1);
	} else if (data) {
		give_copy(md, given, n, data, bytes, bytes);
	} else if (KNOWN(argument->kind)) {
		given->args[n] = mdu_pointer_of(md, message->args[n]);
	} else {
		given->args[n] = message->args[n];
	}
}

static bool comes_back(const struct mdrv_argument *argument)
{
	return argument->kind == MDRV_COPY ||
	       (argument->kind == MDRV_BUFFER && argument->flags & MDRV_WRITE);
}

static void answer(struct mdu *md, const struct mdrv_call *call, struct given *given, __u64 value,
		   struct mdrv_message *message)
{
	const struct mdrv_argument *result = &call->signature[MDRV_ARGS];
	int n;

	for (n = 0; n < MDRV_ARGS; n++) {
		if (given->copies[n] && comes_back(&call->signature[n]))
			put_bytes(md, message, n, given->copies[n], given->bytes[n]);
		free(given->copies[n]);
	}
	if (result->kind == MDRV_VALUE)
		message->value = extended(result, value);
	else if (KNOWN(result->kind))
		message->value = strict_ref(md, call, MDRV_ARGS, value);
	mdu_pack(md, call, NULL, MDRV_OUT, message, NULL);
}

/* Serve the upcall in @message, whose fields have been taken, and put the answer in its place. */
void mdu_serve_signed(struct mdu *md, struct mdrv_message *message)
{
	__u32 number = message->call, seq = message->seq, seq_before = md->seq;
	const struct mdrv_call *call = &md->contract->upcalls[number], *up_before = md->up;
	function served = (function)(unsigned long)md->sliced->functions[number];
	struct mdu *before = mdu_current;
	struct given given = { 0 };
	__u64 value;
	int n;

	for (n = 0; n < MDRV_ARGS; n++)
		give(md, call, n, message, &given);
	md->seq = seq;
	md->up = call;
	mdu_current = md;
	mdu_poison_all(md, call);
	mdu_moment();
	value = served(given.args[0], given.args[1], given.args[2], given.args[3], given.args[4],
		       given.args[5]);
	mdu_current = before;
	md->up = up_before;
	md->seq = seq_before;
	mdu_begin(message, MDRV_RETURN, number, seq);
	answer(md, call, &given, value, message);
	mdu_poison_all(md, up_before);
}

/* ---- the runtime's own ---- */

bool mdu_knows(const void *at)
{
	__u64 ref;

	return at && mdu_current && mdu_ref_of(mdu_current, mdu_arg(at), &ref);
}

static void print(char level, char kind, const void *device, const char *text, size_t bytes)
{
	struct mdu_buffer buffer = { .data = (void *)(unsigned long)text, .bytes = bytes };
	struct mdu *md = mdu_current;
	struct mdrv_message *message = mdu_message_new(md, MDRV_DOWNCALL, MDRV_PRINT);
	__u64 ref;

	if (buffer.bytes > MDRV_PAYLOAD / 2)
		buffer.bytes = MDRV_PAYLOAD / 2;
	mdu_ref_of(md, mdu_arg(device), &ref);
	message->args[0] = level;
	message->args[1] = MDRV_IS_ERROR(ref) ? 0 : ref;
	message->args[2] = kind;
	mdu_pack(md, &stock[MDRV_PRINT - MDRV_STOCK], NULL, MDRV_IN, message, &buffer);
	mdu_await_result(md, &stock[MDRV_PRINT - MDRV_STOCK], message);
	mdu_unpack(md, message, NULL);
	mdu_message_free(md, message);
}

void mdu_print(char level, const void *device, const char *text, size_t bytes)
{
	print(level, MDRV_DEVICE, device, text, bytes);
}

void mdu_print_netdev(char level, const void *netdev, const char *text, size_t bytes)
{
	print(level, MDRV_NET_DEVICE, netdev, text, bytes);
}

static void turn_gate(__u32 number)
{
	const struct mdrv_call *call = &stock[number - MDRV_STOCK];
	struct mdu *md = mdu_current;
	struct mdrv_message *message = mdu_message_new(md, MDRV_DOWNCALL, number);

	mdu_pack(md, call, md->up, MDRV_IN, message, NULL);
	mdu_await_result(md, call, message);
	mdu_unpack(md, message, NULL);
	if (message->status) {
		errno = -message->status;
		mdu_die(md, "%s", call->name);
	}
	mdu_message_free(md, message);
}

void mdu_gate_close(void)
{
	turn_gate(MDRV_GATE_CLOSE);
}

void mdu_gate_open(void)
{
	turn_gate(MDRV_GATE_OPEN);
}
