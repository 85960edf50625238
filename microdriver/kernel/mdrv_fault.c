// SPDX-License-Identifier: GPL-2.0
/*
 * Fault points on the channel: every message passes one. How they are armed is
 * told in mdrv_arming.c.
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "mdrv_fault.h"

#define VALUE_SIZE sizeof(u64)

/* Bytes of a message; none: there is no such part. */
struct part {
	u32 first, bytes;
};

LIST_HEAD(mdrv_armings);
DEFINE_MUTEX(mdrv_armings_lock); /* of that list */

/* ---- where ---- */

static struct part field_of(const struct mdrv_message *message, u32 which)
{
	struct mdrv_record record;
	u32 at;

	for (at = 0; at + sizeof(record) <= message->bytes; at += record.bytes) {
		memcpy(&record, message->payload + at, sizeof(record));
		at += sizeof(record);
		if (record.object && record.bytes <= message->bytes - at &&
		    MDRV_OBJECT_TYPE(record.object) == which >> 16 &&
		    record.field == (which & 0xffff))
			return (struct part){ MDRV_HEAD + at, record.bytes };
	}
	return (struct part){};
}

static struct part part_of(const struct mdrv_arming *a, const struct mdrv_message *message)
{
	struct part part = { 0, MDRV_HEAD + message->bytes };

	if (a->where != MDRV_FAULT_ANY)
		part = field_of(message, a->where);
	if (a->first >= part.bytes || a->bytes > part.bytes - a->first)
		return (struct part){};
	return (struct part){ part.first + a->first, a->bytes ?: part.bytes - a->first };
}

static bool is_due(struct mdrv_arming *a, const struct mdrv_instance *md,
		   const struct mdrv_message *message)
{
	if (strcmp(a->instance, md->name) || (a->kind && a->kind != message->kind) ||
	    (a->call != MDRV_FAULT_ANY && a->call != message->call) || !part_of(a, message).bytes)
		return false;
	a->seen++;
	return a->seen >= a->nth && (!a->times || a->seen < a->nth + a->times);
}

/* ---- how ---- */

static enum mdrv_fate drop(struct mdrv_instance *md, const struct mdrv_arming *a,
			   struct mdrv_message *message)
{
	return MDRV_DROPPED;
}

/* Who holds up the message waits when no lock is held any more: in mdrv_fault_point(). */
static enum mdrv_fate delay(struct mdrv_instance *md, const struct mdrv_arming *a,
			    struct mdrv_message *message)
{
	return MDRV_PASSES;
}

static enum mdrv_fate duplicate(struct mdrv_instance *md, const struct mdrv_arming *a,
				struct mdrv_message *message)
{
	return MDRV_DOUBLED;
}

static enum mdrv_fate reorder(struct mdrv_instance *md, const struct mdrv_arming *a,
			      struct mdrv_message *message)
{
	return MDRV_OVERTAKEN;
}

static enum mdrv_fate truncate(struct mdrv_instance *md, const struct mdrv_arming *a,
			       struct mdrv_message *message)
{
	message->bytes -= min_t(u64, message->bytes, a->value);
	return MDRV_PASSES;
}

static enum mdrv_fate flip(struct mdrv_instance *md, const struct mdrv_arming *a,
			   struct mdrv_message *message)
{
	struct part part = part_of(a, message);
	u64 bit = a->value % (part.bytes * BITS_PER_BYTE);

	((u8 *)message)[part.first + bit / BITS_PER_BYTE] ^= BIT(bit % BITS_PER_BYTE);
	return MDRV_PASSES;
}

static enum mdrv_fate set(struct mdrv_instance *md, const struct mdrv_arming *a,
			  struct mdrv_message *message)
{
	struct part part = part_of(a, message);

	memcpy((u8 *)message + part.first, &a->value, min_t(u32, part.bytes, VALUE_SIZE));
	return MDRV_PASSES;
}

static enum mdrv_fate stale(struct mdrv_instance *md, const struct mdrv_arming *a,
			    struct mdrv_message *message)
{
	message->bytes = 0;
	return MDRV_PASSES;
}

static void signal_udriver(struct mdrv_instance *md, int signal)
{
	spin_lock(&md->lock);
	if (md->session)
		kill_pid(md->pid, signal, 1);
	spin_unlock(&md->lock);
}

static enum mdrv_fate stop(struct mdrv_instance *md, const struct mdrv_arming *a,
			   struct mdrv_message *message)
{
	signal_udriver(md, SIGSTOP);
	return MDRV_PASSES;
}

static enum mdrv_fate kill(struct mdrv_instance *md, const struct mdrv_arming *a,
			   struct mdrv_message *message)
{
	signal_udriver(md, SIGKILL);
	return MDRV_DROPPED;
}

static const struct mdrv_way ways[] = {
	{ "drop", drop },	{ "delay", delay },	  { "duplicate", duplicate },
	{ "reorder", reorder }, { "truncate", truncate }, { "flip", flip },
	{ "set", set },		{ "stale", stale },	  { "kill", kill },
	{ "stop", stop },
};

const struct mdrv_way *mdrv_way_of(const char *name)
{
	int n;

	for (n = 0; n < ARRAY_SIZE(ways); n++)
		if (!strcmp(name, ways[n].name))
			return &ways[n];
	return NULL;
}

/* ---- when ---- */

static u64 first_bytes(const struct mdrv_message *message, struct part part)
{
	u64 value = 0;

	memcpy(&value, (const u8 *)message + part.first, min_t(u32, part.bytes, VALUE_SIZE));
	return value;
}

/* Context: lock held. Who reads the arming is woken when the message is on its way. */
static enum mdrv_fate meet(struct mdrv_instance *md, struct mdrv_arming *a, const char *call,
			   struct mdrv_message *message)
{
	struct part part = part_of(a, message);
	struct mdrv_hit hit = {
		.at_ns = ktime_get_mono_fast_ns(),
		.was = first_bytes(message, part),
		.kind = message->kind,
		.bytes = message->bytes,
		.first = part.first,
	};
	enum mdrv_fate fate = a->way->tamper(md, a, message);

	strscpy(hit.call, call, sizeof(hit.call));
	hit.is = first_bytes(message, part);
	if (a->hits_count < MDRV_FAULT_HITS)
		a->hits[a->hits_count++] = hit;
	wake_up_interruptible(&a->waiters);
	return fate;
}

/* A message that claims to be longer than it was must not show what lay in memory before. */
static void fill_up(struct mdrv_message *message, u32 was)
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

	if (list_empty(
		    &mdrv_armings)) /* who is just arming has not been told yet that it is done */
		return MDRV_PASSES;
	mutex_lock(&mdrv_armings_lock);
	list_for_each_entry(a, &mdrv_armings, node) {
		if (!is_due(a, md, message))
			continue;
		if (a->way->tamper == delay)
			delay_ms = a->value;
		found = meet(md, a, call, message);
		fate = found == MDRV_PASSES ? fate : found;
		fill_up(message, bytes);
	}
	mutex_unlock(&mdrv_armings_lock);
	if (delay_ms)
		msleep_interruptible(delay_ms);
	return fate;
}
