// SPDX-License-Identifier: GPL-2.0
/*
 * The object tracker: the objects that both halves know, by number, address and
 * type.
 *
 * Beside each object lies its twin, the object as the u-driver has it. Pointers
 * are kept in it as they cross, since another object may lie at an address by
 * now. mdrv_fields.c compares objects with their twins. A new u-driver begins
 * with zeroed objects, and so do the twins: its first calls bring it what it
 * needs.
 *
 * A memory object has no twin: its range is never copied. The u-driver maps the
 * range, or only keeps as many addresses free.
 */
#include <linux/export.h>
#include <linux/interval_tree_generic.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <linux/vmalloc.h>

#include "mdrv_internal.h"

#define FIRST(object) ((object)->first)
#define LAST(object)  ((object)->last)

INTERVAL_TREE_DEFINE(struct mdrv_object, range, u64, subtree_last, FIRST, LAST, static, mdrv_range)

void mdrv_objects_init(struct mdrv_instance *md)
{
	u32 n;

	idr_init(&md->ids);
	md->ranges = RB_ROOT_CACHED;
	INIT_LIST_HEAD(&md->memory);
	INIT_LIST_HEAD(&md->mappable);
	INIT_LIST_HEAD(&md->lent);
	INIT_LIST_HEAD(&md->gone);
	INIT_LIST_HEAD(&md->kept);
	for (n = 0; n < md->contract->types_count; n++)
		INIT_LIST_HEAD(&md->by_type[n]);
}

/* ---- sharing ---- */

/* Enter an object into the indices. Return: 0 or -errno, and it is freed */
static int mdrv_object_add(struct mdrv_instance *md, struct mdrv_object *object, u32 type, void *at,
			   u64 bytes) __must_hold(&md->busy)
{
	int n = idr_alloc_cyclic(&md->ids, object, 1, MDRV_OBJECTS, GFP_KERNEL);

	lockdep_assert_held(&md->busy);
	if (n < 0) {
		kfree(object);
		return n;
	}
	object->id = MDRV_OBJECT(type, n);
	object->type = type;
	object->at = at;
	object->bytes = bytes;
	object->first = mdrv_arg(at);
	object->last = object->first + bytes - 1;
	object->serial = ++md->shared;
	object->owner = md->root;
	INIT_LIST_HEAD(&object->lent);
	list_add_tail(&object->node, type == MDRV_MEMORY ? &md->memory : &md->by_type[type]);
	mdrv_range_insert(object, &md->ranges);
	return 0;
}

/**
 * __mdrv_share() - share an object, within a chain
 * @md: the instance
 * @type: its number in the contract's table of types
 * @at: the object, which must stay where it is until it is unshared
 *
 * Context: in a downcall.
 * Return: 0, -EINVAL, -ENOSPC or -ENOMEM.
 */
int __mdrv_share(struct mdrv_instance *md, u32 type, void *at)
{
	struct mdrv_object *object;
	const struct mdrv_type *of;
	size_t twin;

	lockdep_assert_held(&md->busy);
	if (type >= md->contract->types_count)
		return -EINVAL;
	of = &md->contract->types[type];
	twin = ALIGN(of->bytes, sizeof(u64));
	object = kzalloc(struct_size(object, twin, twin + of->fields_count * sizeof(u64)),
			 GFP_KERNEL);
	if (!object)
		return -ENOMEM;
	object->dead = (u64 *)(object->twin + twin);
	return mdrv_object_add(md, object, type, at, of->bytes);
}
EXPORT_SYMBOL_GPL(__mdrv_share);

