/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the files of the runtime. They form layers: a file uses functions
 * and variables of those that stand above it at the end of this file, and of no
 * other.
 */
#ifndef MDRV_INTERNAL_H
#define MDRV_INTERNAL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mdrv_kernel.h"

#define MDRV_LIST_MEMBERS 64
#define MDRV_GONE_MAX	  64 /* objects that one message reports as gone */
#define MDRV_QUEUE_MAX	  16 /* messages that may wait for the kernel's half */

struct mdrv_object {
	struct list_head node;
	u32 id, type;
	void *at;
	u8 twin[]; /* the object as the u-driver has it; under md->busy */
};

struct mdrv_parcel {
	struct list_head node;
	struct mdrv_message message;
};

/* One u-driver, from open() to close(). */
struct mdrv_session {
	struct mdrv_instance *md;
	struct mdrv_parcel *asked; /* a downcall outside of any upcall, until it is served */
	struct pid *pid;
	struct address_space *mapping; /* of its file */
	u32 number; /* among the instance's sessions, from 1; 0: not attached yet */
};

/* Registers that the u-driver may map. */
struct mdrv_map {
	phys_addr_t at;
	size_t bytes;
};

/* The fate of a message at its fault point. */
enum mdrv_fate { MDRV_PASSES, MDRV_DROPPED, MDRV_DOUBLED, MDRV_OVERTAKEN };

struct mdrv_counts {
	atomic64_t crossings, bytes, stale, rejected;
};

/* Locks are taken in this order: busy, map_lock, lock; map_lock also within mmap_lock. */
struct mdrv_instance {
	struct kref refs;
	char name[MDRV_NAME];
	char miscname[MDRV_NAME + 16], nodename[MDRV_NAME + 16];
	struct miscdevice misc;
	bool registered; /* from then on maps and locks do not change */
	const struct mdrv_contract *contract;
	const struct mdrv_ops *ops;
	void *priv;
	u64 digest;
	unsigned int hold_ms;

	/* One chain of calls at a time. Guards the block up to and with refused. */
	struct mutex busy;
	struct task_struct *owner; /* of busy: others may only compare it with themselves */
	unsigned int depth; /* upcalls within upcalls */
	u32 seq;
	u32 turn; /* of the last downcall that was served, in the session twins_of */
	struct list_head objects;
	u32 shared; /* objects ever */
	struct list_head gone; /* objects unshared, and not reported to the u-driver yet */
	u32 twins_of; /* the session that the twins belong to */
	struct list_head undo;
	u64 noted; /* notes ever made */
	const char *refused; /* the reason why the last message was not taken */

	/* Guards the block up to and with late; the first two are also read without. */
	spinlock_t lock;
	u32 session; /* the attached one; 0: none */
	bool leaving; /* a session is over, and the k-driver has not been told yet */
	unsigned int waiting; /* messages in to_kernel */
	u32 sessions; /* ever attached */
	struct pid *pid; /* of the attached session */
	bool closed;
	struct list_head to_user, to_kernel;
	struct mdrv_parcel *late[2]; /* per queue: the message that the next overtakes (a fault) */

	struct mutex map_lock; /* guards mapped; pages are mapped and sessions end under it */
	struct mdrv_session *mapped; /* the session that last attached; NULL: closed */

	wait_queue_head_t user_waits, kernel_waits;
	struct work_struct left, joined;
	struct mdrv_map maps[MDRV_MAPS];
	struct mdrv_lock *locks[MDRV_LOCKS];
	atomic_t asking; /* sessions with a downcall that waits to be served */
	atomic_t inside; /* calls of session files that are under way */
	struct mdrv_counts counts;
	struct dentry *debug;
};

/* mdrv_chain.c: the chain of calls, and the end of a session */
void mdrv_chain_lock(struct mdrv_instance *md);
bool mdrv_chain_trylock(struct mdrv_instance *md);
int mdrv_chain_lock_timeout(struct mdrv_instance *md, unsigned int timeout_ms);
void mdrv_chain_unlock(struct mdrv_instance *md) __must_hold(&md->busy);
bool mdrv_chain_is_ours(const struct mdrv_instance *md);
void mdrv_expel(struct mdrv_instance *md, u32 session);
void mdrv_put(struct mdrv_instance *md);

/* mdrv_undo.c */
void mdrv_undo_to(struct mdrv_instance *md, u64 mark) __must_hold(&md->busy);

/* mdrv_objects.c */
extern bool mdrv_whole;
int mdrv_ref_of(struct mdrv_instance *md, u64 pointer, u64 *ref) __must_hold(&md->busy);
int mdrv_pointer_of(struct mdrv_instance *md, u64 ref, u64 *pointer) __must_hold(&md->busy);
int mdrv_pack(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
	      struct mdrv_message *to, const struct mdrv_buffer *buffer) __must_hold(&md->busy);
int mdrv_unpack(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
		const struct mdrv_message *from, struct mdrv_buffer *buffer) __must_hold(&md->busy);
void mdrv_forget_twins(struct mdrv_instance *md) __must_hold(&md->busy);
void mdrv_unshare_all(struct mdrv_instance *md) __must_hold(&md->busy);

/* mdrv_lock.c */
int mdrv_lock_for_user(struct mdrv_instance *md, u64 number) __must_hold(&md->busy);
int mdrv_unlock_for_user(struct mdrv_instance *md, u64 number) __must_hold(&md->busy);
void mdrv_locks_release(struct mdrv_instance *md, u32 session) __must_hold(&md->busy);

/* mdrv_fault.c: of faults, the channel knows this function only; see mdrv_fault.h */
enum mdrv_fate mdrv_fault_point(struct mdrv_instance *md, const char *call,
				struct mdrv_message *message);

/* mdrv_arming.c */
int mdrv_arming_init(void);
void mdrv_arming_exit(void);

/* mdrv_channel.c */
enum mdrv_fate mdrv_cross(struct mdrv_instance *md, struct mdrv_message *message);
struct mdrv_parcel *mdrv_parcel_new(u32 kind, u32 call, u32 seq);
struct mdrv_parcel *mdrv_parcel_take(struct mdrv_instance *md, struct list_head *queue);
int mdrv_answer_arrived(struct mdrv_session *session, struct mdrv_parcel *parcel);
void mdrv_begin_session(struct mdrv_instance *md, u32 session) __must_hold(&md->busy);
int mdrv_serve(struct mdrv_instance *md, const struct mdrv_message *ask,
	       struct mdrv_message *answer) __must_hold(&md->busy);

/* mdrv_session.c */
extern const struct file_operations mdrv_session_fops;
void mdrv_session_left(struct work_struct *work);
void mdrv_session_joined(struct work_struct *work);

/* mdrv_core.c: instances and the module; see mdrv_kernel.h */

#endif
