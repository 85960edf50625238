// SPDX-License-Identifier: GPL-2.0
/*
 * The object tracker: the objects that both halves know, and the fields of them
 * that have to cross.
 *
 * Beside each object lies its twin, the object as the u-driver has it. Pointers
 * are kept in it as they cross, since another object may lie at an address by
 * now. A field crosses if it differs from the twin and the call's table lets
 * the other side see it; so no unchanged field is ever written back. A new
 * u-driver begins with zeroed objects, and so do the twins: its first calls
 * bring it what it needs.
 *
 * The u-driver is not trusted: a message is taken whole, after everything in it
 * was checked against the tables, or not at all.
 */
#include <linux/export.h>
#include <linux/list.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "mdrv_internal.h"

bool mdrv_whole;
module_param_named(whole, mdrv_whole, bool, 0444);
MODULE_PARM_DESC(whole, "send as many bytes as copies of whole objects would take");

static void mdrv_object_free(struct mdrv_object *object)
{
	list_del(&object->node);
	kfree(object);
}

static void mdrv_objects_free(struct list_head *objects)
{
	struct mdrv_object *object, *next;

	list_for_each_entry_safe(object, next, objects, node)
		mdrv_object_free(object);
}

/**
 * __mdrv_share() - share an object, within a chain
 * @md: the instance
 * @type: its number in the contract's table of types
 * @at: the object, which must stay where it is until it is unshared
 *
 * Context: in a downcall.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int __mdrv_share(struct mdrv_instance *md, u32 type, void *at)
{
	struct mdrv_object *object;

	lockdep_assert_held(&md->busy);
	if (type >= md->contract->types_count || md->shared == MDRV_OBJECTS)
		return -EINVAL;
	object = kzalloc(struct_size(object, twin, md->contract->types[type].bytes), GFP_KERNEL);
	if (!object)
		return -ENOMEM;
	object->type = type;
	object->at = at;
	object->id = MDRV_OBJECT(type, ++md->shared);
	list_add_tail(&object->node, &md->objects);
	return 0;
}
EXPORT_SYMBOL_GPL(__mdrv_share);

/**
 * mdrv_share() - share an object
 * @md: the instance
 * @type: its number in the contract's table of types
 * @at: the object, which must stay where it is until it is unshared
 *
 * Context: process, outside of any chain of @md.
 * Return: 0, -EINVAL or -ENOMEM.
 */
int mdrv_share(struct mdrv_instance *md, u32 type, void *at)
{
	int err;

	mdrv_chain_lock(md);
	err = __mdrv_share(md, type, at);
	mdrv_chain_unlock(md);
	return err;
}
EXPORT_SYMBOL_GPL(mdrv_share);

/**
 * __mdrv_unshare() - share an object no longer, within a chain
 * @md: the instance
 * @at: the object
 *
 * The u-driver's copy goes with the next message to it.
 *
 * Context: in a downcall.
 */
void __mdrv_unshare(struct mdrv_instance *md, void *at)
{
	struct mdrv_object *object, *next;

	lockdep_assert_held(&md->busy);
	list_for_each_entry_safe(object, next, &md->objects, node)
		if (object->at == at)
			list_move_tail(&object->node, &md->gone);
}
EXPORT_SYMBOL_GPL(__mdrv_unshare);

/**
 * mdrv_unshare() - share an object no longer
 * @md: the instance
 * @at: the object
 *
 * The u-driver's copy goes with the next message to it.
 *
 * Context: process, outside of any chain of @md.
 */
void mdrv_unshare(struct mdrv_instance *md, void *at)
{
	mdrv_chain_lock(md);
	__mdrv_unshare(md, at);
	mdrv_chain_unlock(md);
}
EXPORT_SYMBOL_GPL(mdrv_unshare);

void mdrv_unshare_all(struct mdrv_instance *md)
{
	lockdep_assert_held(&md->busy);
	mdrv_objects_free(&md->objects);
	mdrv_objects_free(&md->gone);
}

static const struct mdrv_type *mdrv_type_of(struct mdrv_instance *md,
					    const struct mdrv_object *object)
{
	return &md->contract->types[object->type];
}

void mdrv_forget_twins(struct mdrv_instance *md)
{
	struct mdrv_object *object;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(object, &md->objects, node)
		memset(object->twin, 0, mdrv_type_of(md, object)->bytes);
	mdrv_objects_free(&md->gone);
}

