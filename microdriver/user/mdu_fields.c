// SPDX-License-Identifier: GPL-2.0
/* The fields of objects, in the records of messages. */
#include "mdu_internal.h"

#include <errno.h>
#include <string.h>

#define MOST 0xffff /* bytes of a record */

__u8 *mdu_reserve(struct mdu *md, struct mdrv_message *to, __u32 object, __u16 field, __u32 bytes)
{
	struct mdrv_record record = { .object = object, .field = field, .bytes = bytes };
	__u8 *at = to->payload + to->bytes;

	if (bytes > MOST || to->bytes + sizeof(record) + bytes > md->room) {
		errno = E2BIG;
		mdu_die(md, "a message is too long");
	}
	memcpy(at, &record, sizeof(record));
	to->bytes += sizeof(record) + bytes;
	return at + sizeof(record);
}

/* ---- out ---- */

static void pack_list(struct mdu *md, const struct object *object, __u32 number,
		      const struct mdrv_field *field, struct mdrv_message *to)
{
	struct link *head = (struct link *)((char *)object->at + field->offset), *at;
	__u32 ids[MDRV_PAYLOAD / sizeof(__u32)], count = 0;
	__u64 ref;

	for (at = head->next; at && at != head && count < MDRV_PAYLOAD / sizeof(__u32);
	     at = at->next) {
		mdu_ref_of(md, mdu_arg(at) - field->link, &ref);
		ids[count++] = MDRV_REF_OBJECT(ref);
	}
	memcpy(mdu_reserve(md, to, object->id, number, count * sizeof(__u32)), ids,
	       count * sizeof(__u32));
}

static void pack_bits(struct mdu *md, struct object *object, __u32 number,
		      const struct mdrv_field *field, struct mdrv_message *to)
{
	char *twin = (char *)object->twin + field->offset;
	__u64 value = 0, was = 0;

	memcpy(&value, (char *)object->at + field->offset, field->bytes);
	memcpy(&was, twin, field->bytes);
	value &= field->max;
	if (value == (was & field->max))
		return;
	memcpy(mdu_reserve(md, to, object->id, number, field->bytes), &value, field->bytes);
	value |= was & ~field->max;
	memcpy(twin, &value, field->bytes);
}

static __u64 ref_in_field(const struct mdu *md, const struct object *object,
			  const struct mdrv_field *field, __u64 pointer)
{
	__u64 ref;

	if (!mdu_ref_of(md, pointer, &ref) && md->sliced) {
		errno = EFAULT;
		mdu_die(md, "a pointer to nothing shared, in %s.%s", mdu_type_of(md, object)->name,
			field->name);
	}
	return ref;
}

static void pack_field(struct mdu *md, struct object *object, __u32 number, struct mdrv_message *to)
{
	const struct mdrv_field row = mdrv_field_of(mdu_type_of(md, object), number);
	const struct mdrv_field *field = &row;
	char *at = (char *)object->at + field->offset, *twin = (char *)object->twin + field->offset;
	__u64 value;

	if (object->hidden[number])
		return;
	switch (field->shape) {
	case MDRV_LIST:
		pack_list(md, object, number, field, to);
		return;
	case MDRV_BITS:
		pack_bits(md, object, number, field, to);
		return;
	case MDRV_STRING:
	case MDRV_DATA:
		return;
	case MDRV_POINTER:
		memcpy(&value, at, sizeof(value));
		value = ref_in_field(md, object, field, value);
		at = (char *)&value;
		break;
	default:
		break;
	}
	if (!memcmp(at, twin, field->bytes))
		return;
	memcpy(twin, at, field->bytes);
	memcpy(mdu_reserve(md, to, object->id, number, field->bytes), at, field->bytes);
}

static void pack_rows(struct mdu *md, const struct mdrv_call *call, __u32 mode,
		      struct mdrv_message *to)
{
	struct object *object;
	__u32 n;

	for (n = 0; n < call->accesses_count; n++) {
		const struct mdrv_access access = mdrv_access_of(call, n);

		if (!(access.mode & mode))
			continue;
		for (object = mdu_objects_of(md, access.type); object; object = object->next)
			pack_field(md, object, access.field, to);
	}
}

static void pack_whole(struct mdu *md, struct mdrv_message *to)
{
	struct object *object;
	__u32 type;

	for (type = 0; type < md->contract->types_count; type++)
		for (object = mdu_objects_of(md, type); object; object = object->next)
			memcpy(mdu_reserve(md, to, object->id, MDRV_WHOLE, object->bytes),
			       object->at, object->bytes);
}

