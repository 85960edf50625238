// SPDX-License-Identifier: GPL-2.0
/*
 * The fields of objects that have to cross, in the records of messages.
 *
 * A field crosses if it differs from the twin and the call's table lets the
 * other side see it; so no unchanged field is ever written back. With a downcall
 * of a sliced driver the fields of the upcall in which it is made cross, too.
 *
 * The u-driver is not trusted: a message is taken whole, after everything in it
 * was checked against the tables, or not at all.
 */
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mdrv_internal.h"

bool mdrv_whole;
module_param_named(whole, mdrv_whole, bool, 0444);
MODULE_PARM_DESC(whole, "send as many bytes as copies of whole objects would take");

/* A scalar is read and written at one go: the data path may look at it meanwhile. */
static u64 mdrv_load(const void *at, u32 bytes)
{
	switch (bytes) {
	case 1:
		return READ_ONCE(*(const u8 *)at);
	case 2:
		return READ_ONCE(*(const u16 *)at);
	case 4:
		return READ_ONCE(*(const u32 *)at);
	default:
		return READ_ONCE(*(const u64 *)at);
	}
}

static void mdrv_store(void *at, u32 bytes, u64 value)
{
	switch (bytes) {
	case 1:
		WRITE_ONCE(*(u8 *)at, value);
		break;
	case 2:
		WRITE_ONCE(*(u16 *)at, value);
		break;
	case 4:
		WRITE_ONCE(*(u32 *)at, value);
		break;
	default:
		WRITE_ONCE(*(u64 *)at, value);
	}
}

#define mdrv_set_bits(unit, mask, value)                                                           \
	({                                                                                         \
		typeof(unit) bits_at = (unit);                                                     \
		typeof(*bits_at) bits_was = READ_ONCE(*bits_at);                                   \
		while (!try_cmpxchg(bits_at, &bits_was,                                            \
				    (typeof(*bits_at))((bits_was & ~(mask)) | (value))))           \
			;                                                                          \
	})

u64 mdrv_from_wire(const u8 *data, u32 bytes)
{
	u64 value = 0;

	memcpy(&value, data, min_t(u32, bytes, sizeof(value)));
	return value;
}

/* Set the bits of @mask, which others may set meanwhile in the same unit. */
static void mdrv_store_bits(void *at, u32 bytes, u64 mask, u64 value)
{
	switch (bytes) {
	case 1:
		mdrv_set_bits((u8 *)at, mask, value);
		break;
	case 2:
		mdrv_set_bits((u16 *)at, mask, value);
		break;
	case 4:
		mdrv_set_bits((u32 *)at, mask, value);
		break;
	default:
		mdrv_set_bits((u64 *)at, mask, value);
	}
}

/* Set the bits of @mask in a twin, which nobody else looks at. */
static void mdrv_twin_set_bits(u8 *twin, u32 bytes, u64 mask, u64 value)
{
	value |= mdrv_from_wire(twin, bytes) & ~mask;
	memcpy(twin, &value, bytes);
}

static u64 mdrv_hash_of(const u8 *data, u32 bytes)
{
	u64 hash = 0xcbf29ce484222325ULL;

	while (bytes--)
		hash = mdrv_mix(hash, *data++);
	return hash;
}

/* ---- out ---- */

u8 *mdrv_record_reserve(struct mdrv_message *to, u32 object, u16 field, u32 bytes)
{
	struct mdrv_record record = { .object = object, .field = field, .bytes = bytes };
	u8 *at = to->payload + to->bytes;

	if (bytes > U16_MAX || to->bytes + sizeof(record) + bytes > mdrv_room(to))
		return NULL;
	memcpy(at, &record, sizeof(record));
	to->bytes += sizeof(record) + bytes;
	return at + sizeof(record);
}