static struct mdrv_object *mdrv_object_by_id(struct mdrv_instance *md, u32 id)
{
	struct mdrv_object *object;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(object, &md->objects, node)
		if (object->id == id)
			return object;
	return NULL;
}

/* The innermost object that a pointer points into: objects may lie in others. */
static struct mdrv_object *mdrv_object_around(struct mdrv_instance *md, u64 pointer)
{
	struct mdrv_object *object, *best = NULL;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(object, &md->objects, node) {
		u64 at = mdrv_arg(object->at);

		if (pointer >= at && pointer < at + mdrv_type_of(md, object)->bytes &&
		    (!best || at > mdrv_arg(best->at) ||
		     (at == mdrv_arg(best->at) &&
		      mdrv_type_of(md, object)->bytes < mdrv_type_of(md, best)->bytes)))
			best = object;
	}
	return best;
}

/* A kernel pointer as it crosses. Return: -ENOENT if it points into nothing shared */
int mdrv_ref_of(struct mdrv_instance *md, u64 pointer, u64 *ref)
{
	struct mdrv_object *object;

	*ref = 0;
	if (!pointer)
		return 0;
	object = mdrv_object_around(md, pointer);
	if (!object)
		return -ENOENT;
	*ref = MDRV_REFERENCE(object->id, pointer - mdrv_arg(object->at));
	return 0;
}

/* Note why a message of the u-driver is not taken, for the log line of its expulsion. */
static int mdrv_refuse(struct mdrv_instance *md, const char *why)
{
	md->refused = why;
	return -EPROTO;
}

int mdrv_pointer_of(struct mdrv_instance *md, u64 ref, u64 *pointer)
{
	struct mdrv_object *object;

	*pointer = 0;
	if (!ref)
		return 0;
	object = mdrv_object_by_id(md, MDRV_REF_OBJECT(ref));
	if (!object || MDRV_REF_OFFSET(ref) >= mdrv_type_of(md, object)->bytes)
		return mdrv_refuse(md, "a pointer to something that is not shared");
	*pointer = mdrv_arg(object->at) + MDRV_REF_OFFSET(ref);
	return 0;
}

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

static u64 mdrv_from_wire(const u8 *data, u32 bytes)
{
	u64 value = 0;

	memcpy(&value, data, bytes);
	return value;
}

/* ---- out ---- */

static u8 *mdrv_record_reserve(struct mdrv_message *to, u32 object, u16 field, u32 bytes)
{
	struct mdrv_record record = { .object = object, .field = field, .bytes = bytes };
	u8 *at = to->payload + to->bytes;

	if (to->bytes + sizeof(record) + bytes > MDRV_PAYLOAD)
		return NULL;
	memcpy(at, &record, sizeof(record));
	to->bytes += sizeof(record) + bytes;
	return at + sizeof(record);
}

static int mdrv_pack_list(struct mdrv_instance *md, struct mdrv_object *object, u32 number,
			  const struct mdrv_field *field, struct mdrv_message *to)
{
	struct list_head *head = object->at + field->offset, *at;
	u32 ids[MDRV_LIST_MEMBERS], count = 0;
	u64 ref;
	u8 *data;
	int err;

	list_for_each(at, head) {
		if (count == MDRV_LIST_MEMBERS)
			return -E2BIG;
		err = mdrv_ref_of(md, mdrv_arg(at) - field->link, &ref);
		if (err)
			return err;
		ids[count++] = MDRV_REF_OBJECT(ref);
	}
	data = mdrv_record_reserve(to, object->id, number, count * sizeof(u32));
	if (!data)
		return -E2BIG;
	memcpy(data, ids, count * sizeof(u32));
	return 0;
}

static int mdrv_pack_field(struct mdrv_instance *md, struct mdrv_object *object, u32 number,
			   struct mdrv_message *to)
{
	const struct mdrv_field *field = &mdrv_type_of(md, object)->fields[number];
	void *twin = object->twin + field->offset, *now = object->at + field->offset;
	u64 value;
	u8 *data;
	int err;

	if (field->shape == MDRV_LIST)
		return mdrv_pack_list(md, object, number, field, to);
	if (field->shape != MDRV_BYTES) {
		value = mdrv_load(now, field->bytes);
		now = &value;
	}
	if (field->shape == MDRV_POINTER) {
		err = mdrv_ref_of(md, value, &value);
		if (err)
			return err;
	}
	if (!memcmp(now, twin, field->bytes))
		return 0;
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
		const struct mdrv_field *field = &type->fields[n];

