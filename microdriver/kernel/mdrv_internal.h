/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared by the files of the runtime. They form layers: a file uses functions
 * and variables of those that stand above it at the end of this file, and of no
 * other.
 */
#ifndef MDRV_INTERNAL_H
#define MDRV_INTERNAL_H

#include <linux/hashtable.h>
#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/lockdep.h>
#include <linux/miscdevice.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/rbtree.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "mdrv_kernel.h"

#define MDRV_LIST_MEMBERS 64
#define MDRV_GONE_MAX	  64 /* objects that one message reports as gone */
#define MDRV_ENDING	  4
#define MDRV_QUEUE_MAX	  16 /* messages that may wait for the kernel's half */
#define MDRV_SERVED_MS	  20000 /* that an upcall may last longer for the downcalls in it */

/* Something that references may lead into, and that lasts until it is unshared; under md->busy. */
struct mdrv_object {
	struct list_head node; /* among those of its type, of memory, or gone */
	struct list_head lent; /* among those that are shared until the outermost upcall ends */
	struct rb_node range; /* in md->ranges */
	u64 first, last, subtree_last;
	u64 serial; /* objects ever, with this one */
	u64 owner; /* the kept object in whose calls it was shared, maybe itself; 0: none */
	u32 id, type;
	void *at;
	u64 bytes;
	struct mdrv_memory *memory; /* of MDRV_MEMORY */
	/*
	 * Of each field: the pointer in it, if that has led into an object that is shared
	 * no longer; 0. Its memory may be free by now, and is not shared again by that pointer.
	 */
	u64 *dead;
	u8 twin[]; /* the object as the u-driver has it */
};

/* A range that is never copied. */
struct mdrv_memory {
	struct list_head node; /* in md->mappable, if it has a slot; under md->map_lock */
	u32 slot; /* never used again by an instance; MDRV_NO_SLOT: addresses only */
	bool announced; /* to the u-driver */
	bool registers;
	void *at;
	u64 bytes;
	phys_addr_t phys; /* of registers; 0: that of the page tables */
};

/* A pointer of the kernel's that only passes through, by its place in the table. */
struct mdrv_foreign {
	struct hlist_node node;
	struct list_head used; /* by the time of its last use, the latest first */
	u64 pointer;
	u32 generation; /* pointers that have been in this place */
};

#define MDRV_FOREIGN_HASH_BITS 8

struct mdrv_foreigners {
	DECLARE_HASHTABLE(by_pointer, MDRV_FOREIGN_HASH_BITS);
	struct list_head used;
	struct mdrv_foreign at[MDRV_FOREIGNERS];
};

struct mdrv_parcel {
	struct list_head node;
	u32 room; /* for the payload */
	struct mdrv_message message;
};

/* How long the payload of a message in a parcel may become. */
static inline u32 mdrv_room(const struct mdrv_message *message)
{
	return container_of(message, struct mdrv_parcel, message)->room;
}

/* One u-driver, from open() to close(). */
struct mdrv_session {
	struct mdrv_instance *md;
	struct mdrv_parcel *asked; /* a downcall outside of any upcall, until it is served */
	struct pid *pid;
	struct address_space *mapping; /* of its file */
	u32 number; /* among the instance's sessions, from 1; 0: not attached yet */
	u32 room; /* of the largest payload that it takes */
};

/* An interrupt that was requested by a downcall. */
struct mdrv_irq {
	struct list_head node; /* in md->gate.irqs */
	unsigned int number;
};

/* In front of the code that must not run while the u-driver holds a spinlock. */
struct mdrv_gate {
	atomic_t inside; /* those who have passed it */
	bool closed; /* also read without md->busy */
	unsigned int depth; /* closed so many times; under md->busy, and the rest */
	u32 holder; /* the session that has closed it */
	struct list_head irqs;
	wait_queue_head_t emptied, opened;
	spinlock_t lock; /* guards missed */
	struct list_head missed; /* what is made up for when it opens */
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
	bool patient; /* no deadlines: the u-driver may be in a debugger */

	/* One chain of calls at a time. Guards the block up to and with refused. */
	struct mutex busy;
	struct task_struct *owner; /* of busy: others may only compare it with themselves */
	unsigned int depth; /* upcalls within upcalls */
	u32 seq;
	u32 turn; /* of the last downcall that was served, in the session twins_of */
	struct idr ids; /* objects by number; NULL: gone, and not reported to the u-driver yet */
	struct rb_root_cached ranges; /* objects by address */
	struct list_head memory; /* memory objects */
	struct list_head lent; /* objects to be unshared when the outermost upcall ends */
	u64 shared; /* objects ever */
	struct mdrv_foreigners *foreigners; /* NULL: none yet */
	const struct mdrv_call *up; /* the upcall that is being served */
	u64 root; /* the kept object that the upcall is about: it owns all that is acquired; 0 */
	struct list_head kept; /* texts that functions of the kernel hold */
	struct list_head gone; /* objects unshared, and not reported to the u-driver yet */
	u32 twins_of; /* the session that the twins belong to */
	struct list_head undo;
	u64 noted; /* notes ever made */
	u64 attempts; /* of outermost upcalls, ever */
	/* attempts, some of whose acquisitions the current one has given back */
	u64 ending[MDRV_ENDING];
	u32 endings;
	bool again; /* the upcall is made again, to a new u-driver, after the old one died in it */
	const char *refused; /* the reason why the last message was not taken */