static int mdrv_pack_list(struct mdrv_instance *md, struct mdrv_object *object, u32 number,
			  const struct mdrv_field *field, struct mdrv_message *to)
{
	struct list_head *head = object->at + field->offset, *at;
	const struct mdrv_object *member;
	u32 ids[MDRV_LIST_MEMBERS], count = 0;
	u8 *data;

	list_for_each(at, head) {
		if (count == MDRV_LIST_MEMBERS)
			return -E2BIG;
		member = mdrv_object_around(md, mdrv_arg(at) - field->link, 1);
		if (!member)
			return -ENOENT;
		ids[count++] = member->id;
	}
	data = mdrv_record_reserve(to, object->id, number, count * sizeof(u32));
	if (!data)
		return -E2BIG;
	memcpy(data, ids, count * sizeof(u32));
	return 0;
}

/* What a pointer leads to crosses if it has changed: the twin holds its hash. */
static int mdrv_pack_data(struct mdrv_object *object, u32 number, const struct mdrv_field *field,
			  struct mdrv_message *to)
{
	const u8 *from =
		(const u8 *)(unsigned long)mdrv_load(object->at + field->offset, sizeof(from));
	u32 bytes = field->link;
	u64 hash;
	u8 *data;

	if (from && !mdrv_is_readable(mdrv_arg(from), field->shape == MDRV_STRING ? 1 : bytes))
		from = NULL;
	if (field->shape == MDRV_STRING && from)
		bytes = strlen(from) + 1;
	hash = from ? mdrv_hash_of(from, bytes) : 0;

	if (!memcmp(&hash, object->twin + field->offset, sizeof(hash)))
		return 0;
	data = mdrv_record_reserve(to, object->id, number, from ? bytes : 0);
	if (!data)
		return -E2BIG;
	if (from)
		memcpy(data, from, bytes);
	return 0;
}

static int mdrv_pack_pointer(struct mdrv_instance *md, const struct mdrv_object *object, u32 number,
			     const struct mdrv_field *field, u64 *value) __must_hold(&md->busy)
{
	bool dead = object->dead[number] == *value;

	lockdep_assert_held(&md->busy);
	if (!field->link || dead || !mdrv_is_sliced(md))
		return mdrv_ref_of(md, *value, value);
	object->dead[number] = 0;
	return mdrv_ref_lent(md, field->link - 1, *value, true, value);
}

static int mdrv_pack_field(struct mdrv_instance *md, struct mdrv_object *object, u32 number,
			   struct mdrv_message *to) __must_hold(&md->busy)
{
	const struct mdrv_field row = mdrv_field_of(mdrv_type_of(md, object), number);
	const struct mdrv_field *field = &row;
	void *twin = object->twin + field->offset, *now = object->at + field->offset;
	u64 value;
	u8 *data;
	int err;

	if (field->shape == MDRV_LIST)
		return mdrv_pack_list(md, object, number, field, to);
	if (field->shape == MDRV_STRING || field->shape == MDRV_DATA)
		return mdrv_pack_data(object, number, field, to);
	if (field->shape != MDRV_BYTES) {
		value = mdrv_load(now, field->bytes);
		now = &value;
	}
	if (field->shape == MDRV_POINTER) {
		err = mdrv_pack_pointer(md, object, number, field, &value);
		if (err)
			return err;
	}
	if (field->shape == MDRV_BITS) {
		value &= field->max;
		if (value == (mdrv_from_wire(twin, field->bytes) & field->max))
			return 0;
	} else if (!memcmp(now, twin, field->bytes)) {
		return 0;
	}
	data = mdrv_record_reserve(to, object->id, number, field->bytes);
	if (!data)
		return -E2BIG;
	memcpy(data, now, field->bytes);
	return 0;
}

/*
 * For comparison: as many bytes as marshaling without field tables would copy.
 * Pointers and bytes that no table declares stay zero: they are the kernel's.
 */
static int mdrv_pack_whole(struct mdrv_instance *md, struct mdrv_object *object,
			   struct mdrv_message *to)
{
	const struct mdrv_type *type = mdrv_type_of(md, object);
	u8 *data = mdrv_record_reserve(to, object->id, MDRV_WHOLE, type->bytes);
	u32 n;

