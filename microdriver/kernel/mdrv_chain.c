// SPDX-License-Identifier: GPL-2.0
/*
 * The lowest layer of the runtime: the chain of calls, the end of a session, and
 * the life of an instance.
 *
 * A chain is an upcall with all downcalls and upcalls within it. It holds
 * md->busy, which guards objects, twins and the undo log. A function that takes
 * the chain has a twin, with two underscores in front, for callers that are
 * within it: the k-driver's downcalls.
 */
#include <linux/mm.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "mdrv_internal.h"

void mdrv_chain_lock(struct mdrv_instance *md)
{
	mutex_lock(&md->busy);
	WRITE_ONCE(md->owner, current);
}

bool mdrv_chain_trylock(struct mdrv_instance *md)
{
	if (!mutex_trylock(&md->busy))
		return false;
	WRITE_ONCE(md->owner, current);
	return true;
}

/* Return: 0, -EINTR (killed), -ETIMEDOUT */
int mdrv_chain_lock_timeout(struct mdrv_instance *md, unsigned int timeout_ms)
{
	long left;

	do {
		left = wait_event_killable_timeout(md->kernel_waits, mdrv_chain_trylock(md),
						   msecs_to_jiffies(timeout_ms));
	} while (!left && READ_ONCE(md->patient));
	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}

void mdrv_chain_unlock(struct mdrv_instance *md)
{
	lockdep_assert_held(&md->busy);
	WRITE_ONCE(md->owner, NULL);
	mutex_unlock(&md->busy);
	/*
	 * Pairs with the barrier in wait_event(): either a u-driver that asks is
	 * seen here, or it sees that the chain is free.
	 */
	smp_mb();
	wake_up(&md->kernel_waits);
	if (atomic_read(&md->asking))
		wake_up(&md->user_waits);
}

/* Only this thread writes its own name into owner: for it the answer is stable without a lock. */
bool mdrv_chain_is_ours(const struct mdrv_instance *md)
{
	return READ_ONCE(md->owner) == current;
}

/* Take the chain, unless the caller is within it. Return: for mdrv_chain_leave() */
bool mdrv_chain_enter(struct mdrv_instance *md)
{
	bool entered = !mdrv_chain_is_ours(md);

	if (entered)
		mdrv_chain_lock(md);
	return entered;
}

void mdrv_chain_leave(struct mdrv_instance *md, bool entered)
{
	if (entered)
		mdrv_chain_unlock(md);
}

/* ---- parcels ---- */

struct mdrv_parcel *mdrv_parcel_of(u32 room)
{
	struct mdrv_parcel *parcel =
		kvmalloc(offsetof(struct mdrv_parcel, message.payload) + room, GFP_KERNEL);

	if (parcel)
		parcel->room = room;
	return parcel;
}

struct mdrv_parcel *mdrv_parcel_new(u32 kind, u32 call, u32 seq)
{
	struct mdrv_parcel *parcel = mdrv_parcel_of(MDRV_PAYLOAD);

	if (!parcel)
		return NULL;
	memset(&parcel->message, 0, MDRV_HEAD);
	parcel->message.kind = kind;
	parcel->message.call = call;
	parcel->message.seq = seq;
	return parcel;
}

/*
 * Make room for a message that did not fit: it has no records any more.
 * Return: false: the u-driver takes no larger one, or there is no memory
 */
bool mdrv_parcel_grow(struct mdrv_instance *md, struct mdrv_parcel **parcel)
{
	u32 room = READ_ONCE(md->room);
	struct mdrv_parcel *larger;

	if ((*parcel)->room >= room)
		return false;
	larger = mdrv_parcel_of(min(room, 16 * (*parcel)->room));
	if (!larger)
		return false;
	memcpy(&larger->message, &(*parcel)->message, MDRV_HEAD);
	larger->message.bytes = 0;
	kvfree(*parcel);
	*parcel = larger;
	return true;
}

/* ---- the end of a session ---- */

static void mdrv_free_parcels(struct list_head *queue)
{
	struct mdrv_parcel *parcel, *next;

	list_for_each_entry_safe(parcel, next, queue, node) {
		list_del(&parcel->node);
		kvfree(parcel);
	}
}

static void mdrv_free_messages(struct mdrv_instance *md) __must_hold(&md->lock)
{
	int n;

	lockdep_assert_held(&md->lock);
	mdrv_free_parcels(&md->to_user);
	mdrv_free_parcels(&md->to_kernel);
	md->waiting = 0;
	for (n = 0; n < ARRAY_SIZE(md->late); n++) {
		kvfree(md->late[n]);
		md->late[n] = NULL;
	}
}

static bool mdrv_end_session(struct mdrv_instance *md, u32 session)
{
	bool was_attached;

	spin_lock(&md->lock);
	was_attached = session && md->session == session;
	if (was_attached) {
		WRITE_ONCE(md->session, 0);
		WRITE_ONCE(md->leaving, true);
		mdrv_free_messages(md);
	}
	spin_unlock(&md->lock);
	return was_attached;
}

/*
 * End a session whose u-driver died or broke the contract; without effect if it
 * is not attached. A u-driver that runs on has lost the registers by the time it
 * learns of its end: their pages are gone, and mdrv_session_fault() refuses it.
 */
void mdrv_expel(struct mdrv_instance *md, u32 session)
{
	bool was_attached;

	mutex_lock(&md->map_lock);
	was_attached = mdrv_end_session(md, session);
	if (was_attached && md->mapped)
		unmap_mapping_range(md->mapped->mapping, 0, 0, 1);
	mutex_unlock(&md->map_lock);
	if (!was_attached)
		return;
	queue_work(system_unbound_wq, &md->left);
	wake_up_all(&md->user_waits);
	wake_up_all(&md->kernel_waits);
}

/* ---- the life of an instance ---- */

static void mdrv_free(struct kref *refs)
{
	kfree(container_of(refs, struct mdrv_instance, refs));
}

void mdrv_put(struct mdrv_instance *md)
{
	kref_put(&md->refs, mdrv_free);
}
