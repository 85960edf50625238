// SPDX-License-Identifier: GPL-2.0
/*
 * Fault points on the channel: every message passes one. mdrv_arming.c arms
 * faults at them.
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

static LIST_HEAD(mdrv_tamperings); /* in the order of their arming */
static DEFINE_MUTEX(mdrv_tamperings_lock); /* guards the list; messages are changed under it */

void mdrv_fault_add(struct mdrv_tampering *t)
{
	mutex_lock(&mdrv_tamperings_lock);
	list_add_tail(&t->node, &mdrv_tamperings);
	mutex_unlock(&mdrv_tamperings_lock);
}

void mdrv_fault_remove(struct mdrv_tampering *t)
{
	mutex_lock(&mdrv_tamperings_lock);
	list_del(&t->node);
	mutex_unlock(&mdrv_tamperings_lock);
}

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

static struct mdrv_part mdrv_part_of(const struct mdrv_tampering *t,
				     const struct mdrv_message *message)
{
	struct mdrv_part part = { 0, MDRV_HEAD + message->bytes };

	if (t->where != MDRV_FAULT_ANY)
		part = mdrv_part_of_field(message, t->where);
	if (t->first >= part.bytes || t->bytes > part.bytes - t->first)
		return (struct mdrv_part){};
	return (struct mdrv_part){ part.first + t->first, t->bytes ?: part.bytes - t->first };
}

static bool mdrv_is_due(struct mdrv_tampering *t, const struct mdrv_instance *md,
			const struct mdrv_message *message)
{
	if (strcmp(t->instance, md->name) || (t->kind && t->kind != message->kind) ||
	    (t->call != MDRV_FAULT_ANY && t->call != message->call) ||
	    !mdrv_part_of(t, message).bytes)
		return false;
	return arming_takes(&t->turns, arming_turn(&t->turns));
}

/* ---- how ---- */

static enum mdrv_fate mdrv_way_drop(struct mdrv_instance *md, const struct mdrv_tampering *t,
				    struct mdrv_message *message)
{
	return MDRV_DROPPED;
}

/* mdrv_fault_point() delays the message when it holds no lock any more. */
static enum mdrv_fate mdrv_way_delay(struct mdrv_instance *md, const struct mdrv_tampering *t,
				     struct mdrv_message *message)
{
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_duplicate(struct mdrv_instance *md, const struct mdrv_tampering *t,
					 struct mdrv_message *message)
{
	return MDRV_DOUBLED;
}

static enum mdrv_fate mdrv_way_reorder(struct mdrv_instance *md, const struct mdrv_tampering *t,
				       struct mdrv_message *message)
{
	return MDRV_OVERTAKEN;
}

static enum mdrv_fate mdrv_way_truncate(struct mdrv_instance *md, const struct mdrv_tampering *t,
					struct mdrv_message *message)
{
	message->bytes -= min_t(u64, message->bytes, t->value);
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_flip(struct mdrv_instance *md, const struct mdrv_tampering *t,
				    struct mdrv_message *message)
{
	struct mdrv_part part = mdrv_part_of(t, message);
	u64 bit = t->value % (part.bytes * BITS_PER_BYTE);

	((u8 *)message)[part.first + bit / BITS_PER_BYTE] ^= BIT(bit % BITS_PER_BYTE);
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_set(struct mdrv_instance *md, const struct mdrv_tampering *t,
				   struct mdrv_message *message)
{
	struct mdrv_part part = mdrv_part_of(t, message);

	memcpy((u8 *)message + part.first, &t->value, min_t(u32, part.bytes, VALUE_SIZE));
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_stale(struct mdrv_instance *md, const struct mdrv_tampering *t,
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

static enum mdrv_fate mdrv_way_stop(struct mdrv_instance *md, const struct mdrv_tampering *t,
				    struct mdrv_message *message)
{
	mdrv_signal_udriver(md, SIGSTOP);
	return MDRV_PASSES;
}

static enum mdrv_fate mdrv_way_kill(struct mdrv_instance *md, const struct mdrv_tampering *t,
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

/* Tamper with a message, and note it. */
static enum mdrv_fate mdrv_tamper(struct mdrv_instance *md, struct mdrv_tampering *t,
				  const char *call, struct mdrv_message *message)
	__must_hold(&mdrv_tamperings_lock)
{
	struct mdrv_part part = mdrv_part_of(t, message);
	u64 now_ns = ktime_get_mono_fast_ns();
	struct mdrv_hit hit = {
		.was = mdrv_first_bytes(message, part),
		.kind = message->kind,
		.bytes = message->bytes,
		.first = part.first,
	};
	enum mdrv_fate fate = t->way->tamper(md, t, message);

	lockdep_assert_held(&mdrv_tamperings_lock);
	strscpy(hit.call, call, sizeof(hit.call));
	hit.is = mdrv_first_bytes(message, part);
	arming_hit(t->arming, now_ns, &hit);
	return fate;
}

/* Clear what a message has gained if its length was raised: that memory holds old contents. */
static void mdrv_clear_behind(struct mdrv_message *message, u32 was)
{
	message->bytes = min(message->bytes, mdrv_room(message));
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
	struct mdrv_tampering *t;

	/* without the lock: if an arming is overlooked, its write() has not returned yet */
	if (list_empty(&mdrv_tamperings))
		return MDRV_PASSES;
	mutex_lock(&mdrv_tamperings_lock);
	list_for_each_entry(t, &mdrv_tamperings, node) {
		if (!mdrv_is_due(t, md, message))
			continue;
		if (t->way->delays)
			delay_ms = t->value;
		found = mdrv_tamper(md, t, call, message);
		fate = found == MDRV_PASSES ? fate : found;
		mdrv_clear_behind(message, bytes);
	}
	mutex_unlock(&mdrv_tamperings_lock);
	if (delay_ms)
		msleep_interruptible(delay_ms);
	return fate;
}