	if (!data)
		return -E2BIG;
	memset(data, 0, type->bytes);
	for (n = 0; n < type->fields_count; n++) {
		const struct mdrv_field field = mdrv_field_of(type, n);

		if (field.shape == MDRV_SCALAR || field.shape == MDRV_BYTES)
			memcpy(data + field.offset, object->at + field.offset, field.bytes);
	}
	return 0;
}

/* Objects as they were shared, from the one after @first up to and with @last. */
static int mdrv_pack_row(struct mdrv_instance *md, const struct mdrv_access *access, u64 first,
			 u64 last, struct mdrv_message *to) __must_hold(&md->busy)
{
	struct mdrv_object *object;
	int err;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(object, &md->by_type[access->type], node) {
		if (object->serial <= first || object->serial > last)
			continue;
		err = mdrv_pack_field(md, object, access->field, to);
		if (err)
			return err;
	}
	return 0;
}

static bool mdrv_crosses(const struct mdrv_call *call, u32 mode, u32 type, u32 field)
{
	u32 n;

	for (n = 0; n < call->accesses_count; n++) {
		const struct mdrv_access access = mdrv_access_of(call, n);

		if (access.type == type && access.field == field)
			return access.mode & mode;
	}
	return false;
}

/* The direction of the same message, seen from the upcall in which the downcall is made. */
static u32 mdrv_seen_from_upcall(u32 mode)
{
	return mode == MDRV_IN ? MDRV_OUT : MDRV_IN;
}

static int mdrv_pack_rows(struct mdrv_instance *md, const struct mdrv_call *call,
			  const struct mdrv_call *up, u32 mode, u64 first, u64 last,
			  struct mdrv_message *to) __must_hold(&md->busy)
{
	struct mdrv_access access;
	int err = 0;
	u32 n;

	lockdep_assert_held(&md->busy);
	for (n = 0; n < call->accesses_count && !err; n++) {
		access = mdrv_access_of(call, n);
		if (access.mode & mode)
			err = mdrv_pack_row(md, &access, first, last, to);
	}
	for (n = 0; up && n < up->accesses_count && !err; n++) {
		access = mdrv_access_of(up, n);
		if (access.mode & mdrv_seen_from_upcall(mode) &&
		    !mdrv_crosses(call, mode, access.type, access.field))
			err = mdrv_pack_row(md, &access, first, last, to);
	}
	return err;
}

/* Pointers may lead to objects that are lent by that: their fields cross in a further round. */
static int mdrv_pack_fields(struct mdrv_instance *md, const struct mdrv_call *call,
			    const struct mdrv_call *up, u32 mode, struct mdrv_message *to)
	__must_hold(&md->busy)
{
	u64 first, last = 0;
	int err;

	lockdep_assert_held(&md->busy);
	do {
		first = last;
		last = md->shared;
		err = mdrv_pack_rows(md, call, up, mode, first, last, to);
	} while (!err && last != md->shared);
	return err;
}

/* At most MDRV_GONE_MAX: the rest goes with the next message. */
static int mdrv_pack_gone(struct mdrv_instance *md, struct mdrv_message *to) __must_hold(&md->busy)
{
	struct mdrv_object *object;
	int count = 0;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(object, &md->gone, node) {
		if (count++ == MDRV_GONE_MAX)
			break;
		if (!mdrv_record_reserve(to, object->id, MDRV_GONE, 0))
			return -E2BIG;
	}
	return 0;
}

static int mdrv_pack_memory(struct mdrv_instance *md, struct mdrv_message *to)
	__must_hold(&md->busy)
{
	struct mdrv_object *object;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(object, &md->memory, node) {
		struct mdrv_region region = {
			.bytes = object->bytes,
			.slot = object->memory->slot,
			.offset = offset_in_page(object->at),
		};
		u8 *data;

		if (object->memory->announced)
			continue;
		data = mdrv_record_reserve(to, object->id, MDRV_REGION, sizeof(region));
		if (!data)
			return -E2BIG;
		memcpy(data, &region, sizeof(region));
	}
	return 0;
}

