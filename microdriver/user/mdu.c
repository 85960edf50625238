// SPDX-License-Identifier: GPL-2.0
/*
 * The user's half of the runtime: a loop that sends an answer and receives the
 * next call, and the twins of the objects that both halves know.
 *
 * The kernel's half checks all that comes from here; this half trusts the
 * kernel's half, and checks sizes only.
 */
#include "mdu.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_INSTANCES 16

struct link { /* list_head, as the kernel has it */
	struct link *next, *prev;
};

struct object {
	struct object *next;
	__u32 id;
	void *at, *twin; /* the twin: as the k-driver has it, pointers as they cross */
};

struct mdu {
	int fd;
	const struct mdrv_contract *contract;
	const mdu_upcall_fn *upcalls;
	void *priv;
	struct object *objects;
	__u32 seq; /* of the upcall that is being served; 0: none */
	__u32 turns; /* downcalls ever made */
	bool whole;
	__u32 offsets[MDRV_MAPS];
};

static const struct mdrv_call stock_call = { .name = "stock" };

static void die(const struct mdu *md, const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", md->contract->name, what, strerror(errno));
	exit(1);
}

static const struct mdrv_type *type_of(const struct mdu *md, const struct object *object)
{
	return &md->contract->types[MDRV_OBJECT_TYPE(object->id)];
}

/* ---- objects ---- */

static struct object *object_by_id(struct mdu *md, __u32 id)
{
	struct object *object;

	for (object = md->objects; object; object = object->next)
		if (object->id == id)
			return object;
	if (MDRV_OBJECT_TYPE(id) >= md->contract->types_count)
		return NULL;
	object = calloc(1, sizeof(*object));
	if (!object)
		return NULL;
	object->id = id;
	object->at = calloc(1, type_of(md, object)->bytes);
	object->twin = calloc(1, type_of(md, object)->bytes);
	if (!object->at || !object->twin)
		die(md, "no memory");
	object->next = md->objects;
	md->objects = object;
	return object;
}

static void forget(struct mdu *md, __u32 id)
{
	struct object **link, *object;

	for (link = &md->objects; *link; link = &(*link)->next)
		if ((*link)->id == id) {
			object = *link;
			*link = object->next;
			free(object->at);
			free(object->twin);
			free(object);
			return;
		}
}

static __u64 ref_of(const struct mdu *md, __u64 pointer)
{
	const struct object *object;

	for (object = md->objects; pointer && object; object = object->next)
		if (pointer - mdu_arg(object->at) < type_of(md, object)->bytes)
			return MDRV_REFERENCE(object->id, pointer - mdu_arg(object->at));
	return 0;
}

static __u64 pointer_of(struct mdu *md, __u64 ref)
{
	struct object *object = ref ? object_by_id(md, MDRV_REF_OBJECT(ref)) : NULL;

	return object ? mdu_arg(object->at) + MDRV_REF_OFFSET(ref) : 0;
}

static __u8 *reserve(struct mdu *md, struct mdrv_message *to, __u32 object, __u16 field,
		     __u32 bytes)
{
	struct mdrv_record record = { .object = object, .field = field, .bytes = bytes };
	__u8 *at = to->payload + to->bytes;

	if (to->bytes + sizeof(record) + bytes > MDRV_PAYLOAD) {
		errno = E2BIG;
		die(md, "a message is too long");
	}
	memcpy(at, &record, sizeof(record));
	to->bytes += sizeof(record) + bytes;
	return at + sizeof(record);
}

static void pack_list(struct mdu *md, const struct object *object, __u32 number,
		      const struct mdrv_field *field, struct mdrv_message *to)
{
	struct link *head = (struct link *)((char *)object->at + field->offset), *at;
	__u32 ids[MDRV_PAYLOAD / sizeof(__u32)], count = 0;

	for (at = head->next; at && at != head && count < MDRV_PAYLOAD / sizeof(__u32);
	     at = at->next)
		ids[count++] = MDRV_REF_OBJECT(ref_of(md, mdu_arg(at) - field->link));
	memcpy(reserve(md, to, object->id, number, count * sizeof(__u32)), ids,
	       count * sizeof(__u32));
}

