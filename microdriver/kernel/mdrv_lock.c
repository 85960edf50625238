// SPDX-License-Identifier: GPL-2.0
/*
 * Combolocks: a combolock is a spinlock among kernel threads, and a mutex
 * between them and the u-driver.
 *
 * While the u-driver holds a combolock, @holder is the number of its session;
 * otherwise it is 0. Only a thread with @md->busy writes @holder. A kernel
 * thread that finds @holder set gives the spinlock back, and may wait. The
 * device is quiet meanwhile, because an interrupt handler cannot wait.
 */
#include <linux/export.h>
#include <linux/nospec.h>

#include "mdrv_internal.h"

#define LOCK_WAIT (2 * HZ) /* a longer wait means a deadlock or a hung u-driver */

/**
 * mdrv_lock_add() - add a combolock to an instance
 * @md: the instance, not registered yet
 * @lock: the lock, which lasts as long as @md
 * @quiesce: keeps interrupts away from the device, or lets them come again; may be NULL
 * @what: argument of @quiesce
 *
 * Context: process.
 * Return: the number by which the u-driver takes the lock (the first is 0), or
 * -ENOSPC, or -EBUSY if @md is registered.
 */
int mdrv_lock_add(struct mdrv_instance *md, struct mdrv_lock *lock, void (*quiesce)(void *, bool),
		  void *what)
{
	int n;

	if (md->registered)
		return -EBUSY;
	spin_lock_init(&lock->spin);
	init_waitqueue_head(&lock->released);
	lock->holder = 0;
	lock->md = md;
	lock->quiesce = quiesce;
	lock->what = what;
	for (n = 0; n < MDRV_LOCKS; n++)
		if (!md->locks[n]) {
			md->locks[n] = lock;
			return n;
		}
	return -ENOSPC;
}
EXPORT_SYMBOL_GPL(mdrv_lock_add);

/**
 * mdrv_lock_try() - take a combolock if the u-driver does not hold it
 * @lock: the lock
 * @flags: for mdrv_lock_release()
 *
 * Context: any. Interrupts are off until mdrv_lock_release().
 * Return: false if the u-driver holds the lock.
 */
bool mdrv_lock_try(struct mdrv_lock *lock, unsigned long *flags)
{
	spin_lock_irqsave(&lock->spin, *flags);
	if (!lock->holder)
		return true;
	spin_unlock_irqrestore(&lock->spin, *flags);
	return false;
}
EXPORT_SYMBOL_GPL(mdrv_lock_try);

/* Return: 0, -EINTR (killed), -ETIMEDOUT */
static int mdrv_lock_wait_once(struct mdrv_lock *lock, unsigned long *flags)
{
	long left = LOCK_WAIT;

	while (!mdrv_lock_try(lock, flags)) {
		left = wait_event_killable_timeout(lock->released, !READ_ONCE(lock->holder), left);
		if (left < 0)
			return -EINTR;
		if (!left && !READ_ONCE(lock->md->patient))
			return -ETIMEDOUT;
		left = left ?: LOCK_WAIT;
	}
	return 0;
}

/**
 * mdrv_lock_wait() - take a combolock, and wait for the u-driver if it holds it
 * @lock: the lock
 * @flags: for mdrv_lock_release()
 *
 * A u-driver that holds the lock for more than two seconds is expelled, unless
 * the instance is patient.
 *
 * Context: process. Interrupts are off from success until mdrv_lock_release().
 * Return: 0; -EINTR: the caller was killed; -ETIMEDOUT: the lock did not come
 * free; -EDEADLK: called in a downcall of the u-driver that holds the lock.
 */
int mdrv_lock_wait(struct mdrv_lock *lock, unsigned long *flags)
{
	struct mdrv_instance *md = lock->md;
	u32 holder;
	int err;

	if (mdrv_chain_is_ours(md) && READ_ONCE(lock->holder))
		return -EDEADLK; /* the u-driver waits for this thread */
	err = mdrv_lock_wait_once(lock, flags);
	if (err != -ETIMEDOUT)
		return err;
	holder = READ_ONCE(lock->holder);
	if (holder) {
		pr_warn("microdriver: %s: the u-driver is expelled, holding a lock: %pe\n",
			md->name, ERR_PTR(err));
		mdrv_expel(md, holder);
	}
	return mdrv_lock_wait_once(lock, flags);
}
EXPORT_SYMBOL_GPL(mdrv_lock_wait);

/**
 * mdrv_lock_release() - release a combolock, however it was taken
 * @lock: the lock
 * @flags: as mdrv_lock_try() or mdrv_lock_wait() gave them
 *
 * Context: any, with @lock held.
 */
void mdrv_lock_release(struct mdrv_lock *lock, unsigned long flags)
{
	lockdep_assert_held(&lock->spin);
	spin_unlock_irqrestore(&lock->spin, flags);
}
EXPORT_SYMBOL_GPL(mdrv_lock_release);

/* ---- the u-driver's side ---- */

static void mdrv_lock_set_holder(struct mdrv_lock *lock, u32 session)
{
	unsigned long flags;

	spin_lock_irqsave(&lock->spin, flags);
	WRITE_ONCE(lock->holder, session);
	spin_unlock_irqrestore(&lock->spin, flags);
}

static struct mdrv_lock *mdrv_lock_numbered(struct mdrv_instance *md, u64 number)
{
	return number < MDRV_LOCKS ? md->locks[array_index_nospec(number, MDRV_LOCKS)] : NULL;
}

/* Return: -EINVAL: there is no such lock; -EDEADLK: the u-driver holds it already */
int mdrv_lock_for_user(struct mdrv_instance *md, u64 number)
{
	struct mdrv_lock *lock = mdrv_lock_numbered(md, number);

	lockdep_assert_held(&md->busy);
	if (!lock)
		return -EINVAL;
	if (lock->holder)
		return -EDEADLK;
	if (lock->quiesce)
		lock->quiesce(lock->what, true);
	mdrv_lock_set_holder(lock, md->twins_of);
	return 0;
}

int mdrv_unlock_for_user(struct mdrv_instance *md, u64 number)
{
	struct mdrv_lock *lock = mdrv_lock_numbered(md, number);

	lockdep_assert_held(&md->busy);
	if (!lock || !lock->holder)
		return -EINVAL;
	mdrv_lock_set_holder(lock, 0);
	if (lock->quiesce)
		lock->quiesce(lock->what, false);
	wake_up_all(&lock->released);
	return 0;
}

/* Release all locks held by other sessions than @session: those are over. */
void mdrv_locks_release(struct mdrv_instance *md, u32 session)
{
	int n;

	lockdep_assert_held(&md->busy);
	for (n = MDRV_LOCKS - 1; n >= 0; n--)
		if (md->locks[n] && md->locks[n]->holder != session)
			mdrv_unlock_for_user(md, n);
}
