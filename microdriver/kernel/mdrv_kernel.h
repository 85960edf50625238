/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's half of the microdriver runtime, as a k-driver sees it.
 *
 * A k-driver makes one instance per device, shares objects with it, and calls
 * the u-driver by mdrv_upcall(). All that it acquires on the u-driver's behalf it
 * notes in the instance's undo log, so that a u-driver that dies half way
 * leaves nothing behind.
 */
#ifndef MDRV_KERNEL_H
#define MDRV_KERNEL_H

#include <linux/device.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>

#include "microdriver.h"

struct mdrv_instance;

/* Data of no fixed place that crosses with one call. */
struct mdrv_buffer {
	void *data;
	u32 bytes;
	u32 mode; /* MDRV_IN, MDRV_OUT */
};

/*
 * What the u-driver asks for. @args are as it sent them, but pointers to
 * shared objects are the kernel's; they travel back with the result.
 * Context: process; in an upcall, that of the thread which made it
 * Return: status for the u-driver
 */
typedef int (*mdrv_downcall_fn)(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer);

struct mdrv_ops {
	const mdrv_downcall_fn *downcalls; /* in the contract's order */
	void (*left)(
		struct mdrv_instance *md); /* the u-driver is dead or was expelled; may be NULL */
	void (*joined)(
		struct mdrv_instance *md); /* one has attached; may make upcalls; may be NULL */
};

/* Context: all of these may sleep, unless they say otherwise. */
struct mdrv_instance *mdrv_create(const char *name, const struct mdrv_contract *contract,
				  const struct mdrv_ops *ops, void *priv);
void mdrv_destroy(struct mdrv_instance *md);
void *mdrv_priv(const struct mdrv_instance *md);

/*
 * How long an upcall waits for a u-driver if there is none (0, as at first: it
 * fails at once). Those that the contract marks MDRV_AGAIN are issued anew if
 * their u-driver dies within them. In sysfs it is hold_ms of the misc device;
 * who wants to unload the k-driver writes 0 there, and all that wait fail.
 */
void mdrv_set_hold(struct mdrv_instance *md, unsigned int hold_ms);

/* Wait for a u-driver. Return: 0, -ETIMEDOUT, -EINTR (killed) */
int mdrv_await(struct mdrv_instance *md, unsigned int timeout_ms);

/*
 * Call the u-driver; looks like a local call through the k-driver's stubs.
 *
 * Context: process, interrupts on, no spinlock held
 * Return: the u-driver's status; -ENOTCONN: there is no u-driver; -EIO: it died;
 *	-ETIMEDOUT: it was late and is expelled; -EPROTO: it answered nonsense and
 *	is expelled; -EINTR: the caller was killed; -EDEADLK: called from where
 *	it cannot wait (with a warning, once, but if the module's parameter
 *	"warn" is off), or too deep
 */
int mdrv_upcall_args(struct mdrv_instance *md, u32 call, const u64 *args,
		     struct mdrv_buffer *buffer);
#define mdrv_upcall(md, call, ...) mdrv_upcall_args(md, call, (u64[MDRV_ARGS]){ __VA_ARGS__ }, NULL)
#define mdrv_upcall_buffer(md, call, buffer, ...)                                                  \
	mdrv_upcall_args(md, call, (u64[MDRV_ARGS]){ __VA_ARGS__ }, buffer)
#define mdrv_arg(pointer) ((u64)(unsigned long)(pointer))

/* Objects that both halves know. Return: 0 or -errno */
int mdrv_share(struct mdrv_instance *md, u32 type, void *object);
void mdrv_unshare(struct mdrv_instance *md, void *object);

/* What the u-driver may map: registers of a device, or memory that it shares by DMA. */
int mdrv_map_registers(struct mdrv_instance *md, unsigned int index, phys_addr_t at, size_t bytes);
int mdrv_map_coherent(struct mdrv_instance *md, unsigned int index, struct device *dev, void *cpu,
		      dma_addr_t dma, size_t bytes);

/*
 * The undo log. What is noted within an upcall is undone if the u-driver dies
 * in it, the rest when the instance goes, last come, first gone.
 */
typedef void (*mdrv_undo_fn)(void *what);
/* Return: -ENOMEM, and it is undone already */
int mdrv_note(struct mdrv_instance *md, const char *name, mdrv_undo_fn undo, void *what);
int mdrv_undo(struct mdrv_instance *md, mdrv_undo_fn undo,
	      void *what); /* now; -ENOENT: it is not noted */
void mdrv_forget(struct mdrv_instance *md, mdrv_undo_fn undo, void *what); /* it is gone already */

/*
 * A lock that is a spinlock among kernel threads and interrupts, and a mutex
 * once the u-driver takes part. While the u-driver holds it, those who cannot
 * sleep do not get it: they come back later, or do without.
 */
struct mdrv_lock {
	spinlock_t spin; /* of held, and what kernel threads hold */
	/* down while the u-driver holds the lock, or a sleeper waits for it */
	struct semaphore user;
	bool held; /* by the u-driver */
	struct mdrv_instance *md;
	void (*quiesce)(void *what, bool quiet); /* keep interrupts away meanwhile; may be NULL */
	void *what;
};

/* The u-driver names locks by the order in which they were added, from 0. They last as long as the instance. */
int mdrv_lock_add(struct mdrv_instance *md, struct mdrv_lock *lock, void (*quiesce)(void *, bool),
		  void *what);
#define MDRV_LOCKS 4

/* Context: any. Return: false if the u-driver holds it; true: release by mdrv_lock_release() */
bool mdrv_lock_try(struct mdrv_lock *lock, unsigned long *flags);
/*
 * Context: process. Waits for the u-driver, which is expelled if it holds the lock for more than two seconds.
 * Return: 0; -EINTR: killed; -ETIMEDOUT: others hold it all the time; -EDEADLK: in a downcall of the u-driver
 *	that holds it
 */
int mdrv_lock_wait(struct mdrv_lock *lock, unsigned long *flags);
void mdrv_lock_release(struct mdrv_lock *lock, unsigned long flags);
void mdrv_lock_release_waited(struct mdrv_lock *lock, unsigned long flags);

#endif
