// SPDX-License-Identifier: GPL-2.0
/*
 * Pointers as they cross: references to objects and memory, statics, and, of a
 * sliced driver, pointers of the kernel's that only pass through.
 *
 * Such a foreign pointer gets a place in a table, and a reference that names
 * the place and how often it has been given away: a reference to a pointer that
 * is not in its place any more is refused.
 */
#include <linux/err.h>
#include <linux/hash.h>
#include <linux/nospec.h>
#include <linux/slab.h>

#include "mdrv_internal.h"

#define GENERATIONS (MDRV_OBJECTS / MDRV_FOREIGNERS + 1)

/* Note why a message of the u-driver is not taken, for the log line of its expulsion. */
int mdrv_refuse(struct mdrv_instance *md, const char *why)
{
	md->refused = why;
	return -EPROTO;
}

/* The k-driver of a generated driver has tables in place of functions. */
bool mdrv_is_sliced(const struct mdrv_instance *md)
{
	return md->ops->services || md->ops->statics;
}

/* ---- foreign pointers ---- */

void mdrv_forget_foreigners(struct mdrv_instance *md)
{
	lockdep_assert_held(&md->busy);
	kvfree(md->foreigners);
	md->foreigners = NULL;
}

static struct mdrv_foreigners *mdrv_foreigners_of(struct mdrv_instance *md) __must_hold(&md->busy)
{
	struct mdrv_foreigners *all = md->foreigners;
	int n;

	lockdep_assert_held(&md->busy);
	if (all)
		return all;
	all = kvzalloc(sizeof(*all), GFP_KERNEL);
	if (!all)
		return NULL;
	hash_init(all->by_pointer);
	INIT_LIST_HEAD(&all->used);
	for (n = 0; n < MDRV_FOREIGNERS; n++)
		list_add_tail(&all->at[n].used, &all->used);
	md->foreigners = all;
	return all;
}

static struct mdrv_foreign *mdrv_foreign_find(struct mdrv_foreigners *all, u64 pointer)
{
	struct mdrv_foreign *foreign;

	hash_for_each_possible(all->by_pointer, foreign, node, pointer)
		if (foreign->pointer == pointer)
			return foreign;
	return NULL;
}

/* Give the place that was not used for the longest time to another pointer. */
static struct mdrv_foreign *mdrv_foreign_add(struct mdrv_foreigners *all, u64 pointer)
{
	struct mdrv_foreign *foreign = list_last_entry(&all->used, struct mdrv_foreign, used);

	if (foreign->pointer)
		hash_del(&foreign->node);
	foreign->pointer = pointer;
	foreign->generation = (foreign->generation + 1) % GENERATIONS;
	hash_add(all->by_pointer, &foreign->node, pointer);
	return foreign;
}

static int mdrv_foreign_ref(struct mdrv_instance *md, u64 pointer, u64 *ref) __must_hold(&md->busy)
{
	struct mdrv_foreigners *all = mdrv_foreigners_of(md);
	struct mdrv_foreign *foreign;

	lockdep_assert_held(&md->busy);
	if (!all)
		return -ENOMEM;
	foreign = mdrv_foreign_find(all, pointer) ?: mdrv_foreign_add(all, pointer);
	list_move(&foreign->used, &all->used);
	*ref = MDRV_REFERENCE(MDRV_OBJECT(MDRV_FOREIGN, foreign->generation * MDRV_FOREIGNERS +
								(foreign - all->at)),
			      0);
	return 0;
}

static int mdrv_foreign_pointer(struct mdrv_instance *md, u64 ref, u64 *pointer)
	__must_hold(&md->busy)
{
	u32 number = MDRV_OBJECT_NUMBER(MDRV_REF_OBJECT(ref)), place = number % MDRV_FOREIGNERS;
	const struct mdrv_foreign *foreign;

	lockdep_assert_held(&md->busy);
	foreign = md->foreigners ? &md->foreigners->at[array_index_nospec(place, MDRV_FOREIGNERS)]
				 : NULL;
	if (!foreign || !foreign->pointer || foreign->generation != number / MDRV_FOREIGNERS ||
	    MDRV_REF_OFFSET(ref))
		return mdrv_refuse(md, "a foreign pointer that it was not given");
	*pointer = foreign->pointer;
	return 0;
}

/* ---- statics ---- */

static int mdrv_static_ref(const struct mdrv_instance *md, u64 pointer, u64 *ref)
{
	u32 n;

	for (n = 0; n < md->ops->statics_count; n++) {
		u64 offset = pointer - mdrv_arg(md->ops->statics[n].at);

		if (offset < md->ops->statics[n].bytes) {
			*ref = MDRV_REFERENCE(MDRV_OBJECT(MDRV_STATIC, n), offset);
			return 0;
		}
	}
	return -ENOENT;
}

