// SPDX-License-Identifier: GPL-2.0
/*
 * Fault points on the channel: every message passes one. How they are armed is
 * told in md_arming.c.
 */
#include <linux/delay.h>
#include <linux/sched/signal.h>
#include <linux/timekeeping.h>

#include "md_fault.h"

#define VALUE_SIZE sizeof(u64)

/* Bytes of a message; none: there is no such part. */
struct part {
	u32 first, bytes;
};

LIST_HEAD(md_armings);
DEFINE_MUTEX(md_armings_lock); /* of that list */

/* ---- where ---- */

static struct part field_of(const struct md_message *message, u32 which)
{
	struct md_record record;
	u32 at;

	for (at = 0; at + sizeof(record) <= message->bytes; at += record.bytes) {
		memcpy(&record, message->payload + at, sizeof(record));
		at += sizeof(record);
		if (record.object && record.bytes <= message->bytes - at &&
		    MD_OBJECT_TYPE(record.object) == which >> 16 &&
		    record.field == (which & 0xffff))
			return (struct part){ MD_HEAD + at, record.bytes };
	}
	return (struct part){};
}

static struct part part_of(const struct md_arming *a, const struct md_message *message)
{
	struct part part = { 0, MD_HEAD + message->bytes };

	if (a->where != MD_FAULT_ANY)
		part = field_of(message, a->where);
	if (a->first >= part.bytes || a->bytes > part.bytes - a->first)
		return (struct part){};
	return (struct part){ part.first + a->first, a->bytes ?: part.bytes - a->first };
}

static bool is_due(struct md_arming *a, const struct md_instance *md,
		   const struct md_message *message)
{
	if (strcmp(a->instance, md->name) || (a->kind && a->kind != message->kind) ||
	    (a->call != MD_FAULT_ANY && a->call != message->call) || !part_of(a, message).bytes)
		return false;
	a->seen++;
	return a->seen >= a->nth && (!a->times || a->seen < a->nth + a->times);
}

/* ---- how ---- */

static enum md_fate drop(struct md_instance *md, const struct md_arming *a,
			 struct md_message *message)
{
	return MD_DROPPED;
}

/* Who holds up the message waits when no lock is held any more: in md_fault_point(). */
static enum md_fate delay(struct md_instance *md, const struct md_arming *a,
			  struct md_message *message)
{
	return MD_PASSES;
}

static enum md_fate duplicate(struct md_instance *md, const struct md_arming *a,
			      struct md_message *message)
{
	return MD_DOUBLED;
}

static enum md_fate reorder(struct md_instance *md, const struct md_arming *a,
			    struct md_message *message)
{
	return MD_OVERTAKEN;
}

static enum md_fate truncate(struct md_instance *md, const struct md_arming *a,
			     struct md_message *message)
{
	message->bytes -= min_t(u64, message->bytes, a->value);
	return MD_PASSES;
}

static enum md_fate flip(struct md_instance *md, const struct md_arming *a,
			 struct md_message *message)
{
	struct part part = part_of(a, message);
	u64 bit = a->value % (part.bytes * BITS_PER_BYTE);

	((u8 *)message)[part.first + bit / BITS_PER_BYTE] ^= BIT(bit % BITS_PER_BYTE);
	return MD_PASSES;
}

static enum md_fate set(struct md_instance *md, const struct md_arming *a,
			struct md_message *message)
{
	struct part part = part_of(a, message);

	memcpy((u8 *)message + part.first, &a->value, min_t(u32, part.bytes, VALUE_SIZE));
	return MD_PASSES;
}

static enum md_fate stale(struct md_instance *md, const struct md_arming *a,
			  struct md_message *message)
{
	message->bytes = 0;
	return MD_PASSES;
}

static void signal_udriver(struct md_instance *md, int signal)
{
	spin_lock(&md->lock);
	if (md->session)
		kill_pid(md->pid, signal, 1);
	spin_unlock(&md->lock);
}

static enum md_fate stop(struct md_instance *md, const struct md_arming *a,
			 struct md_message *message)
{
	signal_udriver(md, SIGSTOP);
	return MD_PASSES;
}

static enum md_fate kill(struct md_instance *md, const struct md_arming *a,
			 struct md_message *message)
{
	signal_udriver(md, SIGKILL);
	return MD_DROPPED;
}

static const struct md_way ways[] = {
	{ "drop", drop },	{ "delay", delay },	  { "duplicate", duplicate },
	{ "reorder", reorder }, { "truncate", truncate }, { "flip", flip },
	{ "set", set },		{ "stale", stale },	  { "kill", kill },
	{ "stop", stop },
};

const struct md_way *md_way_of(const char *name)
{
	int n;

	for (n = 0; n < ARRAY_SIZE(ways); n++)
		if (!strcmp(name, ways[n].name))
			return &ways[n];
	return NULL;
}

/* ---- when ---- */

static u64 first_bytes(const struct md_message *message, struct part part)
{
	u64 value = 0;

	memcpy(&value, (const u8 *)message + part.first, min_t(u32, part.bytes, VALUE_SIZE));
	return value;
}

/* Context: lock held. Who reads the arming is woken when the message is on its way. */
static enum md_fate meet(struct md_instance *md, struct md_arming *a, const char *call,
			 struct md_message *message)
{
	struct part part = part_of(a, message);
	struct md_hit hit = {
		.at_ns = ktime_get_mono_fast_ns(),
		.was = first_bytes(message, part),
		.kind = message->kind,
		.bytes = message->bytes,
		.first = part.first,
	};
	enum md_fate fate = a->way->tamper(md, a, message);

	strscpy(hit.call, call, sizeof(hit.call));
	hit.is = first_bytes(message, part);
	if (a->hits_count < MD_FAULT_HITS)
		a->hits[a->hits_count++] = hit;
	wake_up_interruptible(&a->waiters);
	return fate;
}

/* A message that claims to be longer than it was must not show what lay in memory before. */
static void fill_up(struct md_message *message, u32 was)
{
	message->bytes = min_t(u32, message->bytes, MD_PAYLOAD);
	if (message->bytes > was)
		memset(message->payload + was, 0, message->bytes - was);
}

/* Context: process, may sleep. @message may change, but stays within its buffer */
enum md_fate md_fault_point(struct md_instance *md, const char *call, struct md_message *message)
{
	enum md_fate fate = MD_PASSES, found;
	unsigned int delay_ms = 0;
	u32 bytes = message->bytes;
	struct md_arming *a;

	if (list_empty(&md_armings)) /* who is just arming has not been told yet that it is done */
		return MD_PASSES;
	mutex_lock(&md_armings_lock);
	list_for_each_entry(a, &md_armings, node) {
		if (!is_due(a, md, message))
			continue;
		if (a->way->tamper == delay)
			delay_ms = a->value;
		found = meet(md, a, call, message);
		fate = found == MD_PASSES ? fate : found;
		fill_up(message, bytes);
	}
	mutex_unlock(&md_armings_lock);
	if (delay_ms)
		msleep_interruptible(delay_ms);
	return fate;
}