		if (field->shape == MDRV_SCALAR || field->shape == MDRV_BYTES)
			memcpy(data + field->offset, object->at + field->offset, field->bytes);
	}
	return 0;
}

static int mdrv_pack_objects(struct mdrv_instance *md, const struct mdrv_access *access,
			     struct mdrv_message *to)
{
	struct mdrv_object *object;
	int err;

	list_for_each_entry(object, &md->objects, node) {
		if (object->type != access->type)
			continue;
		err = mdrv_pack_field(md, object, access->field, to);
		if (err)
			return err;
	}
	return 0;
}

/* At most MDRV_GONE_MAX: the rest goes with the next message. */
static int mdrv_pack_gone(struct mdrv_instance *md, struct mdrv_message *to)
{
	struct mdrv_object *object;
	int count = 0;

	list_for_each_entry(object, &md->gone, node) {
		if (count++ == MDRV_GONE_MAX)
			break;
		if (!mdrv_record_reserve(to, object->id, MDRV_GONE, 0))
			return -E2BIG;
	}
	return 0;
}

static void mdrv_twin_set(struct mdrv_object *object, const struct mdrv_field *field,
			  const u8 *data)
{
	if (field->shape != MDRV_LIST)
		memcpy(object->twin + field->offset, data, field->bytes);
}

/* The message is complete: the twins become what the u-driver will have. */
static void mdrv_twins_update(struct mdrv_instance *md, const struct mdrv_message *to)
{
	struct mdrv_record record;
	u32 at;

	for (at = 0; at < to->bytes; at += record.bytes) {
		struct mdrv_object *object;

		memcpy(&record, to->payload + at, sizeof(record));
		at += sizeof(record);
		object = mdrv_object_by_id(md, record.object);
		if (record.field == MDRV_GONE)
			mdrv_object_free(list_first_entry(&md->gone, struct mdrv_object, node));
		else if (object && record.field != MDRV_WHOLE)
			mdrv_twin_set(object, &mdrv_type_of(md, object)->fields[record.field],
				      to->payload + at);
	}
}

static int mdrv_pack_call(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
			  struct mdrv_message *to, const struct mdrv_buffer *buffer)
{
	struct mdrv_object *object;
	u32 n;
	u8 *data;
	int err = mdrv_pack_gone(md, to);

	lockdep_assert_held(&md->busy);
	if (mdrv_whole && !err)
		list_for_each_entry(object, &md->objects, node) {
			err = mdrv_pack_whole(md, object, to);
			if (err)
				return err;
		}
	for (n = 0; n < call->accesses_count && !err; n++)
		if (call->accesses[n].mode & mode)
			err = mdrv_pack_objects(md, &call->accesses[n], to);
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
 * (MDRV_OUT).
 * Return: -E2BIG: they do not fit; -ENOENT: a pointer to something not shared
 */
int mdrv_pack(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
	      struct mdrv_message *to, const struct mdrv_buffer *buffer)
{
	int err = mdrv_pack_call(md, call, mode, to, buffer);

