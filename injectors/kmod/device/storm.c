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

#include "device.h"

#define MIN_INTERVAL_US 5

struct storm {
	struct hrtimer timer;
	struct arming *arming;
	unsigned int irq;
	long left;
	ktime_t interval;
};

/* Context: hardirq, interrupts off */
static enum hrtimer_restart on_tick(struct hrtimer *timer)
{
	struct storm *s = container_of(timer, struct storm, timer);

	if (irqd_irq_disabled(irq_get_irq_data(s->irq)))
		return HRTIMER_NORESTART; /* masked, or given up: no handler would run */
	activated(s->arming);
	generic_handle_irq(s->irq);
	if (--s->left <= 0)
		return HRTIMER_NORESTART;
	hrtimer_forward_now(timer, s->interval);
	return HRTIMER_RESTART;
}

static int storm_start(struct arming *a, const char *words)
{
	struct storm *s = state_of(a);
	unsigned int interval_us;

	if (sscanf(words, "%ld %u", &s->left, &interval_us) != 2)
		return -EINVAL;
	if (s->left < 1 || interval_us < MIN_INTERVAL_US)
		return -EINVAL;
	s->arming = a;
	s->irq = device_of(a)->irq;
	if (!irq_has_action(s->irq))
		return -ENXIO;
	s->interval = ns_to_ktime((u64)interval_us * NSEC_PER_USEC);
	hrtimer_init(&s->timer, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	s->timer.function = on_tick;
	hrtimer_start(&s->timer, s->interval, HRTIMER_MODE_REL_HARD);
	return 0;
}

static void storm_stop(struct arming *a)
{
	struct storm *s = state_of(a);

	hrtimer_cancel(&s->timer);
}

const struct device_fault storm_fault = {
	.name = "storm",
	.state_size = sizeof(struct storm),
	.start = storm_start,
	.stop = storm_stop,
};
