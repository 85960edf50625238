// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts without a cause
 *
 * The kernel's own entry for an interrupt of the device's line is called from
 * a timer's interrupt, with interrupts off: all handlers of the line run, and
 * the kernel counts what nobody has handled. It gives up the line ("nobody
 * cared") when of 100000 interrupts fewer than 100 were handled
 * (note_interrupt() in kernel/irq/spurious.c).
 */
#include <linux/hrtimer.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/timekeeping.h>

#include "arming.h"
#include "slot.h"

#define MIN_INTERVAL_US 5

struct storm {
	struct hrtimer timer;
	struct arming *arming;
	struct pci_dev *device;
	char slot[SLOT_BYTES];
	long left;
	unsigned long interval_us;
};

static const struct arming_word storm_words[] = {
	ARMING_WORD(ARMING_TEXT, struct storm, slot, "slot"),
	ARMING_WORD(ARMING_LONG, struct storm, left, "times"),
	ARMING_WORD(ARMING_ULONG, struct storm, interval_us, "interval_us"),
	{}
};

static ktime_t interval(const struct storm *s)
{
	return ns_to_ktime((u64)s->interval_us * NSEC_PER_USEC);
}

/* Context: hardirq, interrupts off */
static enum hrtimer_restart on_tick(struct hrtimer *timer)
{
	struct storm *s = container_of(timer, struct storm, timer);

	if (irqd_irq_disabled(irq_get_irq_data(s->device->irq)))
		return HRTIMER_NORESTART; /* masked, or given up: no handler would run */
	arming_hit(s->arming, ktime_get_mono_fast_ns(), NULL);
	generic_handle_irq(s->device->irq);
	if (--s->left <= 0)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, interval(s));
	return HRTIMER_RESTART;
}

static int storm_start(struct arming *a)
{
	struct storm *s = arming_state(a);

	if (s->left < 1 || s->interval_us < MIN_INTERVAL_US)
		return -EINVAL;
	s->arming = a;
	s->device = slot_get(s->slot);
	if (!s->device)
		return -ENODEV;
	if (!irq_has_action(s->device->irq)) {
		pci_dev_put(s->device);
		return -ENXIO;
	}
	hrtimer_init(&s->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	s->timer.function = on_tick;
	hrtimer_start(&s->timer, interval(s), HRTIMER_MODE_REL_HARD);
	return 0;
}

static void storm_stop(struct arming *a)
{
	struct storm *s = arming_state(a);

	hrtimer_cancel(&s->timer);
	pci_dev_put(s->device);
}

static const struct arming_fault storm_fault = {
	.words = storm_words,
	.state_size = sizeof(struct storm),
	.start = storm_start,
	.stop = storm_stop,
};
module_arming_fault("storm", storm_fault);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: interrupts of a PCI device without a cause");