static int mdrv_static_pointer(struct mdrv_instance *md, u64 ref, u64 *pointer, u64 *room)
{
	u32 n = MDRV_OBJECT_NUMBER(MDRV_REF_OBJECT(ref));
	const struct mdrv_static *at;

	if (n >= md->ops->statics_count)
		return mdrv_refuse(md, "a static that there is not");
	at = &md->ops->statics[array_index_nospec(n, md->ops->statics_count)];
	if (MDRV_REF_OFFSET(ref) >= at->bytes)
		return mdrv_refuse(md, "a pointer behind a static");
	*pointer = mdrv_arg(at->at) + MDRV_REF_OFFSET(ref);
	*room = at->bytes - MDRV_REF_OFFSET(ref);
	return 0;
}

/* ---- all ---- */

/* The memory that a pointer leads to the end of: drivers keep such pointers to compare with. */
static struct mdrv_object *mdrv_memory_before(struct mdrv_instance *md, u64 pointer)
	__must_hold(&md->busy)
{
	struct mdrv_object *object = mdrv_object_around(md, pointer - 1, 1);

	lockdep_assert_held(&md->busy);
	return object && object->memory && object->last == pointer - 1 ? object : NULL;
}

/*
 * A kernel pointer as it crosses, if @bytes lie there.
 * Return: -ENOENT if it leads into nothing that both halves know
 */
static int mdrv_ref_of_bytes(struct mdrv_instance *md, u64 pointer, u64 bytes, u64 *ref)
	__must_hold(&md->busy)
{
	struct mdrv_object *object;

	lockdep_assert_held(&md->busy);
	*ref = 0;
	if (!pointer)
		return 0;
	object = mdrv_object_around(md, pointer, bytes) ?: mdrv_memory_before(md, pointer);
	if (object) {
		*ref = MDRV_REFERENCE(object->id, pointer - mdrv_arg(object->at));
		return 0;
	}
	if (!mdrv_is_sliced(md))
		return -ENOENT;
	if (IS_ERR_VALUE(pointer)) {
		*ref = pointer;
		return 0;
	}
	return mdrv_static_ref(md, pointer, ref);
}

/* The same, whatever lies there. */
int mdrv_ref_of_known(struct mdrv_instance *md, u64 pointer, u64 *ref)
{
	return mdrv_ref_of_bytes(md, pointer, 1, ref);
}

/* The same, and other pointers pass through, if the driver is sliced. */
int mdrv_ref_of(struct mdrv_instance *md, u64 pointer, u64 *ref)
{
	int err = mdrv_ref_of_known(md, pointer, ref);

	lockdep_assert_held(&md->busy);
	return err == -ENOENT && mdrv_is_sliced(md) ? mdrv_foreign_ref(md, pointer, ref) : err;
}

/* The reference to an object of a type at this very place; 0: there is none */
static u64 mdrv_ref_exactly(struct mdrv_instance *md, u32 type, u64 pointer) __must_hold(&md->busy)
{
	const struct mdrv_object *object =
		mdrv_object_around(md, pointer, md->contract->types[type].bytes);

	lockdep_assert_held(&md->busy);
	if (!object || object->type != type || object->first != pointer)
		return 0;
	return MDRV_REFERENCE(object->id, 0);
}

/*
 * The same, but an object is shared there, unless a whole one is known; @lent: until
 * the outermost upcall ends.
 */
int mdrv_ref_lent(struct mdrv_instance *md, u32 type, u64 pointer, bool lent, u64 *ref)
{
	u64 bytes = md->contract->types[type].bytes;
	int err = mdrv_ref_of_bytes(md, pointer, bytes, ref);

	lockdep_assert_held(&md->busy);
	/* what was lent, and is to be kept, is shared already, and stays from now on */
	if (err != -ENOENT && (lent || !*ref || *ref != mdrv_ref_exactly(md, type, pointer)))
		return err;
	if (!mdrv_is_readable(pointer, bytes))
		return mdrv_foreign_ref(md, pointer, ref);
	err = mdrv_share_known(md, type, (void *)(unsigned long)pointer, lent);
	return err ?: mdrv_ref_of_bytes(md, pointer, bytes, ref);
}

/*
 * A reference of the u-driver's, as a kernel pointer. @room: the bytes that lie
 * there.
 */
int mdrv_pointer_of(struct mdrv_instance *md, u64 ref, u64 *pointer, u64 *room)
{
	struct mdrv_object *object;

	lockdep_assert_held(&md->busy);
	*pointer = 0;
	*room = ~0ULL;
	if (!ref)
		return 0;
	if (mdrv_is_sliced(md)) {
		if (IS_ERR_VALUE(ref)) {
			*pointer = ref;
			return 0;
		}
		if (MDRV_OBJECT_TYPE(MDRV_REF_OBJECT(ref)) == MDRV_STATIC)
			return mdrv_static_pointer(md, ref, pointer, room);
		if (MDRV_OBJECT_TYPE(MDRV_REF_OBJECT(ref)) == MDRV_FOREIGN)
			return mdrv_foreign_pointer(md, ref, pointer);
	}
	object = mdrv_object_by_id(md, MDRV_REF_OBJECT(ref));
	if (!object || MDRV_REF_OFFSET(ref) >= object->bytes + !!object->memory)
		return mdrv_refuse(md, "a pointer to something that is not shared");
	*pointer = mdrv_arg(object->at) + MDRV_REF_OFFSET(ref);
	*room = object->bytes - MDRV_REF_OFFSET(ref);
	return 0;
}
