// SPDX-License-Identifier: GPL-2.0
/*
 * Upcalls and downcalls.
 *
 * One chain of calls at a time: the k-driver's thread that makes the first
 * upcall owns it. While it waits for the answer it serves the downcalls that the
 * u-driver makes meanwhile, so that they run in the thread which the kernel
 * called: locks that it holds stay its own, and lockdep can follow. A downcall
 * may lead to another upcall in the same thread; the u-driver, which waits for
 * the downcall's result, serves it first.
 */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "mdrv_internal.h"

#define CREATE_TRACE_POINTS
#include "mdrv_trace.h"

static bool warn = true;
module_param(warn, bool, 0644);
MODULE_PARM_DESC(warn, "say so, once, if a k-driver calls from where nobody may sleep");

static const struct mdrv_call stock_calls[] = {
	[MDRV_LOCK - MDRV_STOCK] = { .name = "lock" },
	[MDRV_UNLOCK - MDRV_STOCK] = { .name = "unlock" },
};
static const struct mdrv_call unknown_call = { .name = "?" };

static const struct mdrv_call *call_of(struct mdrv_instance *md, const struct mdrv_message *message)
{
	const struct mdrv_contract *contract = md->contract;
	bool up = message->kind == MDRV_UPCALL || message->kind == MDRV_RETURN;

	if (up)
		return message->call < contract->upcalls_count ? &contract->upcalls[message->call]
							       : &unknown_call;
	if (message->call < contract->downcalls_count)
		return &contract->downcalls[message->call];
	if (message->call >= MDRV_STOCK && message->call < MDRV_STOCK_END)
		return &stock_calls[message->call - MDRV_STOCK];
	return &unknown_call;
}

struct mdrv_parcel *mdrv_parcel_new(u32 kind, u32 call, u32 seq)
{
	struct mdrv_parcel *parcel = kmalloc(sizeof(*parcel), GFP_KERNEL);

	if (!parcel)
		return NULL;
	memset(&parcel->message, 0, MDRV_HEAD);
	parcel->message.kind = kind;
	parcel->message.call = call;
	parcel->message.seq = seq;
	return parcel;
}

void mdrv_drop_all(struct list_head *queue)
{
	struct mdrv_parcel *parcel, *next;

	list_for_each_entry_safe(parcel, next, queue, node) {
		list_del(&parcel->node);
		kfree(parcel);
	}
}

static struct mdrv_parcel *copy_of(const struct mdrv_parcel *parcel)
{
	return kmemdup(parcel, offsetof(struct mdrv_parcel, message) + sizeof(parcel->message),
		       GFP_KERNEL);
}

/* Every message passes here on its way. Those that are no queue's, but an ioctl's answer, cannot be lost. */
enum mdrv_fate mdrv_crossing(struct mdrv_instance *md, struct mdrv_message *message)
{
	const char *call = call_of(md, message)->name;

	trace_mdrv_crossing(md->name, call, message);
	atomic64_inc(&md->counts.crossings);
	atomic64_add(message->bytes, &md->counts.bytes);
	return mdrv_fault_point(md, call, message);
}

/* Context: md->lock held */
static void put(struct mdrv_instance *md, struct list_head *queue, struct mdrv_parcel *parcel)
{
	if (!parcel)
		return;
	list_add_tail(&parcel->node, queue);
	md->waiting += queue == &md->to_kernel;
}

/* Put a message into a queue, if its session is still there, as the fault that is armed for it would have it. */
static void post(struct mdrv_instance *md, u32 session, struct list_head *queue,
		 struct mdrv_parcel *parcel)
{
	struct mdrv_parcel *twice = NULL, **late = &md->late[queue == &md->to_kernel];
	enum mdrv_fate fate = mdrv_crossing(md, &parcel->message);

	if (fate == MDRV_DROPPED) {
		kfree(parcel);
		return;
	}
	if (fate == MDRV_DOUBLED)
		twice = copy_of(parcel);
	spin_lock(&md->lock);
	if (md->session != session) {
		kfree(parcel);
		kfree(twice);
	} else if (fate == MDRV_OVERTAKEN && !*late) {
		*late = parcel;
	} else {
		put(md, queue, parcel);
		put(md, queue, twice);
		put(md, queue, *late);
		*late = NULL;
	}
	spin_unlock(&md->lock);
	wake_up(queue == &md->to_user ? &md->user_waits : &md->kernel_waits);
}