/**
 * mdrv_share() - share an object
 * @md: the instance
 * @type: its number in the contract's table of types
 * @at: the object, which must stay where it is until it is unshared
 *
 * Context: process, outside of any chain of @md.
 * Return: 0, -EINVAL, -ENOSPC or -ENOMEM.
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

static struct mdrv_object *mdrv_object_exactly(struct mdrv_instance *md, u32 type, const void *at)
	__must_hold(&md->busy)
{
	struct mdrv_object *object;

	lockdep_assert_held(&md->busy);
	for (object = mdrv_range_iter_first(&md->ranges, mdrv_arg(at), mdrv_arg(at)); object;
	     object = mdrv_range_iter_next(object, mdrv_arg(at), mdrv_arg(at)))
		if (object->at == at && object->type == type)
			return object;
	return NULL;
}

/* Share an object unless it is; @lent: until the outermost upcall ends. */
int mdrv_share_known(struct mdrv_instance *md, u32 type, void *at, bool lent)
{
	struct mdrv_object *object = mdrv_object_exactly(md, type, at);
	int err;

	lockdep_assert_held(&md->busy);
	if (object) {
		if (!lent)
			list_del_init(&object->lent);
		return 0;
	}
	err = __mdrv_share(md, type, at);
	if (!err && lent)
		list_add(&mdrv_object_exactly(md, type, at)->lent, &md->lent);
	return err;
}

/**
 * mdrv_share_once() - share an object unless it is
 * @md: the instance
 * @type: its number in the contract's table of types
 * @at: the object, which must stay where it is until it is unshared
 *
 * Context: process, within a chain of @md or outside.
 * Return: 0, -EINVAL, -ENOSPC or -ENOMEM.
 */
int mdrv_share_once(struct mdrv_instance *md, u32 type, void *at)
{
	bool entered = mdrv_chain_enter(md);
	int err = mdrv_share_known(md, type, at, false);

	mdrv_chain_leave(md, entered);
	return err;
}
EXPORT_SYMBOL_GPL(mdrv_share_once);

/* The globals come first: the u-driver gives them the same numbers by itself. */
int mdrv_share_globals(struct mdrv_instance *md)
{
	const struct mdrv_type *types = md->contract->types;
	int err = 0;
	u32 n;

	for (n = 0; n < md->contract->types_count && !err; n++) {
		if (!types[n].global)
			continue;
		if (types[n].global > md->ops->statics_count)
			return -EINVAL;
		err = mdrv_share(md, n, (void *)md->ops->statics[types[n].global - 1].at);
	}
	return err;
}

/* I/O ports look like addresses and have no pages. */
static bool mdrv_memory_has_pages(const struct mdrv_memory *memory)
{
	return memory->phys || is_vmalloc_addr(memory->at) || virt_addr_valid(memory->at);
}

/* Share a range that is never copied. @phys: of registers, or 0 */
int mdrv_share_memory(struct mdrv_instance *md, u8 kind, void *at, u64 bytes, phys_addr_t phys)
{
	struct mdrv_object *object;
	struct mdrv_memory *memory;
	int err;

	lockdep_assert_held(&md->busy);
	if (!bytes || bytes > MDRV_MAP_STRIDE - PAGE_SIZE)
		return -EINVAL;
	object = kzalloc(struct_size(object, twin, sizeof(*memory)), GFP_KERNEL);
	if (!object)
		return -ENOMEM;
	memory = (struct mdrv_memory *)object->twin;
	*memory = (struct mdrv_memory){
		.slot = MDRV_NO_SLOT,
		.registers = kind == MDRV_SHARE_REGISTERS,
		.at = at,
		.bytes = bytes,
		.phys = phys,
	};
	object->memory = memory;
	err = mdrv_object_add(md, object, MDRV_MEMORY, at, bytes);
	if (err || kind == MDRV_SHARE_ADDRESSES || !mdrv_memory_has_pages(memory))
		return err;
	mutex_lock(&md->map_lock);
	if (md->slots < MDRV_NO_SLOT) {
		memory->slot = md->slots++;
		list_add(&memory->node, &md->mappable);
	}
	mutex_unlock(&md->map_lock);
	return 0;
}

/* ---- unsharing ---- */

