// SPDX-License-Identifier: GPL-2.0
/*
 * What pointers may lead to, as this half has it: copies of objects, mapped
 * memory, statics, and addresses that stand for the kernel's own pointers.
 */
#include "mdu_internal.h"

#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define FOREIGN_BYTES 64UL /* between two foreign pointers */
#define FOREIGN_SPACE ((MDRV_OBJECTS + 1) * FOREIGN_BYTES)
#define ALIGNMENT     64UL

const struct mdrv_type *mdu_type_of(const struct mdu *md, const struct object *object)
{
	return &md->contract->types[MDRV_OBJECT_TYPE(object->id)];
}

bool mdu_is_memory(const struct object *object)
{
	return MDRV_OBJECT_TYPE(object->id) == MDRV_MEMORY;
}

/* ---- indices ---- */

/* Ranges that overlap are equal: so a range of one byte finds that around it. */
static int compare(const void *left, const void *right)
{
	const struct object *one = left, *other = right;

	if (mdu_arg(one->at) + one->bytes <= mdu_arg(other->at))
		return -1;
	return mdu_arg(other->at) + other->bytes <= mdu_arg(one->at);
}

static struct object *object_around(const struct mdu *md, __u64 pointer)
{
	const struct object key = { .at = (void *)(unsigned long)pointer, .bytes = 1 };
	struct object **found = tfind(&key, (void *const *)&md->by_address, compare);

	return found ? *found : NULL;
}

/* Memory has a list of its own. */
static struct object **list_of(const struct mdu *md, __u32 type)
{
	return &md->by_type[type == MDRV_MEMORY ? md->contract->types_count : type];
}

struct object *mdu_objects_of(const struct mdu *md, __u32 type)
{
	return *list_of(md, type);
}

/* ---- objects ---- */

static struct object **bucket_of(struct mdu *md, __u32 id)
{
	return &md->by_id[id % BUCKETS];
}

static struct object *find(const struct mdu *md, __u32 id)
{
	struct object *object;

	for (object = md->by_id[id % BUCKETS]; object; object = object->next_by_id)
		if (object->id == id)
			return object;
	return NULL;
}

static struct object *add(struct mdu *md, __u32 id, void *at, __u64 bytes)
{
	struct object *object = calloc(1, sizeof(*object));
	struct object **list = list_of(md, MDRV_OBJECT_TYPE(id));

	if (!object)
		mdu_die(md, "no memory");
	object->id = id;
	object->at = at;
	object->bytes = bytes;
	object->next = *list;
	*list = object;
	object->next_by_id = *bucket_of(md, id);
	*bucket_of(md, id) = object;
	if (!tsearch(object, &md->by_address, compare))
		mdu_die(md, "no memory");
	return object;
}

/* A declared field is zero at first, as in a new twin. */
static void clear_fields(const struct mdu *md, struct object *object)
{
	const struct mdrv_type *type = mdu_type_of(md, object);
	__u32 n;

	for (n = 0; n < type->fields_count; n++) {
		const struct mdrv_field row = mdrv_field_of(type, n), *field = &row;
		char *at = (char *)object->at + field->offset;
		__u64 unit = 0;

		if (field->shape == MDRV_BITS) {
			memcpy(&unit, at, field->bytes);
			unit &= ~field->max;
			memcpy(at, &unit, field->bytes);
		} else {
			memset(at, 0, field->bytes);
		}
	}
}

/* Memory for a copy; the address behind it belongs to no other. */
static void *new_copy(const struct mdu *md, __u64 bytes)
{
	size_t size = (bytes + ALIGNMENT) / ALIGNMENT * ALIGNMENT;
	void *at = aligned_alloc(ALIGNMENT, size);

	if (!at)
		mdu_die(md, "no memory");
	memset(at, md->poison ? MDU_POISON_BYTE : 0, size);
	return at;
}

static struct object *add_copy(struct mdu *md, __u32 id)
{
	const struct mdrv_type *type = &md->contract->types[MDRV_OBJECT_TYPE(id)];
	bool is_static = type->global && md->sliced;
	void *at = is_static ? (void *)md->sliced->statics[type->global - 1].at
			     : new_copy(md, type->bytes);
	struct object *object = add(md, id, at, type->bytes);

