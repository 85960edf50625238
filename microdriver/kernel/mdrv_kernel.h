/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's half of the microdriver runtime, as a k-driver sees it.
 *
 * A k-driver makes one instance per device, shares objects with it, and calls
 * the u-driver by mdrv_upcall(). It notes all that it acquires on the u-driver's
 * behalf in the instance's undo log, so that a u-driver that dies half way
 * leaves nothing behind. The functions are described where they are defined.
 *
 * An upcall with all downcalls and upcalls within it is a chain. The functions
 * with two underscores in front are for downcalls, which run within a chain; the
 * others take the chain themselves.
 */
#ifndef MDRV_KERNEL_H
#define MDRV_KERNEL_H

#include <linux/spinlock.h>
#include <linux/types.h>
#include <linux/wait.h>

#include "microdriver.h"

struct mdrv_instance;

/* Data of no fixed place that crosses with one call. */
struct mdrv_buffer {
	void *data;
	u32 bytes;
	u32 mode; /* MDRV_IN, MDRV_OUT */
};

/*
 * A downcall: the u-driver's @args, with kernel pointers for references to shared
 * objects; they travel back with the result.
 * Context: process, within the chain; in an upcall, the thread that made it
 * Return: status for the u-driver
 */
typedef int (*mdrv_downcall_fn)(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer);

/**
 * struct mdrv_ops - the k-driver's functions
 * @downcalls: in the contract's order
 * @left: a u-driver died or was expelled; may be NULL
 * @joined: a u-driver has attached; may make upcalls; may be NULL
 */
struct mdrv_ops {
	const mdrv_downcall_fn *downcalls;
	void (*left)(struct mdrv_instance *md);
	void (*joined)(struct mdrv_instance *md);
};

/* mdrv_core.c */
struct mdrv_instance *mdrv_create(const char *name, const struct mdrv_contract *contract,
				  const struct mdrv_ops *ops, void *priv);
int mdrv_register(struct mdrv_instance *md);
void mdrv_destroy(struct mdrv_instance *md);
void *mdrv_priv(const struct mdrv_instance *md);
void mdrv_set_hold(struct mdrv_instance *md, unsigned int hold_ms);
int mdrv_map_registers(struct mdrv_instance *md, unsigned int index, phys_addr_t at, size_t bytes);

/* mdrv_channel.c */
int mdrv_await(struct mdrv_instance *md, unsigned int timeout_ms);
int mdrv_upcall_args(struct mdrv_instance *md, u32 number, const u64 *args,
		     struct mdrv_buffer *buffer);
int __mdrv_upcall_args(struct mdrv_instance *md, u32 number, const u64 *args,
		       struct mdrv_buffer *buffer);
#define mdrv_upcall(md, call, ...)   mdrv_upcall_args(md, call, MDRV_ARGUMENTS(__VA_ARGS__), NULL)
#define __mdrv_upcall(md, call, ...) __mdrv_upcall_args(md, call, MDRV_ARGUMENTS(__VA_ARGS__), NULL)
#define mdrv_upcall_buffer(md, call, buffer, ...)                                                  \
	mdrv_upcall_args(md, call, MDRV_ARGUMENTS(__VA_ARGS__), buffer)
#define mdrv_arg(pointer) ((u64)(unsigned long)(pointer))

/* mdrv_objects.c */
int mdrv_share(struct mdrv_instance *md, u32 type, void *at);
int __mdrv_share(struct mdrv_instance *md, u32 type, void *at);
void mdrv_unshare(struct mdrv_instance *md, void *at);
void __mdrv_unshare(struct mdrv_instance *md, void *at);

/* mdrv_undo.c */
typedef void (*mdrv_undo_fn)(void *what);
int mdrv_note(struct mdrv_instance *md, mdrv_undo_fn undo, void *what);
int __mdrv_note(struct mdrv_instance *md, mdrv_undo_fn undo, void *what);
int mdrv_undo(struct mdrv_instance *md, mdrv_undo_fn undo, void *what);

/* mdrv_lock.c */
#define MDRV_LOCKS 4

/*
 * A lock that is a spinlock among kernel threads and interrupts, and a mutex
 * once the u-driver takes part. While the u-driver holds it, those who cannot
 * sleep do not get it: they come back later, or do without.
 */
struct mdrv_lock {
	spinlock_t spin; /* kernel threads hold it; guards holder */
	u32 holder; /* the session of the u-driver that holds the lock; 0: none does */
	wait_queue_head_t released; /* by the u-driver */
	struct mdrv_instance *md;
	void (*quiesce)(void *what, bool quiet);
	void *what;
};

int mdrv_lock_add(struct mdrv_instance *md, struct mdrv_lock *lock, void (*quiesce)(void *, bool),
		  void *what);
bool mdrv_lock_try(struct mdrv_lock *lock, unsigned long *flags);
int mdrv_lock_wait(struct mdrv_lock *lock, unsigned long *flags);
void mdrv_lock_release(struct mdrv_lock *lock, unsigned long flags);

#endif
