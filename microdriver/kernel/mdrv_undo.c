// SPDX-License-Identifier: GPL-2.0
/* The undo log: what was acquired on the u-driver's behalf, in order. */
#include <linux/slab.h>

#include "mdrv_internal.h"

struct mdrv_note {
	struct list_head node;
	u64 number;
	const char *name;
	mdrv_undo_fn undo;
	void *what;
};

int mdrv_note(struct mdrv_instance *md, const char *name, mdrv_undo_fn undo, void *what)
{
	struct mdrv_note *note = kmalloc(sizeof(*note), GFP_KERNEL);
	bool took;

	if (!note) {
		undo(what);
		return -ENOMEM;
	}
	took = mdrv_hold(md);
	*note = (struct mdrv_note){
		.number = ++md->noted,
		.name = name,
		.undo = undo,
		.what = what,
	};
	list_add_tail(&note->node, &md->undo);
	mdrv_let_go(md, took);
	return 0;
}
EXPORT_SYMBOL_GPL(mdrv_note);

static struct mdrv_note *find(struct mdrv_instance *md, mdrv_undo_fn undo, const void *what)
{
	struct mdrv_note *note;

	list_for_each_entry_reverse(note, &md->undo, node)
		if (note->undo == undo && note->what == what)
			return note;
	return NULL;
}

static void run(struct mdrv_note *note)
{
	list_del(&note->node);
	note->undo(note->what);
	kfree(note);
}

int mdrv_undo(struct mdrv_instance *md, mdrv_undo_fn undo, void *what)
{
	bool took = mdrv_hold(md);
	struct mdrv_note *note = find(md, undo, what);

	if (note)
		run(note);
	mdrv_let_go(md, took);
	return note ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(mdrv_undo);

void mdrv_forget(struct mdrv_instance *md, mdrv_undo_fn undo, void *what)
{
	bool took = mdrv_hold(md);
	struct mdrv_note *note = find(md, undo, what);

	if (note) {
		list_del(&note->node);
		kfree(note);
	}
	mdrv_let_go(md, took);
}
EXPORT_SYMBOL_GPL(mdrv_forget);

/* Undo all that was noted behind the first @mark notes that were ever made. */
void mdrv_undo_to(struct mdrv_instance *md, u64 mark)
{
	struct mdrv_note *last;

	while (!list_empty(&md->undo)) {
		last = list_last_entry(&md->undo, struct mdrv_note, node);
		if (last->number <= mark)
			break;
		run(last);
	}
}

void mdrv_undo_all(struct mdrv_instance *md)
{
	for (;;) {
		bool took = mdrv_hold(md);
		struct mdrv_note *last =
			list_empty(&md->undo) ? NULL
					      : list_last_entry(&md->undo, struct mdrv_note, node);

		if (last)
			list_del(&last->node);
		mdrv_let_go(md, took);
		if (!last)
			return;
		last->undo(last->what);
		kfree(last);
	}
}