/*
 * Append the records that belong to a call (@mode MDRV_IN) or to its answer
 * (MDRV_OUT). @up: the upcall whose fields cross with a downcall, too, or NULL
 */
void mdu_pack(struct mdu *md, const struct mdrv_call *call, const struct mdrv_call *up, __u32 mode,
	      struct mdrv_message *to, const struct mdu_buffer *buffer)
{
	if (md->whole)
		pack_whole(md, to);
	pack_rows(md, call, mode, to);
	if (up) /* what has crossed above is in the twin, and does not cross again */
		pack_rows(md, up, MDRV_OUT, to);
	if (buffer && buffer->bytes)
		memcpy(mdu_reserve(md, to, 0, 0, buffer->bytes), buffer->data, buffer->bytes);
}

/* ---- in ---- */

static void take_list(struct mdu *md, struct object *object, const struct mdrv_field *field,
		      const __u8 *data, __u32 bytes)
{
	struct link *head = (struct link *)((char *)object->at + field->offset), *last = head;
	__u32 n, id;

	for (n = 0; n < bytes / sizeof(id); n++) {
		struct object *member;
		struct link *link;

		memcpy(&id, data + n * sizeof(id), sizeof(id));
		member = mdu_object_by_id(md, id);
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

static void set_bits(char *unit, __u32 bytes, __u64 mask, __u64 value)
{
	__u64 was = 0;

	memcpy(&was, unit, bytes);
	value |= was & ~mask;
	memcpy(unit, &value, bytes);
}

static void take_field(struct mdu *md, struct object *object, __u32 number, const __u8 *data,
		       __u32 bytes)
{
	const struct mdrv_field row = mdrv_field_of(mdu_type_of(md, object), number);
	const struct mdrv_field *field = &row;
	char *at = (char *)object->at + field->offset, *twin = (char *)object->twin + field->offset;
	__u64 value = 0;

	object->hidden[number] = false;
	if (field->shape == MDRV_LIST) {
		take_list(md, object, field, data, bytes);
		return;
	}
	if (field->shape == MDRV_STRING || field->shape == MDRV_DATA) {
		mdu_take_data(md, object, number, data, bytes);
		return;
	}
	if (bytes != field->bytes)
		return;
	if (field->shape == MDRV_BITS) {
		memcpy(&value, data, bytes);
		set_bits(at, bytes, field->max, value);
		set_bits(twin, bytes, field->max, value);
		return;
	}
	memcpy(twin, data, bytes);
	memcpy(at, data, bytes);
	if (field->shape == MDRV_POINTER) {
		memcpy(&value, data, sizeof(value));
		value = mdu_pointer_of(md, value);
		memcpy(at, &value, sizeof(value));
	}
}

static void take_record(struct mdu *md, const struct mdrv_record *record, const __u8 *data)
{
	struct object *object;

	if (record->field == MDRV_GONE) {
		mdu_forget(md, record->object);
		return;
	}
	if (record->field == MDRV_REGION) {
		mdu_take_region(md, record->object, data, record->bytes);
		return;
	}
	object = record->field == MDRV_WHOLE ? NULL : mdu_object_by_id(md, record->object);
	if (object && !mdu_is_memory(object) &&
	    record->field < mdu_type_of(md, object)->fields_count)
		take_field(md, object, record->field, data, record->bytes);
}

void mdu_unpack(struct mdu *md, const struct mdrv_message *from, struct mdu_buffer *buffer)
{
	struct mdrv_record record;
	__u32 at;

	for (at = 0; at + sizeof(record) <= from->bytes; at += record.bytes) {
		memcpy(&record, from->payload + at, sizeof(record));
		at += sizeof(record);
		if (record.bytes > from->bytes - at)
			return;
		if (record.object) {
			take_record(md, &record, from->payload + at);
		} else if (buffer && !record.field) {
			memcpy(buffer->data, from->payload + at, record.bytes);
			buffer->bytes = record.bytes;
		}
	}
}

/* What argument @number leads to. Return: NULL: nothing has crossed */
const __u8 *mdu_record_of(const struct mdrv_message *from, int number, __u32 *bytes)
{
	struct mdrv_record record;
	__u32 at;

	for (at = 0; at + sizeof(record) <= from->bytes; at += record.bytes) {
		memcpy(&record, from->payload + at, sizeof(record));
		at += sizeof(record);
		if (record.bytes > from->bytes - at)
			return NULL;
		if (!record.object && record.field == 1 + number) {
			*bytes = record.bytes;
			return from->payload + at;
		}
	}
	return NULL;
}