/* Free an object that is in no index but that of the numbers. */
static void mdrv_object_free(struct mdrv_instance *md, struct mdrv_object *object)
	__must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	list_del(&object->node);
	idr_remove(&md->ids, MDRV_OBJECT_NUMBER(object->id));
	kfree(object);
}

/* The u-driver may not reach a range any more: it loses the pages before their memory is freed. */
static void mdrv_memory_revoke(struct mdrv_instance *md, struct mdrv_memory *memory)
{
	mutex_lock(&md->map_lock);
	if (memory->slot != MDRV_NO_SLOT) {
		list_del(&memory->node);
		if (md->mapped)
			unmap_mapping_range(md->mapped->mapping,
					    (loff_t)(MDRV_MAPS + memory->slot) * MDRV_MAP_STRIDE,
					    MDRV_MAP_STRIDE, 1);
	}
	mutex_unlock(&md->map_lock);
}

static void mdrv_object_unshare(struct mdrv_instance *md, struct mdrv_object *object)
	__must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	if (object->memory)
		mdrv_memory_revoke(md, object->memory);
	mdrv_range_remove(object, &md->ranges);
	list_del_init(&object->lent);
	list_move_tail(&object->node, &md->gone);
	idr_replace(&md->ids, NULL, MDRV_OBJECT_NUMBER(object->id));
}

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
	for (object = mdrv_range_iter_first(&md->ranges, mdrv_arg(at), mdrv_arg(at)); object;
	     object = next) {
		next = mdrv_range_iter_next(object, mdrv_arg(at), mdrv_arg(at));
		if (object->at == at)
			mdrv_object_unshare(md, object);
	}
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

static void mdrv_mark_dead(struct mdrv_instance *md, struct mdrv_object *object, u64 first,
			   u64 last) __must_hold(&md->busy)
{
	const struct mdrv_type *type = mdrv_type_of(md, object);
	u32 n;

	lockdep_assert_held(&md->busy);
	for (n = 0; n < type->fields_count; n++) {
		const struct mdrv_field field = mdrv_field_of(type, n);
		u64 pointer;

		if (field.shape != MDRV_POINTER)
			continue;
		pointer = READ_ONCE(*(u64 *)(object->at + field.offset));
		if (pointer >= first && pointer <= last)
			object->dead[n] = pointer;
	}
}

/*
 * Share something no longer that is about to be freed, with all that lies in it.
 * Pointers that lead into it may stay in other objects.
 */
void mdrv_forget(struct mdrv_instance *md, void *at)
{
	struct mdrv_object *object, *next;
	u64 first = mdrv_arg(at), last = 0;
	int n;

	lockdep_assert_held(&md->busy);
	for (object = mdrv_range_iter_first(&md->ranges, first, first); object;
	     object = mdrv_range_iter_next(object, first, first))
		if (object->at == at)
			last = max(last, object->last);
	if (!last)
		return;
	for (object = mdrv_range_iter_first(&md->ranges, first, last); object; object = next) {
		next = mdrv_range_iter_next(object, first, last);
		if (object->first >= first && object->last <= last)
			mdrv_object_unshare(md, object);
	}
	idr_for_each_entry(&md->ids, object, n)
		if (!object->memory)
			mdrv_mark_dead(md, object, first, last);
}

/**
 * mdrv_sliced_forget() - share something no longer that is about to go, with all that lies in it
 * @md: the instance
 * @at: the object; without effect if it is not shared
 *
 * Context: process, within a chain of @md or outside.
 */
void mdrv_sliced_forget(struct mdrv_instance *md, void *at)
{
	bool entered = mdrv_chain_enter(md);

	mdrv_forget(md, at);
	mdrv_chain_leave(md, entered);
}
EXPORT_SYMBOL_GPL(mdrv_sliced_forget);

void mdrv_unshare_lent(struct mdrv_instance *md)
{
	struct mdrv_object *object, *next;

	lockdep_assert_held(&md->busy);
	list_for_each_entry_safe(object, next, &md->lent, lent)
		mdrv_object_unshare(md, object);
}

