/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Arming of faults: a device node on which each open file is one armed fault
 *
 * A fault is armed by one write of NAME=VALUE words, in any order. All words of
 * the fault must be there, and no others. Each read gives one hit:
 *
 *	TIME [NAME=VALUE ...]
 *
 * TIME is CLOCK_MONOTONIC in nanoseconds; the values are decimal. A fault may
 * write other words than these. poll() waits for a hit. The first ARMING_HITS
 * hits are kept. ioctl(ARMING_MISSED) gives the number of occasions that the
 * fault could not look at. Closing the file disarms the fault.
 *
 * A kernel module describes its fault by a struct arming_fault, and is linked
 * with arming.o. A module that does nothing else uses module_arming_fault().
 */
#ifndef FAULTKIT_ARMING_H
#define FAULTKIT_ARMING_H

#include <linux/atomic.h>
#include <linux/device/driver.h>
#include <linux/ioctl.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/stddef.h>
#include <linux/types.h>

#define ARMING_MISSED _IO('F', 1)
#define ARMING_HITS   256
#define ARMING_VALUES 4

struct arming;

enum arming_type {
	ARMING_LONG,
	ARMING_ULONG,
	ARMING_TEXT,
};

/**
 * struct arming_word - one word of the line that arms a fault
 * @name: what stands before the "="
 * @type: how the value is read
 * @offset: where it goes in the fault's state
 * @size: size of its field there: 8, or the room for a text with its NUL
 */
struct arming_word {
	const char *name;
	enum arming_type type;
	size_t offset;
	size_t size;
};

#define ARMING_WORD(kind, state, field, word)                                                      \
	{                                                                                          \
		.name = word, .type = kind, .offset = offsetof(state, field),                      \
		.size = sizeof_field(state, field),                                                \
	}

/**
 * struct arming_fault - a fault that can be armed
 * @words: the words that arm it, up to one without a name
 * @values: the names of a hit's values, at most ARMING_VALUES, each a long
 * @print: for other hits than values: writes a hit into a line, and returns
 *	the length, as scnprintf() does. Context: process.
 * @hit_size: size of what @print takes, a multiple of a long's
 * @state_size: size of its own state, which begins with zeros
 * @start: puts the fault in; the words have been read into the state.
 *	Context: process. Return: 0 or a negative error.
 * @stop: takes it out; no hit is noted after its return. Context: process.
 * @missed: the number of occasions that no probe could look at; may be NULL.
 *	Context: process.
 */
struct arming_fault {
	const struct arming_word *words;
	const char *values[ARMING_VALUES];
	int (*print)(const void *state, const void *hit, char *line, size_t size);
	size_t hit_size;
	size_t state_size;
	int (*start)(struct arming *a);
	void (*stop)(struct arming *a);
	unsigned long (*missed)(struct arming *a);
};

void *arming_state(struct arming *a);
void arming_hit(struct arming *a, u64 t_ns, const void *data);
void arming_return(void);

/* Let a function return a value without having run. Context: kprobe on it; return 1. */
static __always_inline void arming_skip(struct pt_regs *regs, unsigned long value)
{
	regs_set_return_value(regs, value);
	instruction_pointer_set(regs, (unsigned long)arming_return);
}

/**
 * struct arming_device - the device node of a fault
 * @misc: the node; arming_open() finds the fault by it
 * @fault: the fault that its files arm
 */
struct arming_device {
	struct miscdevice misc;
	const struct arming_fault *fault;
};

int arming_register(struct arming_device *device);
void arming_unregister(struct arming_device *device);

/* The fault of this kernel module, under /dev/faultkit_NAME. */
#define module_arming_fault(device_name, its_fault)                                                \
	static struct arming_device arming_device = {                                              \
		.misc.name = "faultkit_" device_name,                                              \
		.fault = &(its_fault),                                                             \
	};                                                                                         \
	module_driver(arming_device, arming_register, arming_unregister)

/**
 * struct arming_turns - the choice of the occasions that a fault meets
 * @nth: the first of them, from 1
 * @times: how many in all; 0: all that follow
 * @seen: occasions so far
 * @taken: those that were met
 */
struct arming_turns {
	long nth, times;
	atomic_long_t seen, taken;
};

static inline bool arming_turns_are_sound(const struct arming_turns *t)
{
	return t->nth >= 1 && t->times >= 0;
}

/* Count an occasion. Context: any. Return: its number, from 1. */
static __always_inline long arming_turn(struct arming_turns *t)
{
	return atomic_long_inc_return(&t->seen);
}

/* Is the occasion with this number to be met? Ask once for each. Context: any. */
static __always_inline bool arming_takes(struct arming_turns *t, long number)
{
	if (number < t->nth)
		return false;
	return !t->times || atomic_long_inc_return(&t->taken) <= t->times;
}

#endif