	object->is_static = is_static;
	object->twin = calloc(1, type->bytes + 1);
	object->hidden = calloc(type->fields_count + 1, sizeof(bool));
	if (!object->twin || !object->hidden)
		mdu_die(md, "no memory");
	clear_fields(md, object);
	if (md->up)
		mdu_poison_object(md, object, md->up);
	return object;
}

struct object *mdu_object_by_id(struct mdu *md, __u32 id)
{
	struct object *object = find(md, id);

	if (!object && MDRV_OBJECT_TYPE(id) < md->contract->types_count)
		object = add_copy(md, id);
	return object;
}

/* The kernel's half gives the globals the first numbers, in the order of the types. */
static void add_globals(struct mdu *md)
{
	__u32 n, number = 0;

	for (n = 0; n < md->contract->types_count; n++)
		if (md->contract->types[n].global)
			add_copy(md, MDRV_OBJECT(n, ++number));
}

void mdu_objects_init(struct mdu *md)
{
	const char *poison = getenv("MDU_POISON");
	void *at;

	md->by_type = calloc(md->contract->types_count + 1, sizeof(struct object *));
	if (!md->by_type)
		mdu_die(md, "no memory");
	md->poison = poison ? atoi(poison) : 0;
	if (!md->sliced)
		return;
	at = mmap(NULL, FOREIGN_SPACE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1,
		  0);
	if (at == MAP_FAILED)
		mdu_die(md, "no addresses for foreign pointers");
	md->foreign = at;
	add_globals(md);
}

/* ---- memory ---- */

/* Where the pages of a memory object begin. */
static char *pages_of(const struct object *object)
{
	return (char *)((unsigned long)object->at & ~(PAGE - 1));
}

