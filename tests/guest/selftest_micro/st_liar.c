// SPDX-License-Identifier: GPL-2.0
/*
 * A u-driver that does not keep to the contract: `st_liar LIE` attaches, waits
 * for a call, and answers with that lie. Its exit code is the error that it is
 * turned away with.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "st_contract.h"

#define NODE	"/dev/microdriver/st0"
#define MARGIN	16
#define FLOOD	1000
#define CROWD	24 /* eight more than the kernel's half lets wait */
#define UNKNOWN 0xfff

/* A message, and what lies behind it for those who read too far. */
struct said {
	struct mdrv_message message;
	__u8 payload[MDRV_PAYLOAD];
	__u8 behind[MARGIN];
};

static __u32 state; /* the object that the call is about */

static void record(struct mdrv_message *to, __u32 object, __u32 field, const void *data,
		   __u32 bytes)
{
	struct mdrv_record record = { .object = object, .field = field, .bytes = bytes };

	memcpy(to->payload + to->bytes, &record, sizeof(record));
	memcpy(to->payload + to->bytes + sizeof(record), data, bytes);
	to->bytes += sizeof(record) + bytes;
}

static void number(struct mdrv_message *to, __u32 object, __u32 field, __u32 value)
{
	record(to, object, field, &value, sizeof(value));
}

static void pointer(struct mdrv_message *to, __u32 object, __u32 offset)
{
	__u64 ref = MDRV_REFERENCE(object, offset);

	record(to, state, ST_F_HEAD, &ref, sizeof(ref));
}

/* ---- messages of the wrong kind, number, size ---- */

static void lie_seq(struct mdrv_message *m)
{
	m->seq++;
}

static void lie_call(struct mdrv_message *m)
{
	m->call++;
}

static void lie_kind(struct mdrv_message *m)
{
	m->kind = MDRV_UPCALL;
}

static void lie_bytes(struct mdrv_message *m)
{
	m->bytes = MDRV_PAYLOAD + 1;
}

static void lie_all_bytes(struct mdrv_message *m)
{
	m->bytes = ~0U;
}

static void lie_downcall(struct mdrv_message *m)
{
	m->kind = MDRV_DOWNCALL;
	m->turn = 1;
	m->call = UNKNOWN;
}

static void lie_argument(struct mdrv_message *m)
{
	m->kind = MDRV_DOWNCALL;
	m->turn = 1;
	m->call = ST_D_MIDDLE;
	m->args[0] = MDRV_REFERENCE(state, sizeof(struct st));
}

/* ---- records ---- */

static void lie_half(struct mdrv_message *m)
{
	number(m, state, ST_F_WRITTEN, 1);
	m->bytes -= sizeof(__u32) + 1;
}

static void lie_short(struct mdrv_message *m)
{
	number(m, state, ST_F_WRITTEN, 1);
	m->bytes--;
}

static void lie_object(struct mdrv_message *m)
{
	number(m, MDRV_OBJECT(ST, UNKNOWN), ST_F_WRITTEN, 1);
}

static void lie_type(struct mdrv_message *m)
{
	number(m, MDRV_OBJECT(UNKNOWN, 1), ST_F_WRITTEN, 1);
}

static void lie_field(struct mdrv_message *m)
{
	number(m, state, UNKNOWN, 1);
}

static void lie_readable(struct mdrv_message *m)
{
	number(m, state, ST_F_READABLE, 1);
}

static void lie_elsewhere(struct mdrv_message *m)
{
	number(m, state, ST_F_ELSEWHERE, 1);
}

static void lie_size(struct mdrv_message *m)
{
	__u64 wide = 1;

	record(m, state, ST_F_WRITTEN, &wide, sizeof(wide));
}

static void lie_range(struct mdrv_message *m)
{
	number(m, state, ST_F_WRITTEN, 1); /* right, but nothing of a wrong message is taken */
	number(m, state, ST_F_LIMITED, ST_LIMIT + 1);
}

static void lie_whole(struct mdrv_message *m)
{
	static const struct st whole;

	record(m, state, MDRV_WHOLE, &whole, sizeof(whole));
}

static void lie_gone(struct mdrv_message *m)
{
	record(m, state, MDRV_GONE, "", 0);
}

static void lie_buffer(struct mdrv_message *m)
{
	number(m, 0, 0, 1);
}

/* ---- of "follow": pointers; of "walk": lists ---- */

static void lie_offset(struct mdrv_message *m)
{
	pointer(m, state, sizeof(struct st));
}

static void lie_stranger(struct mdrv_message *m)
{
	pointer(m, MDRV_OBJECT(ST_NODE, UNKNOWN), 0);
}

