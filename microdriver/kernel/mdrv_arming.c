// SPDX-License-Identifier: GPL-2.0
/*
 * Arming of faults at the fault points, by /dev/microdriver_faults; see arming.h
 *
 * A message is meant if it is of `instance`, of the `kind` (upcall, return,
 * downcall, result, or any), and of the call with the number `call` (-1: of
 * any). `where` is a part of it: -1 for all of it, or type << 16 | field for the
 * data of that field's first record; of this, `bytes` bytes from `first` on are
 * meant (0: all that follow). Messages with these bytes are counted from 1;
 * those from the `nth` on are tampered with, `times` in all (0: for ever).
 *
 * how	       what happens to the message
 * drop	       it is lost
 * delay       it comes `value` milliseconds later
 * duplicate   it comes twice
 * reorder     the next in its direction overtakes it
 * truncate    the last `value` bytes of its payload are missing
 * flip	       one bit of the part, the `value`-th (modulo its size), is flipped
 * set	       the part becomes `value` (of more than 8 bytes: the first 8)
 * stale       all records are taken out: the receiver keeps what it knows
 * kill	       the u-driver is killed, and the message lost
 * stop	       the u-driver is stopped; the message stays
 *
 * A hit is the message's kind, call and size, and the change.
 */
#include <linux/kernel.h>
#include <linux/string.h>

#include "mdrv_fault.h"

static const char *const mdrv_kind_names[] = {
	[MDRV_NOTHING] = "any",	      [MDRV_UPCALL] = "upcall", [MDRV_RETURN] = "return",
	[MDRV_DOWNCALL] = "downcall", [MDRV_RESULT] = "result",
};

static const struct arming_word mdrv_words[] = {
	ARMING_WORD(ARMING_TEXT, struct mdrv_tampering, instance, "instance"),
	ARMING_WORD(ARMING_TEXT, struct mdrv_tampering, kind_word, "kind"),
	ARMING_WORD(ARMING_LONG, struct mdrv_tampering, call, "call"),
	ARMING_WORD(ARMING_LONG, struct mdrv_tampering, turns.nth, "nth"),
	ARMING_WORD(ARMING_LONG, struct mdrv_tampering, turns.times, "times"),
	ARMING_WORD(ARMING_TEXT, struct mdrv_tampering, how, "how"),
	ARMING_WORD(ARMING_LONG, struct mdrv_tampering, where, "where"),
	ARMING_WORD(ARMING_ULONG, struct mdrv_tampering, first, "first"),
	ARMING_WORD(ARMING_ULONG, struct mdrv_tampering, bytes, "bytes"),
	ARMING_WORD(ARMING_ULONG, struct mdrv_tampering, value, "value"),
	{}
};

static int mdrv_arming_start(struct arming *a)
{
	struct mdrv_tampering *t = arming_state(a);

	t->arming = a;
	t->kind = match_string(mdrv_kind_names, ARRAY_SIZE(mdrv_kind_names), t->kind_word);
	t->way = mdrv_way_of(t->how);
	if (t->kind < 0 || !t->way || !arming_turns_are_sound(&t->turns))
		return -EINVAL;
	mdrv_fault_add(t);
	return 0;
}

static void mdrv_arming_stop(struct arming *a)
{
	mdrv_fault_remove(arming_state(a));
}

static const char *mdrv_kind_name(const struct mdrv_hit *hit)
{
	return hit->kind < ARRAY_SIZE(mdrv_kind_names) ? mdrv_kind_names[hit->kind] : "unknown";
}

static int mdrv_hit_print(const void *state, const void *data, char *line, size_t size)
{
	const struct mdrv_tampering *t = state;
	const struct mdrv_hit *hit = data;
	int n = scnprintf(line, size, "%s %s of %u bytes: %s", mdrv_kind_name(hit), hit->call,
			  hit->bytes, t->way->name);

	if (hit->was != hit->is)
		n += scnprintf(line + n, size - n, ", at %u: %#llx -> %#llx", hit->first, hit->was,
			       hit->is);
	return n;
}

static const struct arming_fault mdrv_message_fault = {
	.words = mdrv_words,
	.print = mdrv_hit_print,
	.hit_size = sizeof(struct mdrv_hit),
	.state_size = sizeof(struct mdrv_tampering),
	.start = mdrv_arming_start,
	.stop = mdrv_arming_stop,
};

static struct arming_device mdrv_arming_device = {
	.misc.name = "microdriver_faults",
	.fault = &mdrv_message_fault,
};

int mdrv_arming_init(void)
{
	return arming_register(&mdrv_arming_device);
}

void mdrv_arming_exit(void)
{
	arming_unregister(&mdrv_arming_device);
}
