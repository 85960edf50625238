// SPDX-License-Identifier: GPL-2.0
/*
 * The gate of a sliced driver: what the u-driver has in place of spinlocks.
 *
 * The code that stays in the kernel takes its spinlocks as ever. Each way into
 * it passes the gate, or gives its busy answer if the gate is closed. A u-driver
 * that takes a spinlock closes the gate: interrupts that the driver has
 * requested are disabled, and nobody is inside. So the order of locks, and which
 * of them is meant, do not matter.
 */
#include <linux/export.h>
#include <linux/interrupt.h>
#include <linux/slab.h>

#include "mdrv_internal.h"

#define GATE_WAIT (2 * HZ) /* who is inside for longer waits for the u-driver */

/* A call that found the gate closed. */
struct mdrv_missed {
	struct list_head node;
	mdrv_missed_fn later;
	void *what;
};

void mdrv_gate_init(struct mdrv_instance *md)
{
	init_waitqueue_head(&md->gate.emptied);
	init_waitqueue_head(&md->gate.opened);
	spin_lock_init(&md->gate.lock);
	INIT_LIST_HEAD(&md->gate.irqs);
	INIT_LIST_HEAD(&md->gate.missed);
}

/**
 * mdrv_gate_enter() - pass the gate
 * @md: the instance
 *
 * Context: any.
 * Return: false if the u-driver has closed it; mdrv_gate_leave() must not be called then.
 */
bool mdrv_gate_enter(struct mdrv_instance *md)
{
	atomic_inc(&md->gate.inside);
	/* pairs with mdrv_gate_shut(): either it waits for us, or we see that it is closed */
	smp_mb__after_atomic();
	if (!READ_ONCE(md->gate.closed))
		return true;
	mdrv_gate_leave(md);
	return false;
}
EXPORT_SYMBOL_GPL(mdrv_gate_enter);

/**
 * mdrv_gate_leave() - leave what is behind the gate
 * @md: the instance
 *
 * Context: any, after mdrv_gate_enter() was true.
 */
void mdrv_gate_leave(struct mdrv_instance *md)
{
	/* fully ordered: mdrv_gate_shut() has seen the end, or is woken here */
	if (atomic_dec_and_test(&md->gate.inside) && READ_ONCE(md->gate.closed))
		wake_up(&md->gate.emptied);
}
EXPORT_SYMBOL_GPL(mdrv_gate_leave);

static bool mdrv_gate_is_missed(struct mdrv_gate *gate, mdrv_missed_fn later, const void *what)
	__must_hold(&gate->lock)
{
	struct mdrv_missed *missed;

	lockdep_assert_held(&gate->lock);
	list_for_each_entry(missed, &gate->missed, node)
		if (missed->later == later && missed->what == what)
			return true;
	return false;
}

/* Return: whether @missed was put down; not if the gate has opened, or this was put down already */
static bool mdrv_gate_put_down(struct mdrv_gate *gate, struct mdrv_missed *missed, bool *closed)
{
	unsigned long flags;
	bool put;

	spin_lock_irqsave(&gate->lock, flags);
	*closed = READ_ONCE(gate->closed);
	put = *closed && !mdrv_gate_is_missed(gate, missed->later, missed->what);
	if (put)
		list_add_tail(&missed->node, &gate->missed);
	spin_unlock_irqrestore(&gate->lock, flags);
	return put;
}

/**
 * mdrv_gate_enter_or() - pass the gate, or let something be done when it opens
 * @md: the instance
 * @later: called then, once for each @what, in process context; it must not sleep
 * @what: its argument, which must last until then
 *
 * Context: any.
 * Return: as mdrv_gate_enter(); if there is no memory for it, nothing is done later.
 */
bool mdrv_gate_enter_or(struct mdrv_instance *md, mdrv_missed_fn later, void *what)
{
	struct mdrv_missed *missed;
	bool closed = true;

	while (!mdrv_gate_enter(md)) {
		missed = kmalloc(sizeof(*missed), GFP_ATOMIC);
		if (!missed)
			return false;
		missed->later = later;
		missed->what = what;
		if (!mdrv_gate_put_down(&md->gate, missed, &closed))
			kfree(missed);
		if (closed)
			return false;
	}
	return true;
}
EXPORT_SYMBOL_GPL(mdrv_gate_enter_or);

