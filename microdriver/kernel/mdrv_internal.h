/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the runtime know of each other. */
#ifndef MDRV_INTERNAL_H
#define MDRV_INTERNAL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mdrv_kernel.h"

#define MDRV_LIST_MEMBERS 64
#define MDRV_GONE_MAX	  64 /* of which one message tells */
#define MDRV_QUEUE_MAX	  16 /* messages that wait for the kernel: its half takes one at a time */

struct mdrv_object {
	struct list_head node;
	u32 id, type;
	void *at;
	u8 twin[]; /* the object as the u-driver has it; under md->busy */
};

struct mdrv_parcel;

/* One u-driver, from open() to close(). */
struct mdrv_session {
	struct mdrv_instance *md;
	struct mdrv_parcel *asked; /* a downcall outside of any upcall, until it is served */
	struct pid *pid;
	u32 number; /* of those that attached to the instance; 0: not yet */
};

struct mdrv_map {
	struct device *dev; /* of coherent memory; NULL: registers */
	void *cpu;
	u64 at;
	size_t bytes;
};

/* What becomes of a message at its fault point. */
enum mdrv_fate { MDRV_PASSES, MDRV_DROPPED, MDRV_DOUBLED, MDRV_OVERTAKEN };

struct mdrv_parcel {
	struct list_head node;
	struct mdrv_message message;
};

struct mdrv_counts {
	atomic64_t crossings, bytes, stale, rejected;
};

struct mdrv_instance {
	struct kref refs;
	char name[MDRV_NAME];
	char miscname[MDRV_NAME + 16], nodename[MDRV_NAME + 16];
	struct miscdevice misc;
	const struct mdrv_contract *contract;
	const struct mdrv_ops *ops;
	void *priv;
	u64 digest;
	unsigned int hold_ms;

	struct mutex busy; /* one chain of calls at a time; guards objects, twins, the undo log */
	struct task_struct *owner; /* whose chain it is */
	unsigned int depth;
	u32 seq;
	u32 turn; /* of the last downcall that was served, in the session that the twins are of */

	spinlock_t lock; /* guards the session and both queues */
	u32 session; /* the one that is attached; 0: none */
	u32 sessions; /* that ever were */
	struct pid *pid; /* of the attached one */
	bool closed;
	struct list_head to_user, to_kernel;
	unsigned int waiting; /* messages in to_kernel */
	struct mdrv_parcel *late[2]; /* per queue: the one that the next will overtake (a fault) */
	wait_queue_head_t user_waits, kernel_waits;
	struct work_struct left, joined;
	struct address_space *mapping; /* of the attached session's file */
	struct mutex map_lock; /* of mapping */

	struct list_head objects;
	u32 shared; /* objects ever */
	/* objects that are not shared any more, of which it was not told yet */
	struct list_head gone;
	const char *refused; /* what was wrong with the last message that was not taken */
	u32 twins_of; /* the session that the twins belong to */
	struct list_head undo;
	u64 noted; /* notes ever made */
	struct mdrv_map maps[MDRV_MAPS];
	struct mdrv_lock *locks[MDRV_LOCKS];
	atomic_t asking; /* sessions in which something was asked */
	atomic_t inside; /* calls of session files that are under way */
	struct mdrv_counts counts;
	struct dentry *debug;
};

extern bool mdrv_whole;

/* mdrv_core.c */
bool mdrv_hold(struct mdrv_instance *md); /* md->busy, unless this thread has it: false */
void mdrv_let_go(struct mdrv_instance *md, bool took);
void mdrv_put(struct mdrv_instance *md);
void mdrv_expel(struct mdrv_instance *md, u32 session);

/* mdrv_channel.c */
enum mdrv_fate mdrv_crossing(struct mdrv_instance *md, struct mdrv_message *message);
struct mdrv_parcel *mdrv_parcel_new(u32 kind, u32 call, u32 seq);
int mdrv_hear(struct mdrv_session *session, struct mdrv_parcel *parcel);
void mdrv_meet(struct mdrv_instance *md, u32 session); /* md->busy held */
struct mdrv_parcel *mdrv_take_first(struct mdrv_instance *md, struct list_head *queue);
int mdrv_serve(struct mdrv_instance *md, const struct mdrv_message *ask,
	       struct mdrv_message *answer);
void mdrv_drop_all(struct list_head *queue);

/* mdrv_objects.c: all with md->busy held */
struct mdrv_object *mdrv_object_by_id(struct mdrv_instance *md, u32 id);
int mdrv_ref_of(struct mdrv_instance *md, u64 pointer, u64 *ref);
int mdrv_pointer_of(struct mdrv_instance *md, u64 ref, u64 *pointer);
int mdrv_pack(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
	      struct mdrv_message *to, const struct mdrv_buffer *buffer);
int mdrv_unpack(struct mdrv_instance *md, const struct mdrv_call *call, u32 mode,
		const struct mdrv_message *from, struct mdrv_buffer *buffer);
void mdrv_forget_twins(struct mdrv_instance *md);
void mdrv_unshare_all(struct mdrv_instance *md);

/* mdrv_undo.c */
void mdrv_undo_to(struct mdrv_instance *md, u64 mark); /* md->busy held */
void mdrv_undo_all(
	struct mdrv_instance *md); /* not held: others may wait for it with what an undo needs */

/* mdrv_lock.c */
int mdrv_lock_for_user(struct mdrv_instance *md, u64 number);
int mdrv_unlock_for_user(struct mdrv_instance *md, u64 number);
void mdrv_locks_release(struct mdrv_instance *md);

/* mdrv_fault.c */
enum mdrv_fate mdrv_fault_point(struct mdrv_instance *md, const char *call,
				struct mdrv_message *message);
int mdrv_fault_init(void);
void mdrv_fault_exit(void);

#endif
