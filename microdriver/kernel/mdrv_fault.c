// SPDX-License-Identifier: GPL-2.0
/*
 * Fault points on the channel: every message passes one. mdrv_arming.c arms
 * them.
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "mdrv_fault.h"

#define VALUE_SIZE sizeof(u64)

/* A part of a message; bytes is 0 if the message has no such part. */
struct mdrv_part {
	u32 first, bytes;
};

LIST_HEAD(mdrv_armings);
DEFINE_MUTEX(mdrv_armings_lock); /* guards all armings and their hits */

/* ---- where ---- */

static struct mdrv_part mdrv_part_of_field(const struct mdrv_message *message, u32 which)
{
	struct mdrv_record record;
	u32 at;

	for (at = 0; at + sizeof(record) <= message->bytes; at += record.bytes) {
		memcpy(&record, message->payload + at, sizeof(record));
		at += sizeof(record);
		if (record.object && record.bytes <= message->bytes - at &&
		    MDRV_OBJECT_TYPE(record.object) == which >> 16 &&
		    record.field == (which & 0xffff))
			return (struct mdrv_part){ MDRV_HEAD + at, record.bytes };
	}
	return (struct mdrv_part){};
}

static struct mdrv_part mdrv_part_of(const struct mdrv_arming *a,
				     const struct mdrv_message *message)
{
	struct mdrv_part part = { 0, MDRV_HEAD + message->bytes };

	if (a->where != MDRV_FAULT_ANY)
		part = mdrv_part_of_field(message, a->where);
	if (a->first >= part.bytes || a->bytes > part.bytes - a->first)
		return (struct mdrv_part){};
	return (struct mdrv_part){ part.first + a->first, a->bytes ?: part.bytes - a->first };
}

static bool mdrv_is_due(struct mdrv_arming *a, const struct mdrv_instance *md,
			const struct mdrv_message *message)
{
	if (strcmp(a->instance, md->name) || (a->kind && a->kind != message->kind) ||
	    (a->call != MDRV_FAULT_ANY && a->call != message->call) ||
	    !mdrv_part_of(a, message).bytes)
		return false;
	a->seen++;
	return a->seen >= a->nth && (!a->times || a->seen < a->nth + a->times);
}

/* ---- how ---- */

static enum mdrv_fate mdrv_way_drop(struct mdrv_instance *md, const struct mdrv_arming *a,
				    struct mdrv_message *message)
{
	return MDRV_DROPPED;
}

/* mdrv_fault_point() delays the message when it holds no lock any more. */
static enum mdrv_fate mdrv_way_delay(struct mdrv_instance *md, const struct mdrv_arming *a,
				     struct mdrv_message *message)
{
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_duplicate(struct mdrv_instance *md, const struct mdrv_arming *a,
					 struct mdrv_message *message)
{
	return MDRV_DOUBLED;
}

static enum mdrv_fate mdrv_way_reorder(struct mdrv_instance *md, const struct mdrv_arming *a,
				       struct mdrv_message *message)
{
	return MDRV_OVERTAKEN;
}

static enum mdrv_fate mdrv_way_truncate(struct mdrv_instance *md, const struct mdrv_arming *a,
					struct mdrv_message *message)
{
	message->bytes -= min_t(u64, message->bytes, a->value);
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_flip(struct mdrv_instance *md, const struct mdrv_arming *a,
				    struct mdrv_message *message)
{
	struct mdrv_part part = mdrv_part_of(a, message);
	u64 bit = a->value % (part.bytes * BITS_PER_BYTE);

	((u8 *)message)[part.first + bit / BITS_PER_BYTE] ^= BIT(bit % BITS_PER_BYTE);
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_set(struct mdrv_instance *md, const struct mdrv_arming *a,
				   struct mdrv_message *message)
{
	struct mdrv_part part = mdrv_part_of(a, message);