/* The u-driver has been told of the first object that is gone. */
void mdrv_object_reported(struct mdrv_instance *md)
{
	lockdep_assert_held(&md->busy);
	mdrv_object_free(md, list_first_entry(&md->gone, struct mdrv_object, node));
}

static void mdrv_gone_free(struct mdrv_instance *md) __must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	while (!list_empty(&md->gone))
		mdrv_object_reported(md);
}

void mdrv_unshare_all(struct mdrv_instance *md)
{
	struct mdrv_object *object;
	int n;

	lockdep_assert_held(&md->busy);
	idr_for_each_entry(&md->ids, object, n)
		mdrv_object_unshare(md, object);
	mdrv_gone_free(md);
	idr_destroy(&md->ids);
}

/* A new u-driver knows nothing. */
void mdrv_forget_twins(struct mdrv_instance *md)
{
	struct mdrv_object *object;
	int n;

	lockdep_assert_held(&md->busy);
	idr_for_each_entry(&md->ids, object, n)
		if (object->memory)
			object->memory->announced = false;
		else
			memset(object->twin, 0, object->bytes);
	mdrv_gone_free(md);
}

/* ---- finding ---- */

/* Of an object that is no memory. */
const struct mdrv_type *mdrv_type_of(const struct mdrv_instance *md,
				     const struct mdrv_object *object)
{
	return &md->contract->types[object->type];
}

struct mdrv_object *mdrv_object_by_id(struct mdrv_instance *md, u32 id)
{
	struct mdrv_object *object = idr_find(&md->ids, MDRV_OBJECT_NUMBER(id));

	lockdep_assert_held(&md->busy);
	return object && object->id == id ? object : NULL;
}

static bool mdrv_is_within(const struct mdrv_object *object, const struct mdrv_object *other)
{
	return object->first > other->first ||
	       (object->first == other->first && object->last < other->last);
}

/* The innermost object that has so many bytes from a pointer on: objects may lie in others. */
struct mdrv_object *mdrv_object_around(struct mdrv_instance *md, u64 pointer, u64 bytes)
{
	struct mdrv_object *object, *best = NULL;

	lockdep_assert_held(&md->busy);
	for (object = mdrv_range_iter_first(&md->ranges, pointer, pointer); object;
	     object = mdrv_range_iter_next(object, pointer, pointer))
		if (object->last - pointer >= bytes - 1 && (!best || mdrv_is_within(object, best)))
			best = object;
	return best;
}

/* A pointer in a field may be anything. False: it would be wrong to look there. */
bool mdrv_is_readable(u64 pointer, u64 bytes)
{
	u64 at = pointer, last = pointer + bytes - 1;
	u8 byte;

	for (; at <= last && at >= pointer; at = (at | ~PAGE_MASK) + 1)
		if (copy_from_kernel_nofault(&byte, (void *)(unsigned long)at, 1))
			return false;
	return last >= pointer;
}

/* ---- memory ---- */

struct mdrv_memory *mdrv_memory_mapped(struct mdrv_instance *md, u32 slot)
{
	struct mdrv_memory *memory;

	lockdep_assert_held(&md->map_lock);
	list_for_each_entry(memory, &md->mappable, node)
		if (memory->slot == slot)
			return memory;
	return NULL;
}

/* The n-th page of a range; the caller has seen to it that there are so many. */
unsigned long mdrv_memory_pfn(const struct mdrv_memory *memory, unsigned long page)
{
	void *at = PTR_ALIGN_DOWN(memory->at, PAGE_SIZE) + page * PAGE_SIZE;

	if (memory->phys)
		return PHYS_PFN(memory->phys) + page;
	return is_vmalloc_addr(at) ? vmalloc_to_pfn(at) : PHYS_PFN(virt_to_phys(at));
}