static void mdrv_twin_set(struct mdrv_object *object, const struct mdrv_field *field,
			  const u8 *data, u32 bytes)
{
	u8 *twin = object->twin + field->offset;
	u64 hash;

	switch (field->shape) {
	case MDRV_LIST:
		break;
	case MDRV_STRING:
	case MDRV_DATA:
		hash = bytes ? mdrv_hash_of(data, bytes) : 0;
		memcpy(twin, &hash, sizeof(hash));
		break;
	case MDRV_BITS:
		mdrv_twin_set_bits(twin, bytes, field->max, mdrv_from_wire(data, bytes));
		break;
	default:
		memcpy(twin, data, bytes);
	}
}

/* The message is complete: the twins become what the u-driver will have. */
static void mdrv_twins_update(struct mdrv_instance *md, const struct mdrv_message *to)
	__must_hold(&md->busy)
{
	struct mdrv_record record;
	u32 at;

	lockdep_assert_held(&md->busy);
	for (at = 0; at < to->bytes; at += record.bytes) {
		struct mdrv_object *object;
		struct mdrv_field field;

		memcpy(&record, to->payload + at, sizeof(record));
		at += sizeof(record);
		object = mdrv_object_by_id(md, record.object);
		if (record.field == MDRV_GONE) {
			mdrv_object_reported(md);
		} else if (object && record.field == MDRV_REGION) {
			object->memory->announced = true;
		} else if (object && record.field != MDRV_WHOLE) {
			field = mdrv_field_of(mdrv_type_of(md, object), record.field);
			mdrv_twin_set(object, &field, to->payload + at, record.bytes);
		}
	}
}

static int mdrv_pack_all_whole(struct mdrv_instance *md, struct mdrv_message *to)
	__must_hold(&md->busy)
{
	struct mdrv_object *object;
	int n, err;

	lockdep_assert_held(&md->busy);
	idr_for_each_entry(&md->ids, object, n) {
		err = object->memory ? 0 : mdrv_pack_whole(md, object, to);
		if (err)
			return err;
	}
	return 0;
}

static int mdrv_pack_call(struct mdrv_instance *md, const struct mdrv_call *call,
			  const struct mdrv_call *up, u32 mode, struct mdrv_message *to,
			  const struct mdrv_buffer *buffer) __must_hold(&md->busy)
{
	u8 *data;
	int err = mdrv_pack_gone(md, to) ?: mdrv_pack_memory(md, to);

	lockdep_assert_held(&md->busy);
	if (mdrv_whole && !err)
		err = mdrv_pack_all_whole(md, to);
	err = err ?: mdrv_pack_fields(md, call, up, mode, to);
	if (err || !buffer || !(buffer->mode & mode))
		return err;
	data = mdrv_record_reserve(to, 0, 0, buffer->bytes);
	if (!data)
		return -E2BIG;
	memcpy(data, buffer->data, buffer->bytes);
	return 0;
}

/*
 * Append the records that belong to a call (@mode MDRV_IN) or to its answer
 * (MDRV_OUT). @up: the upcall whose fields cross, too, or NULL
 * Return: -E2BIG: they do not fit; -ENOENT: a pointer to something not shared
 */
int mdrv_pack(struct mdrv_instance *md, const struct mdrv_call *call, const struct mdrv_call *up,
	      u32 mode, struct mdrv_message *to, const struct mdrv_buffer *buffer)
{
	int err = mdrv_pack_call(md, call, up, mode, to, buffer);

	if (!err)
		mdrv_twins_update(md, to);
	return err;
}

/* ---- in ---- */

static bool mdrv_may_write(const struct mdrv_call *call, const struct mdrv_call *up, u32 mode,
			   u32 type, u32 field)
{
	return mdrv_crosses(call, mode, type, field) ||
	       (up && mdrv_crosses(up, mdrv_seen_from_upcall(mode), type, field));
}