/**
 * mdrv_gate_wait() - pass the gate, once it is open
 * @md: the instance
 *
 * Within a chain it is the u-driver's own lock that is held: nobody waits for it.
 *
 * Context: process; no upcall may be made behind the gate.
 * Return: false within a chain; mdrv_gate_leave() must not be called then.
 */
bool mdrv_gate_wait(struct mdrv_instance *md)
{
	if (mdrv_chain_is_ours(md))
		return false;
	while (!mdrv_gate_enter(md))
		wait_event(md->gate.opened, !READ_ONCE(md->gate.closed));
	return true;
}
EXPORT_SYMBOL_GPL(mdrv_gate_wait);

static void mdrv_gate_make_up(struct mdrv_gate *gate)
{
	struct mdrv_missed *missed, *next;
	LIST_HEAD(all);

	spin_lock_irq(&gate->lock);
	list_splice_init(&gate->missed, &all);
	spin_unlock_irq(&gate->lock);
	list_for_each_entry_safe(missed, next, &all, node) {
		missed->later(missed->what);
		kfree(missed);
	}
}

static void mdrv_gate_let_through(struct mdrv_instance *md) __must_hold(&md->busy)
{
	struct mdrv_irq *irq;

	lockdep_assert_held(&md->busy);
	/* what the u-driver has stored is seen by those who find the gate open */
	smp_store_release(&md->gate.closed, false);
	list_for_each_entry(irq, &md->gate.irqs, node)
		enable_irq(irq->number);
	wake_up_all(&md->gate.opened);
	mdrv_gate_make_up(&md->gate);
}

/* Return: 0, or -ETIMEDOUT: somebody did not leave, and the gate is open again */
static int mdrv_gate_shut(struct mdrv_instance *md) __must_hold(&md->busy)
{
	struct mdrv_irq *irq;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(irq, &md->gate.irqs, node)
		disable_irq(irq->number);
	WRITE_ONCE(md->gate.closed, true);
	/* pairs with mdrv_gate_enter() */
	smp_mb();
	if (wait_event_timeout(md->gate.emptied, !atomic_read(&md->gate.inside), GATE_WAIT))
		return 0;
	mdrv_gate_let_through(md);
	return -ETIMEDOUT;
}

/* For the u-driver. Return: 0 or -ETIMEDOUT */
int mdrv_gate_close(struct mdrv_instance *md)
{
	int err = md->gate.depth ? 0 : mdrv_gate_shut(md);

	lockdep_assert_held(&md->busy);
	if (err)
		return err;
	md->gate.depth++;
	md->gate.holder = md->twins_of;
	return 0;
}

/* For the u-driver. Return: 0, or -EINVAL: it is open */
int mdrv_gate_open(struct mdrv_instance *md)
{
	lockdep_assert_held(&md->busy);
	if (!md->gate.depth)
		return -EINVAL;
	if (!--md->gate.depth)
		mdrv_gate_let_through(md);
	return 0;
}

/* Open the gate if another session than @session has closed it: that one is over. */
void mdrv_gate_release(struct mdrv_instance *md, u32 session)
{
	lockdep_assert_held(&md->busy);
	if (!md->gate.depth || md->gate.holder == session)
		return;
	md->gate.depth = 0;
	mdrv_gate_let_through(md);
}

/* An interrupt was requested. */
void mdrv_gate_add(struct mdrv_instance *md, struct mdrv_irq *irq)
{
	lockdep_assert_held(&md->busy);
	list_add_tail(&irq->node, &md->gate.irqs);
	if (md->gate.depth)
		disable_irq(irq->number);
}

/* An interrupt is about to be freed. */
void mdrv_gate_remove(struct mdrv_instance *md, struct mdrv_irq *irq)
{
	lockdep_assert_held(&md->busy);
	list_del(&irq->node);
	if (md->gate.depth)
		enable_irq(irq->number);
}
