/* SPDX-License-Identifier: GPL-2.0 */
/*
 * faultkit_device - what its files know of one another
 *
 * A fault is a name and two functions. start() reads the words behind the
 * slot and puts the fault in; from then on activated() may be called from any
 * context, up to the return of stop().
 */
#ifndef FAULTKIT_DEVICE_H
#define FAULTKIT_DEVICE_H

#include <linux/atomic.h>
#include <linux/pci.h>

struct arming;

struct device_fault {
	const char *name;
	size_t state_size;
	int (*start)(struct arming *a, const char *words); /* Context: process */
	void (*stop)(struct arming *a); /* Context: process */
};

extern const struct device_fault lose_fault, storm_fault, ones_fault, flip_fault;

struct pci_dev *device_of(struct arming *a);
void *state_of(struct arming *a);
void activated(struct arming *a); /* Context: any but NMI */

/* The nth and those that follow it, times in all (0: for ever). */
struct turns {
	long nth, times;
	atomic_long_t seen;
};

static inline bool turns_are_sound(const struct turns *t)
{
	return t->nth >= 1 && t->times >= 0;
}

static inline bool is_due(struct turns *t)
{
	long n = atomic_long_inc_return(&t->seen);

	return n >= t->nth && (!t->times || n < t->nth + t->times);
}

#endif