static void pack_field(struct mdu *md, struct object *object, __u32 number, struct mdrv_message *to)
{
	const struct mdrv_field *field = &type_of(md, object)->fields[number];
	char *at = (char *)object->at + field->offset, *twin = (char *)object->twin + field->offset;
	__u64 value;

	if (field->shape == MDRV_LIST) {
		pack_list(md, object, number, field, to);
		return;
	}
	if (field->shape == MDRV_POINTER) {
		memcpy(&value, at, sizeof(value));
		value = ref_of(md, value);
		at = (char *)&value;
	}
	if (!memcmp(at, twin, field->bytes))
		return;
	memcpy(twin, at, field->bytes);
	memcpy(reserve(md, to, object->id, number, field->bytes), at, field->bytes);
}

static void pack(struct mdu *md, const struct mdrv_call *call, __u32 mode, struct mdrv_message *to,
		 const struct mdu_buffer *buffer)
{
	struct object *object;
	__u32 n;

	for (object = md->whole ? md->objects : NULL; object; object = object->next)
		memcpy(reserve(md, to, object->id, MDRV_WHOLE, type_of(md, object)->bytes),
		       object->at, type_of(md, object)->bytes);
	for (n = 0; n < call->accesses_count; n++)
		for (object = md->objects; object; object = object->next)
			if (call->accesses[n].mode & mode &&
			    MDRV_OBJECT_TYPE(object->id) == call->accesses[n].type)
				pack_field(md, object, call->accesses[n].field, to);
	if (buffer && buffer->bytes)
		memcpy(reserve(md, to, 0, 0, buffer->bytes), buffer->data, buffer->bytes);
}

static void take_list(struct mdu *md, struct object *object, const struct mdrv_field *field,
		      const __u8 *data, __u32 bytes)
{
	struct link *head = (struct link *)((char *)object->at + field->offset), *last = head;
	__u32 n, id;

	for (n = 0; n < bytes / sizeof(id); n++) {
		struct object *member;
		struct link *link;

		memcpy(&id, data + n * sizeof(id), sizeof(id));
		member = object_by_id(md, id);
		if (!member)
			continue;
		link = (struct link *)((char *)member->at + field->link);
		last->next = link;
		link->prev = last;
		last = link;
	}
	last->next = head;
	head->prev = last;
}

static void take_field(struct mdu *md, struct object *object, const struct mdrv_field *field,
		       const __u8 *data, __u32 bytes)
{
	char *at = (char *)object->at + field->offset;
	__u64 value;

	if (field->shape == MDRV_LIST) {
		take_list(md, object, field, data, bytes);
		return;
	}
	if (bytes != field->bytes)
		return;
	memcpy((char *)object->twin + field->offset, data, bytes);
	memcpy(at, data, bytes);
	if (field->shape == MDRV_POINTER) {
		memcpy(&value, data, sizeof(value));
		value = pointer_of(md, value);
		memcpy(at, &value, sizeof(value));
	}
}

static void unpack(struct mdu *md, const struct mdrv_message *from, struct mdu_buffer *buffer)
{
	struct mdrv_record record;
	__u32 at;

	for (at = 0; at + sizeof(record) <= from->bytes; at += record.bytes) {
		struct object *object;

		memcpy(&record, from->payload + at, sizeof(record));
		at += sizeof(record);
		if (record.bytes > from->bytes - at)
			return;
		if (!record.object) {
			if (buffer) {
				memcpy(buffer->data, from->payload + at, record.bytes);
				buffer->bytes = record.bytes;
			}
			continue;
		}
		if (record.field == MDRV_GONE) {
			forget(md, record.object);
			continue;
		}
		object = record.field == MDRV_WHOLE ? NULL : object_by_id(md, record.object);
		if (object && record.field < type_of(md, object)->fields_count)
			take_field(md, object, &type_of(md, object)->fields[record.field],
				   from->payload + at, record.bytes);
	}
}