	memcpy((u8 *)message + part.first, &a->value, min_t(u32, part.bytes, VALUE_SIZE));
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_stale(struct mdrv_instance *md, const struct mdrv_arming *a,
				     struct mdrv_message *message)
{
	message->bytes = 0;
	return MDRV_PASSES;
}

static void mdrv_signal_udriver(struct mdrv_instance *md, int signal)
{
	spin_lock(&md->lock);
	if (md->session)
		kill_pid(md->pid, signal, 1);
	spin_unlock(&md->lock);
}

static enum mdrv_fate mdrv_way_stop(struct mdrv_instance *md, const struct mdrv_arming *a,
				    struct mdrv_message *message)
{
	mdrv_signal_udriver(md, SIGSTOP);
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_kill(struct mdrv_instance *md, const struct mdrv_arming *a,
				    struct mdrv_message *message)
{
	mdrv_signal_udriver(md, SIGKILL);
	return MDRV_DROPPED;
}

static const struct mdrv_way mdrv_ways[] = {
	{ .name = "drop", .tamper = mdrv_way_drop },
	{ .name = "delay", .tamper = mdrv_way_delay, .delays = true },
	{ .name = "duplicate", .tamper = mdrv_way_duplicate },
	{ .name = "reorder", .tamper = mdrv_way_reorder },
	{ .name = "truncate", .tamper = mdrv_way_truncate },
	{ .name = "flip", .tamper = mdrv_way_flip },
	{ .name = "set", .tamper = mdrv_way_set },
	{ .name = "stale", .tamper = mdrv_way_stale },
	{ .name = "kill", .tamper = mdrv_way_kill },
	{ .name = "stop", .tamper = mdrv_way_stop },
};

const struct mdrv_way *mdrv_way_of(const char *name)
{
	int n;

	for (n = 0; n < ARRAY_SIZE(mdrv_ways); n++)
		if (!strcmp(name, mdrv_ways[n].name))
			return &mdrv_ways[n];
	return NULL;
}

/* ---- when ---- */

static u64 mdrv_first_bytes(const struct mdrv_message *message, struct mdrv_part part)
{
	u64 value = 0;

	memcpy(&value, (const u8 *)message + part.first, min_t(u32, part.bytes, VALUE_SIZE));
	return value;
}

/* Apply an arming to a message that matches it, and wake its reader. */
static enum mdrv_fate mdrv_tamper(struct mdrv_instance *md, struct mdrv_arming *a, const char *call,
				  struct mdrv_message *message)
{
	struct mdrv_part part = mdrv_part_of(a, message);
	struct mdrv_hit hit = {
		.at_ns = ktime_get_mono_fast_ns(),
		.was = mdrv_first_bytes(message, part),
		.kind = message->kind,
		.bytes = message->bytes,
		.first = part.first,
	};
	enum mdrv_fate fate = a->way->tamper(md, a, message);

	lockdep_assert_held(&mdrv_armings_lock);
	strscpy(hit.call, call, sizeof(hit.call));
	hit.is = mdrv_first_bytes(message, part);
	if (a->hits_count < MDRV_FAULT_HITS)
		a->hits[a->hits_count++] = hit;
	wake_up_interruptible(&a->waiters);
	return fate;
}

/* Clear what a message has gained if its length was raised: that memory holds old contents. */
static void mdrv_clear_behind(struct mdrv_message *message, u32 was)
{
	message->bytes = min_t(u32, message->bytes, MDRV_PAYLOAD);
	if (message->bytes > was)
		memset(message->payload + was, 0, message->bytes - was);
}

/* Context: process, may sleep. @message may change, but stays within its buffer */
enum mdrv_fate mdrv_fault_point(struct mdrv_instance *md, const char *call,
				struct mdrv_message *message)
{
	enum mdrv_fate fate = MDRV_PASSES, found;
	unsigned int delay_ms = 0;
	u32 bytes = message->bytes;
	struct mdrv_arming *a;

	/* without the lock: if an arming is overlooked, its write() has not returned yet */
	if (list_empty(&mdrv_armings))
		return MDRV_PASSES;
	mutex_lock(&mdrv_armings_lock);
	list_for_each_entry(a, &mdrv_armings, node) {
		if (!mdrv_is_due(a, md, message))
			continue;
		if (a->way->delays)
			delay_ms = a->value;
		found = mdrv_tamper(md, a, call, message);
		fate = found == MDRV_PASSES ? fate : found;
		mdrv_clear_behind(message, bytes);
	}
	mutex_unlock(&mdrv_armings_lock);
	if (delay_ms)
		msleep_interruptible(delay_ms);
	return fate;
}
