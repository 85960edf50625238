// SPDX-License-Identifier: GPL-2.0
/* The undo log: what was acquired on the u-driver's behalf, in order. */
#include <linux/slab.h>

#include "md_internal.h"

struct md_note {
	struct list_head node;
	u64 number;
	const char *name;
	md_undo_fn undo;
	void *what;
};

int md_note(struct md_instance *md, const char *name, md_undo_fn undo, void *what)
{
	struct md_note *note = kmalloc(sizeof(*note), GFP_KERNEL);
	bool took;

	if (!note) {
		undo(what);
		return -ENOMEM;
	}
	took = md_hold(md);
	*note = (struct md_note){
		.number = ++md->noted,
		.name = name,
		.undo = undo,
		.what = what,
	};
	list_add_tail(&note->node, &md->undo);
	md_let_go(md, took);
	return 0;
}
EXPORT_SYMBOL_GPL(md_note);

static struct md_note *find(struct md_instance *md, md_undo_fn undo, const void *what)
{
	struct md_note *note;

	list_for_each_entry_reverse(note, &md->undo, node)
		if (note->undo == undo && note->what == what)
			return note;
	return NULL;
}

static void run(struct md_note *note)
{
	list_del(&note->node);
	note->undo(note->what);
	kfree(note);
}

int md_undo(struct md_instance *md, md_undo_fn undo, void *what)
{
	bool took = md_hold(md);
	struct md_note *note = find(md, undo, what);

	if (note)
		run(note);
	md_let_go(md, took);
	return note ? 0 : -ENOENT;
}
EXPORT_SYMBOL_GPL(md_undo);

void md_forget(struct md_instance *md, md_undo_fn undo, void *what)
{
	bool took = md_hold(md);
	struct md_note *note = find(md, undo, what);

	if (note) {
		list_del(&note->node);
		kfree(note);
	}
	md_let_go(md, took);
}
EXPORT_SYMBOL_GPL(md_forget);

/* Undo all that was noted behind the first @mark notes that were ever made. */
void md_undo_to(struct md_instance *md, u64 mark)
{
	struct md_note *last;

	while (!list_empty(&md->undo)) {
		last = list_last_entry(&md->undo, struct md_note, node);
		if (last->number <= mark)
			break;
		run(last);
	}
}

void md_undo_all(struct md_instance *md)
{
	for (;;) {
		bool took = md_hold(md);
		struct md_note *last = list_empty(&md->undo)
					       ? NULL
					       : list_last_entry(&md->undo, struct md_note, node);

		if (last)
			list_del(&last->node);
		md_let_go(md, took);
		if (!last)
			return;
		last->undo(last->what);
		kfree(last);
	}
}