/* The u-driver may put members into another order, and nothing else. */
static int mdrv_check_list(struct mdrv_instance *md, const struct mdrv_object *object,
			   const struct mdrv_field *field, const u8 *data, u32 bytes)
{
	struct list_head *head = object->at + field->offset, *at;
	u32 count = bytes / sizeof(u32), n, found;
	const struct mdrv_object *member;

	if (bytes % sizeof(u32) || list_count_nodes(head) != count || count > MDRV_LIST_MEMBERS)
		return mdrv_refuse(md, "a list of another length");
	list_for_each(at, head) {
		member = mdrv_object_around(md, mdrv_arg(at) - field->link, 1);
		if (!member || member->memory)
			return mdrv_refuse(md, "a list with members that are not shared");
		for (n = 0, found = 0; n < count; n++)
			found += mdrv_from_wire(data + n * sizeof(u32), sizeof(u32)) == member->id;
		if (found != 1)
			return mdrv_refuse(md, "a list with other members");
	}
	return 0;
}

static void mdrv_take_list(struct mdrv_instance *md, const struct mdrv_object *object,
			   const struct mdrv_field *field, const u8 *data, u32 bytes)
{
	struct list_head *head = object->at + field->offset;
	u32 n;

	for (n = 0; n < bytes / sizeof(u32); n++) {
		u32 id = mdrv_from_wire(data + n * sizeof(u32), sizeof(u32));
		struct list_head *link = mdrv_object_by_id(md, id)->at + field->link;

		list_move_tail(link, head);
	}
}

static int mdrv_check_field(struct mdrv_instance *md, const struct mdrv_object *object,
			    const struct mdrv_field *field, const u8 *data, u32 bytes)
{
	u64 value, room;

	if (field->shape == MDRV_LIST)
		return mdrv_check_list(md, object, field, data, bytes);
	if (field->shape == MDRV_STRING || field->shape == MDRV_DATA)
		return mdrv_refuse(md, "what a pointer leads to, which is the kernel's");
	if (bytes != field->bytes)
		return mdrv_refuse(md, "a field of another size");
	if (field->shape == MDRV_BYTES)
		return 0;
	value = mdrv_from_wire(data, bytes);
	if (field->shape == MDRV_POINTER)
		return mdrv_pointer_of(md, value, &value, &room);
	if (field->shape == MDRV_BITS)
		return value & ~field->max ? mdrv_refuse(md, "bits of another field") : 0;
	if (value < field->min || value > field->max)
		return mdrv_refuse(md, "a value out of its range");
	return 0;
}

static void mdrv_take_field(struct mdrv_instance *md, struct mdrv_object *object,
			    const struct mdrv_field *field, const u8 *data, u32 bytes)
{
	void *at = object->at + field->offset;
	u64 value = mdrv_from_wire(data, bytes), room;

	mdrv_twin_set(object, field, data, bytes);
	switch (field->shape) {
	case MDRV_LIST:
		mdrv_take_list(md, object, field, data, bytes);
		break;
	case MDRV_BYTES:
		memcpy(at, data, bytes);
		break;
	case MDRV_BITS:
		mdrv_store_bits(at, bytes, field->max, value);
		break;
	case MDRV_POINTER:
		mdrv_pointer_of(md, value, &value, &room);
		fallthrough;
	default:
		mdrv_store(at, bytes, value);
	}
}

static int mdrv_check_buffer(struct mdrv_instance *md, const struct mdrv_buffer *buffer, u32 mode,
			     u32 bytes)
{
	if (!buffer || !(buffer->mode & mode) || bytes > buffer->bytes)
		return mdrv_refuse(md, "a buffer that nobody gave, or a larger one");
	return 0;
}

/* @number is the u-driver's, and below the bound: the processor does not speculate beyond it. */
static struct mdrv_field mdrv_field_at(const struct mdrv_type *type, u32 number)
{
	return mdrv_field_of(type, array_index_nospec(number, type->fields_count));
}