void mdu_take_region(struct mdu *md, __u32 id, const __u8 *data, __u32 bytes)
{
	struct mdrv_region region;
	char *at;

	if (bytes != sizeof(region) || find(md, id))
		return;
	memcpy(&region, data, sizeof(region));
	if (region.slot == MDRV_NO_SLOT)
		at = mmap(NULL, region.offset + region.bytes, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	else
		at = mmap(NULL, region.offset + region.bytes, PROT_READ | PROT_WRITE, MAP_SHARED,
			  md->fd, ((off_t)MDRV_MAPS + region.slot) * MDRV_MAP_STRIDE);
	if (at == MAP_FAILED)
		mdu_die(md, "memory cannot be mapped");
	add(md, id, at + region.offset, region.bytes);
}

/* ---- what pointers of the kernel's lead to ---- */

static void retire(struct mdu *md, struct copy *copy)
{
	copy->next = md->retired;
	md->retired = copy;
}

void mdu_forget_retired(struct mdu *md)
{
	struct copy *copy, *next;

	for (copy = md->retired; copy; copy = next) {
		next = copy->next;
		free(copy);
	}
	md->retired = NULL;
}

/* The old copy stays for a while: somebody may hold it. */
void mdu_take_data(struct mdu *md, struct object *object, __u32 field, const __u8 *data,
		   __u32 bytes)
{
	char *at = (char *)object->at + mdrv_field_of(mdu_type_of(md, object), field).offset;
	struct copy **link = &object->copies, *copy;
	void *pointer = NULL;

	while (*link && (*link)->field != field)
		link = &(*link)->next;
	copy = *link;
	if (copy) {
		*link = copy->next;
		retire(md, copy);
	}
	if (bytes) {
		copy = malloc(sizeof(*copy) + bytes);
		if (!copy)
			mdu_die(md, "no memory");
		copy->field = field;
		memcpy(copy->data, data, bytes);
		copy->next = object->copies;
		object->copies = copy;
		pointer = copy->data;
	}
	memcpy(at, &pointer, sizeof(pointer));
}

const char *mdu_copy_of(const struct object *object, __u32 field)
{
	const struct copy *copy;

	for (copy = object->copies; copy; copy = copy->next)
		if (copy->field == field)
			return copy->data;
	return NULL;
}

/* ---- the end of an object ---- */

static void unlink_object(struct mdu *md, struct object *object)
{
	struct object **link;

	for (link = list_of(md, MDRV_OBJECT_TYPE(object->id)); *link != object;)
		link = &(*link)->next;
	*link = object->next;
	for (link = bucket_of(md, object->id); *link != object;)
		link = &(*link)->next_by_id;
	*link = object->next_by_id;
	tdelete(object, &md->by_address, compare);
}

__attribute__((weak)) void mdu_ends(const void *at, __u64 bytes)
{
	(void)at;
	(void)bytes;
}

void mdu_forget(struct mdu *md, __u32 id)
{
	struct object *object = find(md, id);
	struct copy *copy, *next;

	if (!object)
		return;
	mdu_ends(object->at, object->bytes);
	unlink_object(md, object);
	for (copy = object->copies; copy; copy = next) {
		next = copy->next;
		retire(md, copy);
	}
	if (mdu_is_memory(object))
		munmap(pages_of(object), (char *)object->at - pages_of(object) + object->bytes);
	else if (!object->is_static)
		free(object->at);
	free(object->twin);
	free(object->hidden);
	free(object);
}

/* ---- references ---- */

static bool is_within(__u64 pointer, const void *at, __u64 bytes)
{
	return pointer - mdu_arg(at) < bytes;
}

static bool static_ref(const struct mdu *md, __u64 pointer, __u64 *ref)
{
	__u32 n;

	for (n = 0; n < md->sliced->statics_count; n++)
		if (is_within(pointer, md->sliced->statics[n].at, md->sliced->statics[n].bytes)) {
			*ref = MDRV_REFERENCE(MDRV_OBJECT(MDRV_STATIC, n),
					      pointer - mdu_arg(md->sliced->statics[n].at));
			return true;
		}
	return false;
}

static bool foreign_ref(const struct mdu *md, __u64 pointer, __u64 *ref)
{
	__u64 offset = pointer - mdu_arg(md->foreign);

	if (!is_within(pointer, md->foreign, FOREIGN_SPACE))
		return false;
	*ref = MDRV_REFERENCE(MDRV_OBJECT(MDRV_FOREIGN, offset / FOREIGN_BYTES),
			      offset % FOREIGN_BYTES);
	return true;
}

/* A pointer as it crosses. Return: false: it leads into nothing known */
bool mdu_ref_of(const struct mdu *md, __u64 pointer, __u64 *ref)
{
	const struct object *object;

	*ref = 0;
	if (!pointer)
		return true;
	object = object_around(md, pointer);
	if (object) {
		*ref = MDRV_REFERENCE(object->id, pointer - mdu_arg(object->at));
		return true;
	}
	if (!md->sliced)
		return false;
	if (MDRV_IS_ERROR(pointer)) {
		*ref = pointer;
		return true;
	}
	object = object_around(md, pointer - 1);
	if (object && mdu_is_memory(object)) { /* its end */
		*ref = MDRV_REFERENCE(object->id, object->bytes);
		return true;
	}
	return static_ref(md, pointer, ref) || foreign_ref(md, pointer, ref);
}

/* False: what a reference leads to is gone. */
bool mdu_is_there(const struct mdu *md, __u64 ref)
{
	__u32 id = MDRV_REF_OBJECT(ref);

	if (MDRV_OBJECT_TYPE(id) >= md->contract->types_count &&
	    MDRV_OBJECT_TYPE(id) != MDRV_MEMORY)
		return true;
	return !ref || find(md, id);
}

__u64 mdu_pointer_of(struct mdu *md, __u64 ref)
{
	__u32 id = MDRV_REF_OBJECT(ref), number = MDRV_OBJECT_NUMBER(id);
	struct object *object;

	if (!ref)
		return 0;
	if (md->sliced) {
		if (MDRV_IS_ERROR(ref))
			return ref;
		if (MDRV_OBJECT_TYPE(id) == MDRV_FOREIGN)
			return mdu_arg(md->foreign) + number * FOREIGN_BYTES + MDRV_REF_OFFSET(ref);
		if (MDRV_OBJECT_TYPE(id) == MDRV_STATIC && number < md->sliced->statics_count)
			return mdu_arg(md->sliced->statics[number].at) + MDRV_REF_OFFSET(ref);
	}
	object = mdu_object_by_id(md, id);
	return object ? mdu_arg(object->at) + MDRV_REF_OFFSET(ref) : 0;
}