	/* Guards the block up to and with late; the first two are also read without. */
	spinlock_t lock;
	u32 session; /* the attached one; 0: none */
	bool leaving; /* a session is over, and the k-driver has not been told yet */
	unsigned int waiting; /* messages in to_kernel */
	u32 sessions; /* ever attached */
	u32 room; /* for the payload of the attached session's messages */
	struct pid *pid; /* of the attached session */
	bool closed;
	struct list_head to_user, to_kernel;
	struct mdrv_parcel *late[2]; /* per queue: the message that the next overtakes (a fault) */

	/* Guards the block up to and with slots; pages are mapped and sessions end under it. */
	struct mutex map_lock;
	struct list_head mappable;
	u32 slots; /* ever given to memory objects */
	struct mdrv_session *mapped; /* the session that last attached; NULL: closed */

	wait_queue_head_t user_waits, kernel_waits;
	struct work_struct left, joined;
	struct mdrv_map maps[MDRV_MAPS];
	struct mdrv_lock *locks[MDRV_LOCKS];
	struct mdrv_gate gate;
	atomic_t asking; /* sessions with a downcall that waits to be served */
	atomic_t inside; /* calls of session files that are under way */
	struct mdrv_counts counts;
	struct dentry *debug;
	struct list_head by_type[]; /* objects; under busy */
};

/* An upcall by its signature: what the messages do not say. */
struct mdrv_signed {
	const u64 *args; /* kernel pointers */
	u32 buffer_bytes;
	u32 bytes[MDRV_ARGS]; /* that come back of what an argument leads to */
	u32 back; /* bit n: of argument n they do */
	u64 value; /* out: the result */
};

/* mdrv_chain.c: the chain of calls, and the end of a session */
void mdrv_chain_lock(struct mdrv_instance *md);
bool mdrv_chain_trylock(struct mdrv_instance *md);
int mdrv_chain_lock_timeout(struct mdrv_instance *md, unsigned int timeout_ms);
void mdrv_chain_unlock(struct mdrv_instance *md) __must_hold(&md->busy);
bool mdrv_chain_is_ours(const struct mdrv_instance *md);
bool mdrv_chain_enter(struct mdrv_instance *md);
void mdrv_chain_leave(struct mdrv_instance *md, bool entered);
struct mdrv_parcel *mdrv_parcel_of(u32 room);
struct mdrv_parcel *mdrv_parcel_new(u32 kind, u32 call, u32 seq);
bool mdrv_parcel_grow(struct mdrv_instance *md, struct mdrv_parcel **parcel);
void mdrv_expel(struct mdrv_instance *md, u32 session);
void mdrv_put(struct mdrv_instance *md);

/* mdrv_undo.c */
typedef bool (*mdrv_matches_fn)(const void *what, const void *key);
void mdrv_undo_to(struct mdrv_instance *md, u64 mark) __must_hold(&md->busy);
void *mdrv_note_take(struct mdrv_instance *md, mdrv_undo_fn undo, mdrv_matches_fn matches,
		     const void *key) __must_hold(&md->busy);

/* mdrv_objects.c */
void mdrv_objects_init(struct mdrv_instance *md);
int mdrv_share_globals(struct mdrv_instance *md);
int mdrv_share_known(struct mdrv_instance *md, u32 type, void *at, bool lent)
	__must_hold(&md->busy);
int mdrv_share_memory(struct mdrv_instance *md, u8 kind, void *at, u64 bytes, phys_addr_t phys)
	__must_hold(&md->busy);
void mdrv_forget(struct mdrv_instance *md, void *at) __must_hold(&md->busy);
void mdrv_unshare_lent(struct mdrv_instance *md) __must_hold(&md->busy);
void mdrv_unshare_all(struct mdrv_instance *md) __must_hold(&md->busy);
const struct mdrv_type *mdrv_type_of(const struct mdrv_instance *md,
				     const struct mdrv_object *object);
struct mdrv_object *mdrv_object_by_id(struct mdrv_instance *md, u32 id) __must_hold(&md->busy);
struct mdrv_object *mdrv_object_around(struct mdrv_instance *md, u64 pointer, u64 bytes)
	__must_hold(&md->busy);
void mdrv_object_reported(struct mdrv_instance *md) __must_hold(&md->busy);
void mdrv_forget_twins(struct mdrv_instance *md) __must_hold(&md->busy);
struct mdrv_memory *mdrv_memory_mapped(struct mdrv_instance *md, u32 slot)
	__must_hold(&md->map_lock);
bool mdrv_is_readable(u64 pointer, u64 bytes);
unsigned long mdrv_memory_pfn(const struct mdrv_memory *memory, unsigned long page);