static int mdrv_check_record(struct mdrv_instance *md, const struct mdrv_call *call,
			     const struct mdrv_call *up, u32 mode, const struct mdrv_record *record,
			     const u8 *data, const struct mdrv_buffer *buffer)
{
	const struct mdrv_object *object;
	const struct mdrv_type *type;
	struct mdrv_field field;

	if (!record->object && call->signature && record->field)
		return 0; /* mdrv_calls.c looks for those that it wants */
	if (!record->object)
		return mdrv_check_buffer(md, buffer, mode, record->bytes);
	object = mdrv_object_by_id(md, record->object);
	if (!object || object->memory)
		return mdrv_refuse(md, "an object that is not shared");
	type = mdrv_type_of(md, object);
	if (record->field == MDRV_WHOLE && mdrv_whole && record->bytes == type->bytes)
		return 0; /* its fields come again, one by one */
	if (record->field >= type->fields_count)
		return mdrv_refuse(md, "a field that there is not");
	if (!mdrv_may_write(call, up, mode, object->type, record->field))
		return mdrv_refuse(md, "a field that is not written with this call");
	field = mdrv_field_at(type, record->field);
	return mdrv_check_field(md, object, &field, data, record->bytes);
}

static void mdrv_take_record(struct mdrv_instance *md, const struct mdrv_record *record,
			     const u8 *data, struct mdrv_buffer *buffer)
{
	struct mdrv_object *object;
	struct mdrv_field field;

	if (!record->object && record->field)
		return;
	if (!record->object) {
		memcpy(buffer->data, data, record->bytes);
		buffer->bytes = record->bytes;
	} else if (record->field != MDRV_WHOLE) {
		object = mdrv_object_by_id(md, record->object);
		field = mdrv_field_at(mdrv_type_of(md, object), record->field);
		mdrv_take_field(md, object, &field, data, record->bytes);
	}
}

/*
 * What argument @number leads to, in a message that need not be sound.
 * Return: NULL: it does not say
 */
const u8 *mdrv_record_of(const struct mdrv_message *from, u32 number, u32 *bytes)
{
	struct mdrv_record record;
	u32 at;

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

/* The record at @at of a message. Return: its data; NULL: it is not whole */
static const u8 *mdrv_record_at(struct mdrv_instance *md, const struct mdrv_message *from, u32 at,
				struct mdrv_record *record)
{
	u32 left = from->bytes - at;

	if (left < sizeof(*record)) {
		mdrv_refuse(md, "half a record");
		return NULL;
	}
	memcpy(record, from->payload + at, sizeof(*record));
	if (record->bytes > left - sizeof(*record)) {
		mdrv_refuse(md, "a record that is longer than its message");
		return NULL;
	}
	return from->payload + at + sizeof(*record);
}

/* Return: -EPROTO if anything in a message is not allowed */
static int mdrv_check_records(struct mdrv_instance *md, const struct mdrv_call *call,
			      const struct mdrv_call *up, u32 mode, const struct mdrv_message *from,
			      const struct mdrv_buffer *buffer)
{
	struct mdrv_record record;
	const u8 *data;
	u32 at;

	for (at = 0; at < from->bytes; at += sizeof(record) + record.bytes) {
		data = mdrv_record_at(md, from, at, &record);
		if (!data || mdrv_check_record(md, call, up, mode, &record, data, buffer))
			return -EPROTO;
	}
	return 0;
}

/*
 * Take over a message, if all of it is allowed. A buffer that should have come
 * and did not is empty then.
 * Return: -EPROTO and nothing has changed
 */
int mdrv_unpack(struct mdrv_instance *md, const struct mdrv_call *call, const struct mdrv_call *up,
		u32 mode, const struct mdrv_message *from, struct mdrv_buffer *buffer)
{
	struct mdrv_record record;
	bool filled = false;
	const u8 *data;
	u32 at;

	lockdep_assert_held(&md->busy);
	if (mdrv_check_records(md, call, up, mode, from, buffer))
		return -EPROTO;
	for (at = 0; at < from->bytes; at += sizeof(record) + record.bytes) {
		data = mdrv_record_at(md, from, at, &record);
		mdrv_take_record(md, &record, data, buffer);
		filled = filled || (!record.object && !record.field);
	}
	if (buffer && buffer->mode & mode && !filled)
		buffer->bytes = 0;
	return 0;
}
