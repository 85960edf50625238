// SPDX-License-Identifier: GPL-2.0
/* The undo log: resources acquired for the u-driver, in order. */
#include <linux/export.h>
#include <linux/slab.h>

#include "mdrv_internal.h"

struct mdrv_note {
	struct list_head node;
	u64 number;
	mdrv_undo_fn undo;
	void *what;
};

static struct mdrv_note *mdrv_note_new(mdrv_undo_fn undo, void *what)
{
	struct mdrv_note *note = kmalloc(sizeof(*note), GFP_KERNEL);

	if (note)
		*note = (struct mdrv_note){ .undo = undo, .what = what };
	return note;
}

static void mdrv_note_add(struct mdrv_instance *md, struct mdrv_note *note) __must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	note->number = ++md->noted;
	list_add_tail(&note->node, &md->undo);
}

/**
 * __mdrv_note() - note within a chain how something is undone
 * @md: the instance
 * @undo: the function that undoes it; it must not call the runtime
 * @what: its argument
 *
 * The note is undone when the u-driver dies in the upcall that is under way, or
 * else when the instance is destroyed; the last note first.
 *
 * Context: in a downcall.
 * Return: 0, or -ENOMEM after @undo was called.
 */
int __mdrv_note(struct mdrv_instance *md, mdrv_undo_fn undo, void *what)
{
	struct mdrv_note *note = mdrv_note_new(undo, what);

	if (!note) {
		undo(what);
		return -ENOMEM;
	}
	mdrv_note_add(md, note);
	return 0;
}
EXPORT_SYMBOL_GPL(__mdrv_note);

/**
 * mdrv_note() - note how something is undone
 * @md: the instance
 * @undo: the function that undoes it, called outside of any chain
 * @what: its argument
 *
 * The note is undone when the instance is destroyed, or by mdrv_undo().
 *
 * Context: process, outside of any chain of @md.
 * Return: 0, or -ENOMEM after @undo was called.
 */
int mdrv_note(struct mdrv_instance *md, mdrv_undo_fn undo, void *what)
{
	struct mdrv_note *note = mdrv_note_new(undo, what);

	if (!note) {
		undo(what);
		return -ENOMEM;
	}
	mdrv_chain_lock(md);
	mdrv_note_add(md, note);
	mdrv_chain_unlock(md);
	return 0;
}
EXPORT_SYMBOL_GPL(mdrv_note);

static void mdrv_note_run(struct mdrv_note *note)
{
	note->undo(note->what);
	kfree(note);
}

static struct mdrv_note *mdrv_note_find(struct mdrv_instance *md, mdrv_undo_fn undo,
					const void *what) __must_hold(&md->busy)
{
	struct mdrv_note *note;

	lockdep_assert_held(&md->busy);
	list_for_each_entry_reverse(note, &md->undo, node)
		if (note->undo == undo && note->what == what)
			return note;
	return NULL;
}

static struct mdrv_note *mdrv_note_last(struct mdrv_instance *md) __must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	if (list_empty(&md->undo))
		return NULL;
	return list_last_entry(&md->undo, struct mdrv_note, node);
}

/**
 * mdrv_undo() - undo the last note of something, now
 * @md: the instance
 * @undo: as noted
 * @what: as noted
 *
 * The note is undone outside of the chain, so that @undo may lead to upcalls.
 *
 * Context: process, outside of any chain of @md.
 * Return: 0, or -ENOENT if there is no such note.
 */
int mdrv_undo(struct mdrv_instance *md, mdrv_undo_fn undo, void *what)
{
	struct mdrv_note *note;

	mdrv_chain_lock(md);
	note = mdrv_note_find(md, undo, what);
	if (note)
		list_del(&note->node);
	mdrv_chain_unlock(md);
	if (!note)
		return -ENOENT;
	mdrv_note_run(note);
	return 0;
}
EXPORT_SYMBOL_GPL(mdrv_undo);

/* The @what of the last note of @undo that @matches, noted no longer; NULL: there is none */
void *mdrv_note_take(struct mdrv_instance *md, mdrv_undo_fn undo, mdrv_matches_fn matches,
		     const void *key)
{
	struct mdrv_note *note;
	void *what;

	lockdep_assert_held(&md->busy);
	list_for_each_entry_reverse(note, &md->undo, node)
		if (note->undo == undo && matches(note->what, key)) {
			what = note->what;
			list_del(&note->node);
			kfree(note);
			return what;
		}
	return NULL;
}

/* Undo all notes made after the first @mark ones ever. */
void mdrv_undo_to(struct mdrv_instance *md, u64 mark)
{
	struct mdrv_note *last;

	lockdep_assert_held(&md->busy);
	for (last = mdrv_note_last(md); last && last->number > mark; last = mdrv_note_last(md)) {
		list_del(&last->node);
		mdrv_note_run(last);
	}
}

/**
 * __mdrv_undo_all() - undo all notes, within a chain
 * @md: the instance
 *
 * Context: in a downcall.
 */
void __mdrv_undo_all(struct mdrv_instance *md)
{
	mdrv_undo_to(md, 0);
}
EXPORT_SYMBOL_GPL(__mdrv_undo_all);

/**
 * mdrv_undo_all() - undo all notes, now
 * @md: the instance
 *
 * They are undone outside of the chain: others may wait for it with locks that an
 * undo needs.
 *
 * Context: process, outside of any chain of @md.
 */
void mdrv_undo_all(struct mdrv_instance *md)
{
	struct mdrv_note *last;

	for (;;) {
		mdrv_chain_lock(md);
		last = mdrv_note_last(md);
		if (last)
			list_del(&last->node);
		mdrv_chain_unlock(md);
		if (!last)
			return;
		mdrv_note_run(last);
	}
}
EXPORT_SYMBOL_GPL(mdrv_undo_all);
