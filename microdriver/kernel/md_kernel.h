/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's half of the microdriver runtime, as a k-driver sees it.
 *
 * A k-driver makes one instance per device, shares objects with it, and calls
 * the u-driver by md_upcall(). All that it acquires on the u-driver's behalf it
 * notes in the instance's undo log, so that a u-driver that dies half way
 * leaves nothing behind.
 */
#ifndef MD_KERNEL_H
#define MD_KERNEL_H

#include <linux/device.h>
#include <linux/semaphore.h>
#include <linux/spinlock.h>

#include "microdriver.h"

struct md_instance;

/* Data of no fixed place that crosses with one call. */
struct md_buffer {
	void *data;
	u32 bytes;
	u32 mode; /* MD_IN, MD_OUT */
};

/*
 * What the u-driver asks for. @args are as it sent them, but pointers to
 * shared objects are the kernel's; they travel back with the result.
 * Context: process; in an upcall, that of the thread which made it
 * Return: status for the u-driver
 */
typedef int (*md_downcall_fn)(struct md_instance *md, u64 *args, struct md_buffer *buffer);

struct md_ops {
	const md_downcall_fn *downcalls; /* in the contract's order */
	void (*left)(
		struct md_instance *md); /* the u-driver is dead or was expelled; may be NULL */
	void (*joined)(
		struct md_instance *md); /* one has attached; may make upcalls; may be NULL */
};

/* Context: all of these may sleep, unless they say otherwise. */
struct md_instance *md_create(const char *name, const struct md_contract *contract,
			      const struct md_ops *ops, void *priv);
void md_destroy(struct md_instance *md);
void *md_priv(const struct md_instance *md);

/*
 * How long an upcall waits for a u-driver if there is none (0, as at first: it
 * fails at once). Those that the contract marks MD_AGAIN are issued anew if
 * their u-driver dies within them. In sysfs it is hold_ms of the misc device;
 * who wants to unload the k-driver writes 0 there, and all that wait fail.
 */
void md_set_hold(struct md_instance *md, unsigned int hold_ms);

/* Wait for a u-driver. Return: 0, -ETIMEDOUT, -EINTR (killed) */
int md_await(struct md_instance *md, unsigned int timeout_ms);

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
int md_upcall_args(struct md_instance *md, u32 call, const u64 *args, struct md_buffer *buffer);
#define md_upcall(md, call, ...) md_upcall_args(md, call, (u64[MD_ARGS]){ __VA_ARGS__ }, NULL)
#define md_upcall_buffer(md, call, buffer, ...)                                                    \
	md_upcall_args(md, call, (u64[MD_ARGS]){ __VA_ARGS__ }, buffer)
#define md_arg(pointer) ((u64)(unsigned long)(pointer))

/* Objects that both halves know. Return: 0 or -errno */
int md_share(struct md_instance *md, u32 type, void *object);
void md_unshare(struct md_instance *md, void *object);

/* What the u-driver may map: registers of a device, or memory that it shares by DMA. */
int md_map_registers(struct md_instance *md, unsigned int index, phys_addr_t at, size_t bytes);
int md_map_coherent(struct md_instance *md, unsigned int index, struct device *dev, void *cpu,
		    dma_addr_t dma, size_t bytes);

/*
 * The undo log. What is noted within an upcall is undone if the u-driver dies
 * in it, the rest when the instance goes, last come, first gone.
 */
typedef void (*md_undo_fn)(void *what);
/* Return: -ENOMEM, and it is undone already */
int md_note(struct md_instance *md, const char *name, md_undo_fn undo, void *what);
int md_undo(struct md_instance *md, md_undo_fn undo,
	    void *what); /* now; -ENOENT: it is not noted */
void md_forget(struct md_instance *md, md_undo_fn undo, void *what); /* it is gone already */

/*
 * A lock that is a spinlock among kernel threads and interrupts, and a mutex
 * once the u-driver takes part. While the u-driver holds it, those who cannot
 * sleep do not get it: they come back later, or do without.
 */
struct md_lock {
	spinlock_t spin; /* of held, and what kernel threads hold */
	/* down while the u-driver holds the lock, or a sleeper waits for it */
	struct semaphore user;
	bool held; /* by the u-driver */
	struct md_instance *md;
	void (*quiesce)(void *what, bool quiet); /* keep interrupts away meanwhile; may be NULL */
	void *what;
};

/* The u-driver names locks by the order in which they were added, from 0. They last as long as the instance. */
int md_lock_add(struct md_instance *md, struct md_lock *lock, void (*quiesce)(void *, bool),
		void *what);
#define MD_LOCKS 4

/* Context: any. Return: false if the u-driver holds it; true: release by md_lock_release() */
bool md_lock_try(struct md_lock *lock, unsigned long *flags);
/*
 * Context: process. Waits for the u-driver, which is expelled if it holds the lock for more than two seconds.
 * Return: 0; -EINTR: killed; -ETIMEDOUT: others hold it all the time; -EDEADLK: in a downcall of the u-driver
 *	that holds it
 */
int md_lock_wait(struct md_lock *lock, unsigned long *flags);
void md_lock_release(struct md_lock *lock, unsigned long flags);
void md_lock_release_waited(struct md_lock *lock, unsigned long flags);

#endif