static void translate(struct mdu *md, __u32 refs, __u64 *args, bool out)
{
	int n;

	for (n = 0; n < MDRV_ARGS; n++)
		if (refs & 1U << n)
			args[n] = out ? ref_of(md, args[n]) : pointer_of(md, args[n]);
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

static void begin(struct mdrv_message *message, __u32 kind, __u32 call, __u32 seq)
{
	memset(message, 0, MDRV_HEAD);
	message->kind = kind;
	message->call = call;
	message->seq = seq;
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
		begin(message, MDRV_RETURN, number, seq);
		message->status = -EOPNOTSUPP;
		return;
	}
	call = &md->contract->upcalls[number];
	memcpy(args, message->args, sizeof(args));
	unpack(md, message, &buffer);
	translate(md, call->refs, args, false);
	md->seq = seq;
	status = md->upcalls[number](md, args, &buffer);
	md->seq = before;
	begin(message, MDRV_RETURN, number, seq);
	message->status = status;
	pack(md, call, MDRV_OUT, message, &buffer);
}

int mdu_downcall_args(struct mdu *md, __u32 number, __u64 *args, struct mdu_buffer *buffer)
{
	const struct mdrv_call *call =
		number < MDRV_STOCK ? &md->contract->downcalls[number] : &stock_call;
	struct mdrv_message message;
	__u32 turn = ++md->turns;
	int err;

	begin(&message, MDRV_DOWNCALL, number, md->seq);
	message.turn = turn;
	memcpy(message.args, args, sizeof(message.args));
	translate(md, call->refs, message.args, true);
	pack(md, call, MDRV_IN, &message, buffer);
	for (;;) {
		err = exchange(md, &message);
		if (err == -EAGAIN) {
			struct pollfd news = { .fd = md->fd, .events = POLLIN };

			poll(&news, 1, -1);
			message.kind = MDRV_NOTHING;
			continue;
		}
		if (err) {
			errno = -err;
			die(md, call->name);
		}
		if (message.kind == MDRV_RESULT && message.call == number && message.turn == turn)
			break;
		if (message.kind == MDRV_UPCALL)
			serve(md, &message);
		else
			message.kind = MDRV_NOTHING; /* no answer to this downcall */
	}
	unpack(md, &message, buffer);
	translate(md, call->refs, message.args, false);
	memcpy(args, message.args, sizeof(message.args));
	return message.status;
}

int mdu_lock(struct mdu *md, unsigned int number)
{
	return mdu_downcall(md, MDRV_LOCK, number);
}

int mdu_unlock(struct mdu *md, unsigned int number)
{
	return mdu_downcall(md, MDRV_UNLOCK, number);
}

static int serve_all(struct mdu *md, struct mdrv_message *message)
{
	int err;

	for (;;) {
		err = exchange(md, message);
		if (err)
			return err;
		if (message->kind == MDRV_UPCALL)
			serve(md, message);
		else
			message->kind = MDRV_NOTHING;
	}
}

/* Several instances: poll, and serve each until it has no more messages. */
static int run_several(struct mdu *const *mds, unsigned int count)
{
	struct pollfd polls[MAX_INSTANCES] = { 0 };
	struct mdrv_message message;
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
			begin(&message, MDRV_NOTHING, 0, 0);
			err = serve_all(mds[n], &message);
			if (err != -EAGAIN)
				return err;
		}
	}
}

int mdu_run(struct mdu *const *mds, unsigned int count)
{
	struct mdrv_message message;

	if (count > MAX_INSTANCES)
		return -EINVAL;
	if (count > 1)
		return run_several(mds, count);
	begin(&message, MDRV_NOTHING, 0, 0);
	return serve_all(mds[0], &message);
}

struct mdu *mdu_open(const char *node, const struct mdrv_contract *contract,
		     const mdu_upcall_fn *upcalls, void *priv)
{
	struct mdrv_attach attach = { .digest = mdrv_digest(contract) };
	struct mdu *md = calloc(1, sizeof(*md));

	if (!md)
		return NULL;
	md->contract = contract;
	md->upcalls = upcalls;
	md->priv = priv;
	md->fd = open(node, O_RDWR | O_CLOEXEC);
	if (md->fd < 0)
		goto err_free;
	if (ioctl(md->fd, MDRV_IOC_ATTACH, &attach))
		goto err_close;
	md->whole = attach.whole;
	memcpy(md->offsets, attach.offsets, sizeof(md->offsets));
	return md;

err_close:
	close(md->fd);
err_free:
	free(md);
	return NULL;
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
