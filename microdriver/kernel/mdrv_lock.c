// SPDX-License-Identifier: GPL-2.0
/*
 * Combolocks: spinlocks among kernel threads, mutexes once the u-driver takes
 * part.
 *
 * The u-driver holds the lock by @user, a semaphore because somebody else may
 * have to release it, and says so in @held. Whoever takes the spinlock looks at
 * @held. Interrupts are kept away while it is held, since their handlers cannot
 * wait and must not starve.
 */
#include <linux/export.h>

#include "mdrv_internal.h"

#define LOCK_WAIT (2 * HZ) /* who waits longer for it has made a knot, or the u-driver hangs */

int mdrv_lock_add(struct mdrv_instance *md, struct mdrv_lock *lock, void (*quiesce)(void *, bool),
		  void *what)
{
	int n;

	spin_lock_init(&lock->spin);
	sema_init(&lock->user, 1);
	lock->held = false;
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

bool mdrv_lock_try(struct mdrv_lock *lock, unsigned long *flags)
{
	spin_lock_irqsave(&lock->spin, *flags);
	if (!lock->held)
		return true;
	spin_unlock_irqrestore(&lock->spin, *flags);
	return false;
}
EXPORT_SYMBOL_GPL(mdrv_lock_try);

void mdrv_lock_release(struct mdrv_lock *lock, unsigned long flags)
{
	spin_unlock_irqrestore(&lock->spin, flags);
}
EXPORT_SYMBOL_GPL(mdrv_lock_release);

/* Return: 0, -EINTR (killed), -ETIMEDOUT */
static int take(struct mdrv_lock *lock)
{
	long left = wait_event_killable_timeout(lock->md->kernel_waits, !down_trylock(&lock->user),
						LOCK_WAIT);

	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

static void give(struct mdrv_lock *lock)
{
	up(&lock->user);
	wake_up_all(&lock->md->kernel_waits);
}

int mdrv_lock_wait(struct mdrv_lock *lock, unsigned long *flags)
{
	struct mdrv_instance *md = lock->md;
	u32 session = READ_ONCE(md->session);
	int err;

	if (md->owner == current && READ_ONCE(lock->held))
		return -EDEADLK; /* the u-driver, which waits for this thread */
	err = take(lock);
	if (err == -ETIMEDOUT && READ_ONCE(lock->held)) {
		pr_warn("microdriver: %s: the u-driver is expelled, holding a lock: %pe\n",
			md->name, ERR_PTR(err));
		mdrv_expel(md, session);
		err = take(lock);
	}
	if (err)
		return err;
	spin_lock_irqsave(&lock->spin, *flags);
	return 0;
}
EXPORT_SYMBOL_GPL(mdrv_lock_wait);

void mdrv_lock_release_waited(struct mdrv_lock *lock, unsigned long flags)
{
	spin_unlock_irqrestore(&lock->spin, flags);
	give(lock);
}
EXPORT_SYMBOL_GPL(mdrv_lock_release_waited);

static void set_held(struct mdrv_lock *lock, bool held)
{
	unsigned long flags;

	spin_lock_irqsave(&lock->spin, flags);
	lock->held = held;
	spin_unlock_irqrestore(&lock->spin, flags);
}

static struct mdrv_lock *lock_of(struct mdrv_instance *md, u64 number)
{
	return number < MDRV_LOCKS ? md->locks[number] : NULL;
}

int mdrv_lock_for_user(struct mdrv_instance *md, u64 number)
{
	struct mdrv_lock *lock = lock_of(md, number);

	if (!lock)
		return -EINVAL;
	if (lock->held)
		return -EDEADLK; /* there is one u-driver, and it holds it */
	if (take(lock))
		return -EDEADLK;
	if (lock->quiesce)
		lock->quiesce(lock->what, true);
	set_held(lock, true);
	return 0;
}

int mdrv_unlock_for_user(struct mdrv_instance *md, u64 number)
{
	struct mdrv_lock *lock = lock_of(md, number);

	if (!lock || !lock->held)
		return -EINVAL;
	set_held(lock, false);
	if (lock->quiesce)
		lock->quiesce(lock->what, false);
	give(lock);
	return 0;
}

/* The u-driver is gone: nobody else would release what it held. */
void mdrv_locks_release(struct mdrv_instance *md)
{
	int n;

	for (n = MDRV_LOCKS - 1; n >= 0; n--)
		mdrv_unlock_for_user(md, n);
}
