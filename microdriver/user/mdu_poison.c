// SPDX-License-Identifier: GPL-2.0
/*
 * A check of the tables: MDU_POISON=1 fills what no field declares with 0x5a, once.
 * MDU_POISON=2 also hides at each upcall the fields that its table does not name: a
 * function that reads one of them finds 0x5a, and what it writes there is lost.
 *
 * A hidden field is not packed. It comes back from the twin when a call names it.
 */
#include "mdu_internal.h"

#include <stdlib.h>
#include <string.h>

static bool names(const struct mdrv_call *call, __u32 type, __u32 field)
{
	__u32 n;

	for (n = 0; n < call->accesses_count; n++) {
		const struct mdrv_access access = mdrv_access_of(call, n);

		if (access.type == type && access.field == field && access.mode)
			return true;
	}
	return false;
}

static void hide(const struct mdrv_field *field, char *at)
{
	__u64 unit = 0, poison;

	if (field->shape != MDRV_BITS) {
		memset(at, MDU_POISON_BYTE, field->bytes);
		return;
	}
	memset(&poison, MDU_POISON_BYTE, sizeof(poison));
	memcpy(&unit, at, field->bytes);
	unit = (unit & ~field->max) | (poison & field->max);
	memcpy(at, &unit, field->bytes);
}

/* Return: false: it points to what is gone, and stays hidden */
static bool show(struct mdu *md, const struct object *object, __u32 number,
		 const struct mdrv_field *field, char *at)
{
	const char *twin = (char *)object->twin + field->offset;
	__u64 value = 0, unit = 0;

	switch (field->shape) {
	case MDRV_POINTER:
		memcpy(&value, twin, sizeof(value));
		if (!mdu_is_there(md, value))
			return false;
		value = mdu_pointer_of(md, value);
		memcpy(at, &value, sizeof(value));
		return true;
	case MDRV_STRING:
	case MDRV_DATA:
		value = mdu_arg(mdu_copy_of(object, number));
		memcpy(at, &value, sizeof(value));
		return true;
	case MDRV_BITS:
		memcpy(&value, twin, field->bytes);
		memcpy(&unit, at, field->bytes);
		unit = (unit & ~field->max) | (value & field->max);
		memcpy(at, &unit, field->bytes);
		return true;
	default:
		memcpy(at, twin, field->bytes);
		return true;
	}
}

/* Hide the fields of an object that @call does not name, and show the others. */
void mdu_poison_object(struct mdu *md, struct object *object, const struct mdrv_call *call)
{
	const struct mdrv_type *type = mdu_type_of(md, object);
	__u32 n;

	if (md->poison < MDU_POISON_CALLS)
		return;
	for (n = 0; n < type->fields_count; n++) {
		const struct mdrv_field field = mdrv_field_of(type, n);
		char *at = (char *)object->at + field.offset;

		if (field.shape == MDRV_LIST)
			continue;
		if (!names(call, MDRV_OBJECT_TYPE(object->id), n)) {
			hide(&field, at);
			object->hidden[n] = true;
		} else if (object->hidden[n]) {
			object->hidden[n] = !show(md, object, n, &field, at);
		}
	}
}

/* The same for all objects, as an upcall begins, or goes on behind one within it. */
void mdu_poison_all(struct mdu *md, const struct mdrv_call *call)
{
	struct object *object;
	__u32 type;

	if (md->poison < MDU_POISON_CALLS || !call)
		return;
	for (type = 0; type < md->contract->types_count; type++)
		for (object = mdu_objects_of(md, type); object; object = object->next)
			mdu_poison_object(md, object, call);
}