struct mdrv_parcel *mdrv_take_first(struct mdrv_instance *md, struct list_head *queue)
{
	struct mdrv_parcel *parcel;

	spin_lock(&md->lock);
	parcel = list_first_entry_or_null(queue, struct mdrv_parcel, node);
	if (parcel) {
		list_del(&parcel->node);
		md->waiting -= queue == &md->to_kernel;
	}
	spin_unlock(&md->lock);
	return parcel;
}

/* A message from the u-driver, within a chain. It is consumed. Return: -ENOBUFS: too many wait already */
int mdrv_hear(struct mdrv_session *session, struct mdrv_parcel *parcel)
{
	struct mdrv_instance *md = session->md;

	if (READ_ONCE(md->waiting) >= MDRV_QUEUE_MAX) {
		kfree(parcel);
		return -ENOBUFS;
	}
	post(md, session->number, &md->to_kernel, parcel);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int translate_in(struct mdrv_instance *md, u32 refs, u64 *args)
{
	int n, err;

	for (n = 0; n < MDRV_ARGS; n++)
		if (refs & BIT(n)) {
			err = mdrv_pointer_of(md, args[n], &args[n]);
			if (err)
				return err;
		}
	return 0;
}

static int translate_out(struct mdrv_instance *md, u32 refs, u64 *args)
{
	int n, err;

	for (n = 0; n < MDRV_ARGS; n++)
		if (refs & BIT(n)) {
			err = mdrv_ref_of(md, args[n], &args[n]);
			if (err)
				return err;
		}
	return 0;
}

static int stock(struct mdrv_instance *md, u32 call, const u64 *args)
{
	return call == MDRV_LOCK ? mdrv_lock_for_user(md, args[0])
				 : mdrv_unlock_for_user(md, args[0]);
}

/*
 * Do what the u-driver asks for. @answer is an empty result.
 * Return: -EPROTO: the u-driver talks nonsense; anything else is in the answer
 */
int mdrv_serve(struct mdrv_instance *md, const struct mdrv_message *ask,
	       struct mdrv_message *answer)
{
	const struct mdrv_call *call = call_of(md, ask);
	struct mdrv_buffer buffer = { .mode = MDRV_INOUT };
	u64 args[MDRV_ARGS];
	u8 *space;
	int err;

	if (ask->kind != MDRV_DOWNCALL || call == &unknown_call) {
		md->refused = "a call that there is not";
		return -EPROTO;
	}
	memcpy(args, ask->args, sizeof(args));
	if (ask->call >= MDRV_STOCK) {
		answer->status = stock(md, ask->call, args);
		return 0;
	}
	space = kmalloc(MDRV_PAYLOAD, GFP_KERNEL);
	if (!space)
		return -ENOMEM;
	buffer.data = space;
	buffer.bytes = MDRV_PAYLOAD;
	err = translate_in(md, call->refs, args) ?: mdrv_unpack(md, call, MDRV_IN, ask, &buffer);
	if (err)
		goto out;
	answer->status = md->ops->downcalls[ask->call](md, args, &buffer);
	err = translate_out(md, call->refs, args);
	memcpy(answer->args, args, sizeof(args));
	if (!buffer.bytes)
		buffer.mode = 0;
	err = err ?: mdrv_pack(md, call, MDRV_OUT, answer, &buffer);
out:
	kfree(space);
	return err;
}

static bool gone(struct mdrv_instance *md, u32 session)
{
	return READ_ONCE(md->session) != session;
}

static bool is_repeated(const struct mdrv_instance *md, const struct mdrv_message *message)
{
	return message->kind == MDRV_DOWNCALL && message->turn == md->turn;
}

/* The next message of a call, or an error. */
static struct mdrv_parcel *next(struct mdrv_instance *md, u32 session, u32 seq, ktime_t deadline)
{
	struct mdrv_parcel *parcel;

	for (;;) {
		s64 left = ktime_to_ns(ktime_sub(deadline, ktime_get()));
		long err;

		if (left <= 0)
			return ERR_PTR(-ETIMEDOUT);
		err = wait_event_killable_timeout(md->kernel_waits,
						  !list_empty(&md->to_kernel) || gone(md, session),
						  nsecs_to_jiffies(left) + 1);
		if (err < 0)
			return ERR_PTR(-EINTR);
		parcel = mdrv_take_first(md, &md->to_kernel);
		if (!parcel && gone(md, session))
			return ERR_PTR(-EIO);
		if (parcel && parcel->message.seq == seq && !is_repeated(md, &parcel->message))
			return parcel;
		if (parcel) { /* the answer to something that nobody waits for any more */
			atomic64_inc(&md->counts.stale);
			kfree(parcel);
		}
	}
}

static int answer_downcall(struct mdrv_instance *md, u32 session, const struct mdrv_message *ask)
{
	struct mdrv_parcel *answer = mdrv_parcel_new(MDRV_RESULT, ask->call, ask->seq);
	int err;

	if (!answer)
		return -ENOMEM;
	answer->message.turn = ask->turn;
	md->turn = ask->turn;
	err = mdrv_serve(md, ask, &answer->message);
	if (err)
		kfree(answer);
	else
		post(md, session, &md->to_user, answer);
	return err;
}

/* Return: -EPROTO: it is not what a u-driver may answer */
static int take_return(struct mdrv_instance *md, const struct mdrv_call *call,
		       const struct mdrv_message *message, struct mdrv_buffer *buffer)
{
	if (message->status < -MDRV_ERRNO_MAX) {
		md->refused = "a status that only the kernel knows";
		return -EPROTO;
	}
	return mdrv_unpack(md, call, MDRV_OUT, message, buffer);
}

/* Serve downcalls until the upcall's answer is there. Return: its status, or an error */
static int await_return(struct mdrv_instance *md, u32 session, u32 number, u32 seq,
			struct mdrv_buffer *buffer, bool *failed)
{
	const struct mdrv_call *call = &md->contract->upcalls[number];
	u32 deadline_ms = call->deadline_ms ?: MDRV_DEADLINE_MS;
	ktime_t deadline = ktime_add_ms(ktime_get(), deadline_ms);
	int status;

	for (;;) {
		struct mdrv_parcel *parcel = next(md, session, seq, deadline);

		*failed = true;
		if (IS_ERR(parcel))
			return PTR_ERR(parcel);
		if (parcel->message.kind == MDRV_RETURN && parcel->message.call == number) {
			status = take_return(md, call, &parcel->message, buffer);
			*failed = status < 0;
			if (!*failed)
				status = parcel->message.status;
			kfree(parcel);
			return status;
		}
		md->refused = "an answer to another call";
		status = parcel->message.kind == MDRV_DOWNCALL
				 ? answer_downcall(md, session, &parcel->message)
				 : -EPROTO;
		kfree(parcel);
		if (status)
			return status;
	}
}

/* A u-driver that is new knows nothing yet. */
void mdrv_meet(struct mdrv_instance *md, u32 session)
{
	if (md->twins_of == session)
		return;
	mdrv_forget_twins(md);
	md->turn = 0;
	md->twins_of = session;
}

/* One try, with the u-driver that is there. @failed: by the channel, not by the u-driver's own word */
static int attempt(struct mdrv_instance *md, u32 session, u32 number, const u64 *args,
		   struct mdrv_buffer *buffer, bool *failed)
{
	const struct mdrv_call *call = &md->contract->upcalls[number];
	struct mdrv_parcel *parcel = mdrv_parcel_new(MDRV_UPCALL, number, ++md->seq);
	ktime_t began = ktime_get();
	u32 seq = md->seq;
	int err;

	if (!parcel)
		return -ENOMEM;
	mdrv_meet(md, session);
	memcpy(parcel->message.args, args, sizeof(parcel->message.args));
	err = translate_out(md, call->refs, parcel->message.args)
		      ?: mdrv_pack(md, call, MDRV_IN, &parcel->message, buffer);
	if (WARN_ONCE(err, "microdriver: %s cannot be called: %d\n", call->name, err)) {
		kfree(parcel);
		return err;
	}
	post(md, session, &md->to_user, parcel);
	err = await_return(md, session, number, seq, buffer, failed);
	trace_mdrv_upcall_end(md->name, call->name, seq, err,
			      ktime_to_ns(ktime_sub(ktime_get(), began)));
	return err;
}

int mdrv_await(struct mdrv_instance *md, unsigned int timeout_ms)
{
	long left = wait_event_killable_timeout(md->kernel_waits, READ_ONCE(md->session),
						msecs_to_jiffies(timeout_ms));

	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}
EXPORT_SYMBOL_GPL(mdrv_await);

/* Until there is a u-driver, or calls are held no longer. */
static void hold(struct mdrv_instance *md)
{
	wait_event_killable_timeout(md->kernel_waits,
				    READ_ONCE(md->session) || !READ_ONCE(md->hold_ms),
				    msecs_to_jiffies(md->hold_ms));
}

/* Let others go first, who may have to clean up before a new u-driver can come. */
static void await_session(struct mdrv_instance *md)
{
	md->depth = 0;
	mdrv_let_go(md, true);
	hold(md);
	mdrv_hold(md);
	md->depth = 1;
}

static int upcall(struct mdrv_instance *md, u32 number, const u64 *args, struct mdrv_buffer *buffer)
{
	bool outermost = md->depth == 1;
	bool again = md->contract->upcalls[number].flags & MDRV_AGAIN && outermost && md->hold_ms;

	for (;;) {
		u32 session;
		u64 mark;
		bool failed = false;
		int err;

		if (!READ_ONCE(md->session) && md->hold_ms && outermost)
			await_session(md);
		session = READ_ONCE(md->session);
		mark = md->noted;
		if (!session)
			return -ENOTCONN;
		err = attempt(md, session, number, args, buffer, &failed);
		if (!failed)
			return err;
		if (err == -EPROTO)
			atomic64_inc(&md->counts.rejected);
		if (err != -EIO)
			pr_warn("microdriver: %s: the u-driver is expelled, in %s%s%s: %pe\n",
				md->name, md->contract->upcalls[number].name,
				err == -EPROTO ? ", for " : "", err == -EPROTO ? md->refused : "",
				ERR_PTR(err));
		mdrv_expel(md, session);
		mdrv_undo_to(md, mark);
		if (err != -EIO || !again)
			return err;
	}
}

/*
 * Wait for other chains to end, but no longer than for the call itself: who has
 * to undo something may want a lock that the caller holds.
 */
static int acquire(struct mdrv_instance *md, u32 number)
{
	u32 deadline_ms = md->contract->upcalls[number].deadline_ms ?: MDRV_DEADLINE_MS;
	long left = wait_event_killable_timeout(md->kernel_waits, mutex_trylock(&md->busy),
						msecs_to_jiffies(deadline_ms));

	if (left <= 0)
		return left ? -EINTR : -ETIMEDOUT;
	md->owner = current;
	return 0;
}

/* Interrupts, spinlocks, disabled preemption, and readers of RCU, who must not sleep either. */
static bool nobody_may_sleep(const struct mdrv_instance *md, u32 number)
{
	bool atomic = !preemptible() || rcu_preempt_depth();

	WARN_ONCE(atomic && READ_ONCE(warn),
		  "microdriver: %s: %s is called where nobody may sleep\n", md->name,
		  md->contract->upcalls[number].name);
	return atomic;
}

int mdrv_upcall_args(struct mdrv_instance *md, u32 number, const u64 *args,
		     struct mdrv_buffer *buffer)
{
	bool took;
	int err;

	if (WARN_ON_ONCE(number >= md->contract->upcalls_count))
		return -EINVAL;
	if (nobody_may_sleep(md, number))
		return -EDEADLK;
	took = md->owner != current;
	err = took ? acquire(md, number) : 0;
	if (err)
		return err;
	if (!took && md->depth == MDRV_DEPTH)
		return -EDEADLK;
	if (!took &&
	    !md->depth) /* in a downcall that the u-driver's own thread runs: it cannot serve */
		return -EDEADLK;
	md->owner = current;
	md->depth++;
	err = upcall(md, number, args, buffer);
	md->depth--;
	mdrv_let_go(md, took);
	return err;
}
EXPORT_SYMBOL_GPL(mdrv_upcall_args);