static void lie_members(struct mdrv_message *m)
{
	__u32 twice[] = { state + 1, state + 1, state + 2, state + 3, state + 4 };

	record(m, state, ST_F_NODES, twice, sizeof(twice));
}

static void lie_fewer(struct mdrv_message *m)
{
	record(m, state, ST_F_NODES, "", 0);
}

static const struct {
	const char *name;
	void (*tell)(struct mdrv_message *message);
} lies[] = {
	{ "seq", lie_seq },	      { "call", lie_call },	      { "kind", lie_kind },
	{ "bytes", lie_bytes },	      { "all_bytes", lie_all_bytes }, { "downcall", lie_downcall },
	{ "argument", lie_argument }, { "half", lie_half },	      { "short", lie_short },
	{ "object", lie_object },     { "type", lie_type },	      { "field", lie_field },
	{ "readable", lie_readable }, { "elsewhere", lie_elsewhere }, { "size", lie_size },
	{ "range", lie_range },	      { "whole", lie_whole },	      { "gone", lie_gone },
	{ "buffer", lie_buffer },     { "offset", lie_offset },	      { "stranger", lie_stranger },
	{ "members", lie_members },   { "fewer", lie_fewer },
};

/* ---- coming, and being turned away ---- */

static int device;

static int attach(void)
{
	struct mdrv_attach ask = { .digest = mdrv_digest(&st_contract) };

	device = open(NODE, O_RDWR);
	return device < 0 || ioctl(device, MDRV_IOC_ATTACH, &ask) ? -errno : 0;
}

static int exchange(struct mdrv_message *message)
{
	return ioctl(device, MDRV_IOC_EXCHANGE, message) ? -errno : 0;
}

static int tell(void (*lie)(struct mdrv_message *))
{
	static struct said said;
	struct mdrv_message *m = &said.message;
	int err = exchange(m);

	if (err)
		return err;
	state = MDRV_REF_OBJECT(m->args[0]);
	m->kind = MDRV_RETURN;
	m->status = 0;
	m->bytes = 0;
	lie(m);
	return exchange(m);
}

/* Answers that nobody asked for, without waiting in between. Return: the first that is not taken */
static int flood(void)
{
	static struct said said;
	int n, err = -EAGAIN;

	fcntl(device, F_SETFL, O_NONBLOCK);
	for (n = 0; n < FLOOD && err == -EAGAIN; n++) {
		said.message.kind = MDRV_RETURN;
		err = exchange(&said.message);
	}
	return err == -EAGAIN ? 0 : err;
}

/*
 * Processes that say something at the same time, each once.
 * Return: the number of those that are not heard
 */
static int crowd(void)
{
	static struct said said;
	int n, status, deaf = 0;

	fcntl(device, F_SETFL, O_NONBLOCK);
	said.message.kind = MDRV_RETURN;
	for (n = 0; n < CROWD; n++)
		if (!fork())
			_exit(exchange(&said.message) == -ENOBUFS);
	while (wait(&status) > 0)
		deaf += WIFEXITED(status) && WEXITSTATUS(status) == 1;
	return deaf;
}

/* A lock that there is not, and one that we do not hold: outside of any call. */
static int odd_locks(void)
{
	static struct said said;
	struct mdrv_message *m = &said.message;
	int err;

	m->kind = MDRV_DOWNCALL;
	m->call = MDRV_LOCK;
	m->args[0] = ~0ULL;
	err = exchange(m);
	if (err || m->status != -EINVAL)
		return err;
	m->kind = MDRV_DOWNCALL;
	m->call = MDRV_UNLOCK;
	m->args[0] = 0;
	err = exchange(m);
	return err ? err : m->status;
}

/* Another contract, and once more although we are attached. */
static int attach_oddly(void)
{
	struct mdrv_attach ask = { .digest = ~mdrv_digest(&st_contract) };
	int other = open(NODE, O_RDWR);

	if (other < 0 || !ioctl(other, MDRV_IOC_ATTACH, &ask) || errno != EPROTO)
		return 0;
	ask.digest = ~ask.digest;
	if (!ioctl(other, MDRV_IOC_ATTACH, &ask) || errno != EBUSY)
		return 0;
	return ioctl(device, MDRV_IOC_ATTACH, &ask) ? -errno : 0;
}

int main(int count, char **words)
{
	unsigned int n;
	int err = attach();

	if (err || count != 2)
		return 1;
	if (!strcmp(words[1], "flood"))
		return -flood();
	if (!strcmp(words[1], "crowd"))
		return crowd();
	if (!strcmp(words[1], "locks"))
		return -odd_locks();
	if (!strcmp(words[1], "attach"))
		return -attach_oddly();
	for (n = 0; n < MDRV_COUNT(lies); n++)
		if (!strcmp(words[1], lies[n].name))
			return -tell(lies[n].tell);
	return 1;
}
