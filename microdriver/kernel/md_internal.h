/* SPDX-License-Identifier: GPL-2.0 */
/* What the files of the runtime know of each other. */
#ifndef MD_INTERNAL_H
#define MD_INTERNAL_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "md_kernel.h"

#define MD_LIST_MEMBERS 64
#define MD_GONE_MAX	64 /* of which one message tells */
#define MD_QUEUE_MAX	16 /* messages that wait for the kernel: its half takes one at a time */

struct md_object {
	struct list_head node;
	u32 id, type;
	void *at;
	u8 twin[]; /* the object as the u-driver has it; under md->busy */
};

struct md_parcel;

/* One u-driver, from open() to close(). */
struct md_session {
	struct md_instance *md;
	struct md_parcel *asked; /* a downcall outside of any upcall, until it is served */
	struct pid *pid;
	u32 number; /* of those that attached to the instance; 0: not yet */
};

struct md_map {
	struct device *dev; /* of coherent memory; NULL: registers */
	void *cpu;
	u64 at;
	size_t bytes;
};

/* What becomes of a message at its fault point. */
enum md_fate { MD_PASSES, MD_DROPPED, MD_DOUBLED, MD_OVERTAKEN };

struct md_parcel {
	struct list_head node;
	struct md_message message;
};

struct md_counts {
	atomic64_t crossings, bytes, stale, rejected;
};

struct md_instance {
	struct kref refs;
	char name[MD_NAME];
	char miscname[MD_NAME + 16], nodename[MD_NAME + 16];
	struct miscdevice misc;
	const struct md_contract *contract;
	const struct md_ops *ops;
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
	struct md_parcel *late[2]; /* per queue: the one that the next will overtake (a fault) */
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
	struct md_map maps[MD_MAPS];
	struct md_lock *locks[MD_LOCKS];
	atomic_t asking; /* sessions in which something was asked */
	atomic_t inside; /* calls of session files that are under way */
	struct md_counts counts;
	struct dentry *debug;
};

extern bool md_whole;

/* md_core.c */
bool md_hold(struct md_instance *md); /* md->busy, unless this thread has it: false */
void md_let_go(struct md_instance *md, bool took);
void md_put(struct md_instance *md);
void md_expel(struct md_instance *md, u32 session);

/* md_channel.c */
enum md_fate md_crossing(struct md_instance *md, struct md_message *message);
struct md_parcel *md_parcel_new(u32 kind, u32 call, u32 seq);
int md_hear(struct md_session *session, struct md_parcel *parcel);
void md_meet(struct md_instance *md, u32 session); /* md->busy held */
struct md_parcel *md_take_first(struct md_instance *md, struct list_head *queue);
int md_serve(struct md_instance *md, const struct md_message *ask, struct md_message *answer);
void md_drop_all(struct list_head *queue);

/* md_objects.c: all with md->busy held */
struct md_object *md_object_by_id(struct md_instance *md, u32 id);
int md_ref_of(struct md_instance *md, u64 pointer, u64 *ref);
int md_pointer_of(struct md_instance *md, u64 ref, u64 *pointer);
int md_pack(struct md_instance *md, const struct md_call *call, u32 mode, struct md_message *to,
	    const struct md_buffer *buffer);
int md_unpack(struct md_instance *md, const struct md_call *call, u32 mode,
	      const struct md_message *from, struct md_buffer *buffer);
void md_forget_twins(struct md_instance *md);
void md_unshare_all(struct md_instance *md);

/* md_undo.c */
void md_undo_to(struct md_instance *md, u64 mark); /* md->busy held */
void md_undo_all(
	struct md_instance *md); /* not held: others may wait for it with what an undo needs */

/* md_lock.c */
int md_lock_for_user(struct md_instance *md, u64 number);
int md_unlock_for_user(struct md_instance *md, u64 number);
void md_locks_release(struct md_instance *md);

/* md_fault.c */
enum md_fate md_fault_point(struct md_instance *md, const char *call, struct md_message *message);
int md_fault_init(void);
void md_fault_exit(void);

#endif