	if (!err)
		mdrv_twins_update(md, to);
	return err;
}

/* ---- in ---- */

static bool mdrv_may_write(const struct mdrv_call *call, u32 mode, u32 type, u32 field)
{
	u32 n;

	for (n = 0; n < call->accesses_count; n++)
		if (call->accesses[n].type == type && call->accesses[n].field == field)
			return call->accesses[n].mode & mode;
	return false;
}

/* The u-driver may put members into another order, and nothing else. */
static int mdrv_check_list(struct mdrv_instance *md, const struct mdrv_object *object,
			   const struct mdrv_field *field, const u8 *data, u32 bytes)
{
	struct list_head *head = object->at + field->offset, *at;
	u32 count = bytes / sizeof(u32), n, found;
	u64 ref;

	if (bytes % sizeof(u32) || list_count_nodes(head) != count || count > MDRV_LIST_MEMBERS)
		return mdrv_refuse(md, "a list of another length");
	list_for_each(at, head) {
		if (mdrv_ref_of(md, mdrv_arg(at) - field->link, &ref))
			return mdrv_refuse(md, "a list with members that are not shared");
		for (n = 0, found = 0; n < count; n++)
			found += mdrv_from_wire(data + n * sizeof(u32), sizeof(u32)) ==
				 MDRV_REF_OBJECT(ref);
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
	u64 value;

	if (field->shape == MDRV_LIST)
		return mdrv_check_list(md, object, field, data, bytes);
	if (bytes != field->bytes)
		return mdrv_refuse(md, "a field of another size");
	if (field->shape == MDRV_BYTES)
		return 0;
	value = mdrv_from_wire(data, bytes);
	if (field->shape == MDRV_POINTER)
		return mdrv_pointer_of(md, value, &value);
	if (value < field->min || value > field->max)
		return mdrv_refuse(md, "a value out of its range");
	return 0;
}

static void mdrv_take_field(struct mdrv_instance *md, struct mdrv_object *object,
			    const struct mdrv_field *field, const u8 *data, u32 bytes)
{
	void *at = object->at + field->offset, *twin = object->twin + field->offset;
	u64 value;

	if (field->shape == MDRV_LIST) {
		mdrv_take_list(md, object, field, data, bytes);
		return;
	}
	memcpy(twin, data, bytes);
	if (field->shape == MDRV_BYTES) {
		memcpy(at, data, bytes);
		return;
	}
	value = mdrv_from_wire(data, bytes);
	if (field->shape == MDRV_POINTER)
		mdrv_pointer_of(md, value, &value);
	mdrv_store(at, bytes, value);
}

static int mdrv_check_buffer(struct mdrv_instance *md, const struct mdrv_buffer *buffer, u32 mode,
			     u32 bytes)
{
	if (!buffer || !(buffer->mode & mode) || bytes > buffer->bytes)
		return mdrv_refuse(md, "a buffer that nobody gave, or a larger one");
	return 0;
}

/* @number is the u-driver's, and below the bound: the processor does not speculate beyond it. */
static const struct mdrv_field *mdrv_field_at(const struct mdrv_type *type, u32 number)
{
	return &type->fields[array_index_nospec(number, type->fields_count)];
}

static int mdrv_check_record(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
			     const struct mdrv_record *record, const u8 *data,
			     const struct mdrv_buffer *buffer)
{
	const struct mdrv_object *object;
	const struct mdrv_type *type;

	if (!record->object)
		return mdrv_check_buffer(md, buffer, mode, record->bytes);
	object = mdrv_object_by_id(md, record->object);
	if (!object)
		return mdrv_refuse(md, "an object that is not shared");
	type = mdrv_type_of(md, object);
	if (record->field == MDRV_WHOLE && mdrv_whole && record->bytes == type->bytes)
		return 0; /* its fields come again, one by one */
	if (record->field >= type->fields_count)
		return mdrv_refuse(md, "a field that there is not");
	if (!mdrv_may_write(call, mode, object->type, record->field))
		return mdrv_refuse(md, "a field that is not written with this call");
	return mdrv_check_field(md, object, mdrv_field_at(type, record->field), data,
				record->bytes);
}

static void mdrv_take_record(struct mdrv_instance *md, const struct mdrv_record *record,
			     const u8 *data, struct mdrv_buffer *buffer)
{
	struct mdrv_object *object;

	if (!record->object) {
		memcpy(buffer->data, data, record->bytes);
		buffer->bytes = record->bytes;
	} else if (record->field != MDRV_WHOLE) {
		object = mdrv_object_by_id(md, record->object);
		mdrv_take_field(md, object, mdrv_field_at(mdrv_type_of(md, object), record->field),
				data, record->bytes);
	}
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
static int mdrv_check_records(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
			      const struct mdrv_message *from, const struct mdrv_buffer *buffer)
{
	struct mdrv_record record;
	const u8 *data;
	u32 at;

	for (at = 0; at < from->bytes; at += sizeof(record) + record.bytes) {
		data = mdrv_record_at(md, from, at, &record);
		if (!data || mdrv_check_record(md, call, mode, &record, data, buffer))
			return -EPROTO;
	}
	return 0;
}

/*
 * Take over a message, if all of it is allowed. A buffer that should have come
 * and did not is empty then.
 * Return: -EPROTO and nothing has changed
 */
int mdrv_unpack(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
		const struct mdrv_message *from, struct mdrv_buffer *buffer)
{
	struct mdrv_record record;
	bool filled = false;
	const u8 *data;
	u32 at;

	lockdep_assert_held(&md->busy);
	if (mdrv_check_records(md, call, mode, from, buffer))
		return -EPROTO;
	for (at = 0; at < from->bytes; at += sizeof(record) + record.bytes) {
		data = mdrv_record_at(md, from, at, &record);
		mdrv_take_record(md, &record, data, buffer);
		filled = filled || !record.object;
	}
	if (buffer && buffer->mode & mode && !filled)
		buffer->bytes = 0;
	return 0;
}