/* mdrv_pointers.c */
int mdrv_refuse(struct mdrv_instance *md, const char *why);
bool mdrv_is_sliced(const struct mdrv_instance *md);
int mdrv_ref_of(struct mdrv_instance *md, u64 pointer, u64 *ref) __must_hold(&md->busy);
int mdrv_ref_of_known(struct mdrv_instance *md, u64 pointer, u64 *ref) __must_hold(&md->busy);
int mdrv_ref_lent(struct mdrv_instance *md, u32 type, u64 pointer, bool lent, u64 *ref)
	__must_hold(&md->busy);
int mdrv_pointer_of(struct mdrv_instance *md, u64 ref, u64 *pointer, u64 *room)
	__must_hold(&md->busy);
void mdrv_forget_foreigners(struct mdrv_instance *md) __must_hold(&md->busy);

/* mdrv_fields.c */
extern bool mdrv_whole;
u64 mdrv_from_wire(const u8 *data, u32 bytes);
u8 *mdrv_record_reserve(struct mdrv_message *to, u32 object, u16 field, u32 bytes);
const u8 *mdrv_record_of(const struct mdrv_message *from, u32 number, u32 *bytes);
int mdrv_pack(struct mdrv_instance *md, const struct mdrv_call *call, const struct mdrv_call *up,
	      u32 mode, struct mdrv_message *to, const struct mdrv_buffer *buffer)
	__must_hold(&md->busy);
int mdrv_unpack(struct mdrv_instance *md, const struct mdrv_call *call, const struct mdrv_call *up,
		u32 mode, const struct mdrv_message *from, struct mdrv_buffer *buffer)
	__must_hold(&md->busy);

/* mdrv_lock.c */
int mdrv_lock_for_user(struct mdrv_instance *md, u64 number) __must_hold(&md->busy);
int mdrv_unlock_for_user(struct mdrv_instance *md, u64 number) __must_hold(&md->busy);
void mdrv_locks_release(struct mdrv_instance *md, u32 session) __must_hold(&md->busy);

/* mdrv_gate.c */
void mdrv_gate_init(struct mdrv_instance *md);
int mdrv_gate_close(struct mdrv_instance *md) __must_hold(&md->busy);
int mdrv_gate_open(struct mdrv_instance *md) __must_hold(&md->busy);
void mdrv_gate_release(struct mdrv_instance *md, u32 session) __must_hold(&md->busy);
void mdrv_gate_add(struct mdrv_instance *md, struct mdrv_irq *irq) __must_hold(&md->busy);
void mdrv_gate_remove(struct mdrv_instance *md, struct mdrv_irq *irq) __must_hold(&md->busy);

/* mdrv_calls.c */
int mdrv_serve_signed(struct mdrv_instance *md, const struct mdrv_call *call,
		      const struct mdrv_message *ask, struct mdrv_parcel **answer)
	__must_hold(&md->busy);
int mdrv_print(struct mdrv_instance *md, const u64 *args, const struct mdrv_buffer *text)
	__must_hold(&md->busy);
int mdrv_signed_out(struct mdrv_instance *md, const struct mdrv_call *call, struct mdrv_signed *how,
		    struct mdrv_message *to) __must_hold(&md->busy);
int mdrv_signed_check(struct mdrv_instance *md, const struct mdrv_call *call,
		      struct mdrv_signed *how, const struct mdrv_message *from)
	__must_hold(&md->busy);
void mdrv_signed_take(const struct mdrv_signed *how, const struct mdrv_message *from);
u64 mdrv_root_of(struct mdrv_instance *md, const struct mdrv_call *call,
		 const struct mdrv_signed *how) __must_hold(&md->busy);
void mdrv_give_back_rest(struct mdrv_instance *md) __must_hold(&md->busy);
void mdrv_forget_held(struct mdrv_instance *md) __must_hold(&md->busy);
void mdrv_forget_texts(struct mdrv_instance *md) __must_hold(&md->busy);

/* mdrv_fault.c: of faults, the channel knows this function only; see mdrv_fault.h */
enum mdrv_fate mdrv_fault_point(struct mdrv_instance *md, const char *call,
				struct mdrv_message *message);

/* mdrv_arming.c */
int mdrv_arming_init(void);
void mdrv_arming_exit(void);

/* mdrv_channel.c */
enum mdrv_fate mdrv_cross(struct mdrv_instance *md, struct mdrv_message *message);
struct mdrv_parcel *mdrv_parcel_take(struct mdrv_instance *md, struct list_head *queue);
int mdrv_answer_arrived(struct mdrv_session *session, struct mdrv_parcel *parcel);
void mdrv_begin_session(struct mdrv_instance *md, u32 session) __must_hold(&md->busy);
int mdrv_serve(struct mdrv_instance *md, const struct mdrv_message *ask,
	       struct mdrv_parcel **answer) __must_hold(&md->busy);

/* mdrv_session.c */
extern const struct file_operations mdrv_session_fops;
void mdrv_session_left(struct work_struct *work);
void mdrv_session_joined(struct work_struct *work);

/* mdrv_core.c: instances and the module; see mdrv_kernel.h */

#endif
