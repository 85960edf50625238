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

/* The sources of a value in an action: what the kernel's side of a call has in hand. */
enum mdrv_source {
	MDRV_ARG0,
	MDRV_ARG1,
	MDRV_ARG2,
	MDRV_ARG3,
	MDRV_ARG4,
	MDRV_ARG5,
	MDRV_FROM_RESULT,
	MDRV_OUT0 = 8, /* what argument 0 leads to after the call, MDRV_COPY of 8 bytes at most */
	MDRV_OUT1,
	MDRV_OUT2,
	MDRV_OUT3,
	MDRV_OUT4,
	MDRV_OUT5,
	MDRV_ZERO = 15,
};

/* When a call has acquired something: by its result. */
enum mdrv_when { MDRV_IF_ZERO, MDRV_IF_POINTER, MDRV_ALWAYS, MDRV_IF_NOT_NEGATIVE };

/**
 * struct mdrv_acquire - a call that acquires something
 * @release: the number of the downcall that releases it
 * @when: it was acquired, by enum mdrv_when
 * @from: the sources of the release's arguments
 * @irq: 1 + the argument that is an interrupt, which the gate closes; 0
 * @lock: 1 + the argument whose object it lies in: a lock, held within an upcall; 0. Its
 * release may also be called where nothing is held
 */
struct mdrv_acquire {
	u16 release;
	u8 when;
	u8 from[MDRV_ARGS];
	u8 irq;
	u8 lock;
};

enum mdrv_share_kind {
	MDRV_SHARE_OBJECT,
	MDRV_SHARE_REGISTERS, /* mapped without caching */
	MDRV_SHARE_COHERENT, /* memory of DMA, mapped */
	MDRV_SHARE_ADDRESSES, /* not mapped */
	MDRV_SHARE_BAR, /* a BAR of a PCI device, mapped if it is of registers */
};

/**
 * struct mdrv_sharing - a call whose result is shared
 * @kind: how, by enum mdrv_share_kind
 * @at: the source of its address
 * @bytes: the source of a range's size; of a BAR, of its struct pci_dev
 * @phys: the source of the registers' physical address; MDRV_ZERO: that of the page tables;
 * of a BAR, of its number
 * @type: of an object
 */
struct mdrv_sharing {
	u8 kind;
	u8 at, bytes, phys;
	u16 type;
};

/**
 * struct mdrv_service - the kernel's side of a downcall with a signature
 * @function: called with MDRV_ARGS arguments of 64 bits
 * @acquire: what it acquires, or NULL
 * @sharing: what it shares, or NULL
 * @unshare: 1 + the argument whose object or memory is unshared before the call; 0
 * @keeps: bit n: the function keeps text n, whose copy lasts as long as the instance
 */
struct mdrv_service {
	void *function;
	const struct mdrv_acquire *acquire;
	const struct mdrv_sharing *sharing;
	u8 unshare;
	u8 keeps;
};

/**
 * struct mdrv_ops - the k-driver's functions
 * @downcalls: in the contract's order; NULL if @services serves them
 * @services: of downcalls with signatures, in the contract's order
 * @statics: the kernel's side of the statics, in the order of both halves
 * @statics_count: how many
 * @left: a u-driver died or was expelled; may be NULL
 * @joined: a u-driver has attached; may make upcalls; may be NULL
 */
struct mdrv_ops {
	const mdrv_downcall_fn *downcalls;
	const struct mdrv_service *services;
	const struct mdrv_static *statics;
	u32 statics_count;
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
u64 mdrv_sliced_upcall(struct mdrv_instance *md, u32 number, u32 buffer_bytes, const u64 *args,
		       int *err);
#define mdrv_sliced(md, number, bytes, err, ...)                                                   \
	mdrv_sliced_upcall(md, number, bytes, MDRV_ARGUMENTS(__VA_ARGS__), err)

/* mdrv_objects.c */
int mdrv_share(struct mdrv_instance *md, u32 type, void *at);
int __mdrv_share(struct mdrv_instance *md, u32 type, void *at);
void mdrv_unshare(struct mdrv_instance *md, void *at);
void __mdrv_unshare(struct mdrv_instance *md, void *at);
int mdrv_share_once(struct mdrv_instance *md, u32 type, void *at);
void mdrv_sliced_forget(struct mdrv_instance *md, void *at);

/* mdrv_undo.c */
typedef void (*mdrv_undo_fn)(void *what);
int mdrv_note(struct mdrv_instance *md, mdrv_undo_fn undo, void *what);
int __mdrv_note(struct mdrv_instance *md, mdrv_undo_fn undo, void *what);
int mdrv_undo(struct mdrv_instance *md, mdrv_undo_fn undo, void *what);
void mdrv_undo_all(struct mdrv_instance *md);
void __mdrv_undo_all(struct mdrv_instance *md);

/* mdrv_calls.c */
void mdrv_sliced_undo(struct mdrv_instance *md, const void *at);

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

/* mdrv_gate.c */
typedef void (*mdrv_missed_fn)(void *what);
bool mdrv_gate_enter(struct mdrv_instance *md);
bool mdrv_gate_enter_or(struct mdrv_instance *md, mdrv_missed_fn later, void *what);
bool mdrv_gate_wait(struct mdrv_instance *md);
void mdrv_gate_leave(struct mdrv_instance *md);

#endif
