// SPDX-License-Identifier: GPL-2.0
/*
 * Upcalls and downcalls.
 *
 * The k-driver's thread that makes the first upcall of a chain owns the chain.
 * While it waits for the answer it serves the u-driver's downcalls, so that they
 * run in the thread which the kernel called: locks that it holds stay its own,
 * and lockdep can follow. A downcall may lead to another upcall in the same
 * thread; the u-driver, which waits for the downcall's result, serves it first.
 */
#include <linux/delay.h>
#include <linux/export.h>
#include <linux/ktime.h>
#include <linux/moduleparam.h>
#include <linux/nospec.h>
#include <linux/preempt.h>
#include <linux/rcupdate.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "mdrv_internal.h"

#define CREATE_TRACE_POINTS
#include "mdrv_trace.h"

static bool warn = true;
module_param(warn, bool, 0644);
MODULE_PARM_DESC(warn, "warn once if a k-driver makes an upcall where it must not sleep");

static const struct mdrv_call mdrv_stock_calls[] = {
	[MDRV_LOCK - MDRV_STOCK] = { .name = "lock" },
	[MDRV_UNLOCK - MDRV_STOCK] = { .name = "unlock" },
	[MDRV_PRINT - MDRV_STOCK] = { .name = "print" },
	[MDRV_GATE_CLOSE - MDRV_STOCK] = { .name = "gate_close" },
	[MDRV_GATE_OPEN - MDRV_STOCK] = { .name = "gate_open" },
};

static const struct mdrv_call mdrv_unknown_call = { .name = "?" };

/* @number may be the u-driver's: the processor does not speculate beyond the table either. */
static const struct mdrv_call *mdrv_call_at(const struct mdrv_call *calls, u32 count, u32 number)
{
	return number < count ? &calls[array_index_nospec(number, count)] : &mdrv_unknown_call;
}

static const struct mdrv_call *mdrv_call_of(struct mdrv_instance *md,
					    const struct mdrv_message *message)
{
	const struct mdrv_contract *contract = md->contract;
	u32 number = message->call;

	if (message->kind == MDRV_UPCALL || message->kind == MDRV_RETURN)
		return mdrv_call_at(contract->upcalls, contract->upcalls_count, number);
	if (number >= MDRV_STOCK)
		return mdrv_call_at(mdrv_stock_calls, MDRV_STOCK_END - MDRV_STOCK,
				    number - MDRV_STOCK);
	return mdrv_call_at(contract->downcalls, contract->downcalls_count, number);
}

static struct mdrv_parcel *mdrv_parcel_copy(const struct mdrv_parcel *parcel)
{
	struct mdrv_parcel *copy = mdrv_parcel_of(parcel->room);

	if (!copy)
		return NULL;
	memcpy(&copy->message, &parcel->message, MDRV_HEAD);
	memcpy(copy->message.payload, parcel->message.payload, parcel->message.bytes);
	return copy;
}

/*
 * Every message passes here on its way. A message that is an ioctl's answer is in
 * no queue: its caller ignores the fate, and it cannot be lost.
 */
enum mdrv_fate mdrv_cross(struct mdrv_instance *md, struct mdrv_message *message)
{
	const char *call = mdrv_call_of(md, message)->name;

	trace_mdrv_crossing(md->name, call, message);
	atomic64_inc(&md->counts.crossings);
	atomic64_add(message->bytes, &md->counts.bytes);
	return mdrv_fault_point(md, call, message);
}

/* Return: -ENOBUFS: too many wait for the kernel's half already, and @parcel is gone */
static int mdrv_enqueue(struct mdrv_instance *md, struct list_head *queue,
			struct mdrv_parcel *parcel) __must_hold(&md->lock)
{
	lockdep_assert_held(&md->lock);
	if (!parcel)
		return 0;
	if (queue == &md->to_kernel) {
		if (md->waiting == MDRV_QUEUE_MAX) {
			kvfree(parcel);
			return -ENOBUFS;
		}
		md->waiting++;
	}
	list_add_tail(&parcel->node, queue);
	return 0;
}

/*
 * Put a message into a queue, unless its session is over or an armed fault decides otherwise.
 * Return: 0, or -ENOBUFS: the queue is full
 */
static int mdrv_post(struct mdrv_instance *md, u32 session, struct list_head *queue,
		     struct mdrv_parcel *parcel)
{
	struct mdrv_parcel *twice = NULL, **late = &md->late[queue == &md->to_kernel];
	enum mdrv_fate fate = mdrv_cross(md, &parcel->message);
	int err = 0;

	if (fate == MDRV_DROPPED) {
		kvfree(parcel);
		return 0;
	}
	if (fate == MDRV_DOUBLED)
		twice = mdrv_parcel_copy(parcel);
	spin_lock(&md->lock);
	if (md->session != session) {
		kvfree(parcel);
		kvfree(twice);
	} else if (fate == MDRV_OVERTAKEN && !*late) {
		*late = parcel;
	} else {
		err = mdrv_enqueue(md, queue, parcel);
		mdrv_enqueue(md, queue, twice);
		mdrv_enqueue(md, queue, *late);
		*late = NULL;
	}
	spin_unlock(&md->lock);
	wake_up(queue == &md->to_user ? &md->user_waits : &md->kernel_waits);
	return err;
}

struct mdrv_parcel *mdrv_parcel_take(struct mdrv_instance *md, struct list_head *queue)
{
	struct mdrv_parcel *parcel;

	spin_lock(&md->lock);
	parcel = list_first_entry_or_null(queue, struct mdrv_parcel, node);
	if (parcel) {
		list_del(&parcel->node);
		if (queue == &md->to_kernel)
			md->waiting--;
	}
	spin_unlock(&md->lock);
	return parcel;
}

/* Take a message of a chain from the u-driver. Return: -ENOBUFS: too many wait already */
int mdrv_answer_arrived(struct mdrv_session *session, struct mdrv_parcel *parcel)
{
	struct mdrv_instance *md = session->md;
	int err = mdrv_post(md, session->number, &md->to_kernel, parcel);

	return !err && fatal_signal_pending(current) ? -EINTR : err;
}

static int mdrv_translate_in(struct mdrv_instance *md, u32 refs, u64 *args)
{
	u64 room;
	int n, err;

	for (n = 0; n < MDRV_ARGS; n++)
		if (refs & BIT(n)) {
			err = mdrv_pointer_of(md, args[n], &args[n], &room);
			if (err)
				return err;
		}
	return 0;
}

static int mdrv_translate_out(struct mdrv_instance *md, u32 refs, u64 *args)
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

/* Put the fields into an answer, in a larger parcel if they do not fit. */
static int mdrv_pack_answer(struct mdrv_instance *md, const struct mdrv_call *call,
			    const struct mdrv_call *up, struct mdrv_parcel **answer,
			    const struct mdrv_buffer *buffer) __must_hold(&md->busy)
{
	int err;

	lockdep_assert_held(&md->busy);
	do
		err = mdrv_pack(md, call, up, MDRV_OUT, &(*answer)->message, buffer);
	while (err == -E2BIG && mdrv_parcel_grow(md, answer));
	return err;
}

/* Return: 0, with the status in @answer, or -EPROTO */
static int mdrv_serve_plain(struct mdrv_instance *md, const struct mdrv_call *call,
			    const struct mdrv_message *ask, struct mdrv_parcel **answer,
			    struct mdrv_buffer *buffer) __must_hold(&md->busy)
{
	struct mdrv_message *to = &(*answer)->message;
	u64 args[MDRV_ARGS];
	int err;

	lockdep_assert_held(&md->busy);
	memcpy(args, ask->args, sizeof(args));
	err = mdrv_translate_in(md, call->refs, args)
		      ?: mdrv_unpack(md, call, NULL, MDRV_IN, ask, buffer);
	if (err)
		return err;
	to->status = md->ops->downcalls[call - md->contract->downcalls](md, args, buffer);
	err = mdrv_translate_out(md, call->refs, args);
	memcpy(to->args, args, sizeof(args));
	if (!buffer->bytes)
		buffer->mode = 0;
	return err ?: mdrv_pack_answer(md, call, NULL, answer, buffer);
}

/*
 * What a sliced u-driver has written is there before the gate opens, and what the
 * k-driver has written meanwhile comes when it has closed.
 */
static int mdrv_serve_gate(struct mdrv_instance *md, const struct mdrv_call *call,
			   const struct mdrv_message *ask, struct mdrv_parcel **answer)
	__must_hold(&md->busy)
{
	int err = mdrv_unpack(md, call, md->up, MDRV_IN, ask, NULL);

	lockdep_assert_held(&md->busy);
	if (err)
		return err;
	(*answer)->message.status =
		ask->call == MDRV_GATE_CLOSE ? mdrv_gate_close(md) : mdrv_gate_open(md);
	return mdrv_pack_answer(md, call, md->up, answer, NULL);
}

/* Return: 0, with the status in @answer, or -EPROTO */
static int mdrv_serve_stock(struct mdrv_instance *md, const struct mdrv_call *call,
			    const struct mdrv_message *ask, struct mdrv_parcel **answer,
			    struct mdrv_buffer *buffer) __must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	switch (ask->call) {
	case MDRV_LOCK:
		(*answer)->message.status = mdrv_lock_for_user(md, ask->args[0]);
		return 0;
	case MDRV_UNLOCK:
		(*answer)->message.status = mdrv_unlock_for_user(md, ask->args[0]);
		return 0;
	case MDRV_PRINT:
		return mdrv_unpack(md, call, NULL, MDRV_IN, ask, buffer)
			       ?: mdrv_print(md, ask->args, buffer);
	default:
		return mdrv_serve_gate(md, call, ask, answer);
	}
}

/*
 * Do what the u-driver asks for. @answer is an empty result.
 * Return: -EPROTO: the u-driver talks nonsense; anything else is in the answer
 */
int mdrv_serve(struct mdrv_instance *md, const struct mdrv_message *ask,
	       struct mdrv_parcel **answer)
{
	const struct mdrv_call *call = mdrv_call_of(md, ask);
	struct mdrv_buffer buffer = { .mode = MDRV_INOUT, .bytes = MDRV_PAYLOAD };
	int err;

	lockdep_assert_held(&md->busy);
	if (ask->kind != MDRV_DOWNCALL || call == &mdrv_unknown_call) {
		md->refused = "a call that there is not";
		return -EPROTO;
	}
	if (call->signature)
		return mdrv_serve_signed(md, call, ask, answer);
	buffer.data = kmalloc(MDRV_PAYLOAD, GFP_KERNEL);
	if (!buffer.data)
		return -ENOMEM;
	err = ask->call < MDRV_STOCK ? mdrv_serve_plain(md, call, ask, answer, &buffer)
				     : mdrv_serve_stock(md, call, ask, answer, &buffer);
	kfree(buffer.data);
	return err;
}

static bool mdrv_session_is_over(struct mdrv_instance *md, u32 session)
{
	return READ_ONCE(md->session) != session;
}

static bool mdrv_is_repeated(const struct mdrv_instance *md, const struct mdrv_message *message)
{
	return message->kind == MDRV_DOWNCALL && message->turn == md->turn;
}

/*
 * How long to wait for a message: in jiffies; 0: the deadline is over. A patient
 * instance looks every second whether it is patient still.
 */
static long mdrv_time_left(const struct mdrv_instance *md, ktime_t deadline)
{
	s64 left = ktime_to_ns(ktime_sub(deadline, ktime_get()));

	if (left > 0)
		return nsecs_to_jiffies(left) + 1;
	return READ_ONCE(md->patient) ? HZ : 0;
}

/* There is a message for a kernel thread, or will be none. */
static bool mdrv_has_news(struct mdrv_instance *md, u32 session)
{
	return !list_empty(&md->to_kernel) || mdrv_session_is_over(md, session);
}

/* The next message of a call, or an error. */
static struct mdrv_parcel *mdrv_next_message(struct mdrv_instance *md, u32 session, u32 seq,
					     ktime_t deadline)
{
	struct mdrv_parcel *parcel;

	for (;;) {
		long left = mdrv_time_left(md, deadline);
		long err;

		if (!left)
			return ERR_PTR(-ETIMEDOUT);
		err = wait_event_killable_timeout(md->kernel_waits, mdrv_has_news(md, session),
						  left);
		if (err < 0)
			return ERR_PTR(-EINTR);
		parcel = mdrv_parcel_take(md, &md->to_kernel);
		if (!parcel && mdrv_session_is_over(md, session))
			return ERR_PTR(-EIO);
		if (parcel && parcel->message.seq == seq && !mdrv_is_repeated(md, &parcel->message))
			return parcel;
		if (parcel) { /* an answer that nobody waits for any more */
			atomic64_inc(&md->counts.stale);
			kvfree(parcel);
		}
	}
}

static int mdrv_answer_downcall(struct mdrv_instance *md, u32 session,
				const struct mdrv_message *ask)
{
	struct mdrv_parcel *answer = mdrv_parcel_new(MDRV_RESULT, ask->call, ask->seq);
	int err;

	if (!answer)
		return -ENOMEM;
	answer->message.turn = ask->turn;
	md->turn = ask->turn;
	err = mdrv_serve(md, ask, &answer);
	if (err)
		kvfree(answer);
	else
		mdrv_post(md, session, &md->to_user, answer);
	return err;
}

/* Return: -EPROTO: it is not what a u-driver may answer */
static int mdrv_take_return(struct mdrv_instance *md, const struct mdrv_call *call,
			    const struct mdrv_message *message, struct mdrv_buffer *buffer,
			    struct mdrv_signed *how) __must_hold(&md->busy)
{
	int err;

	lockdep_assert_held(&md->busy);
	if (message->status < -MDRV_ERRNO_MAX) {
		md->refused = "a status that only the kernel knows";
		return -EPROTO;
	}
	err = how ? mdrv_signed_check(md, call, how, message) : 0;
	err = err ?: mdrv_unpack(md, call, NULL, MDRV_OUT, message, buffer);
	if (!err && how && !message->status)
		mdrv_signed_take(how, message);
	return err;
}

static unsigned int mdrv_deadline_ms(const struct mdrv_call *call)
{
	return call->deadline_ms ?: MDRV_DEADLINE_MS;
}

/*
 * Serve a downcall. Of a sliced driver the deadline is the u-driver's own: the time
 * that functions of the kernel take in between does not count, up to a bound.
 */
static int mdrv_answer_in_time(struct mdrv_instance *md, u32 session,
			       const struct mdrv_message *ask, bool sliced, ktime_t *deadline,
			       ktime_t latest) __must_hold(&md->busy)
{
	ktime_t began = ktime_get();
	int err = mdrv_answer_downcall(md, session, ask);

	lockdep_assert_held(&md->busy);
	if (sliced) {
		*deadline = ktime_add(*deadline, ktime_sub(ktime_get(), began));
		*deadline = min(*deadline, latest);
	}
	return err;
}

/* Serve downcalls until the upcall's answer is there. Return: its status, or an error */
static int mdrv_await_return(struct mdrv_instance *md, u32 session, u32 number, u32 seq,
			     struct mdrv_buffer *buffer, struct mdrv_signed *how, bool *failed)
	__must_hold(&md->busy)
{
	const struct mdrv_call *call = &md->contract->upcalls[number];
	ktime_t deadline = ktime_add_ms(ktime_get(), mdrv_deadline_ms(call));
	ktime_t latest = ktime_add_ms(deadline, MDRV_SERVED_MS);
	int status;

	for (;;) {
		struct mdrv_parcel *parcel = mdrv_next_message(md, session, seq, deadline);

		*failed = true;
		if (IS_ERR(parcel))
			return PTR_ERR(parcel);
		if (parcel->message.kind == MDRV_RETURN && parcel->message.call == number) {
			status = mdrv_take_return(md, call, &parcel->message, buffer, how);
			*failed = status < 0;
			if (!*failed)
				status = parcel->message.status;
			kvfree(parcel);
			return status;
		}
		md->refused = "an answer to another call";
		status = parcel->message.kind == MDRV_DOWNCALL
				 ? mdrv_answer_in_time(md, session, &parcel->message, how,
						       &deadline, latest)
				 : -EPROTO;
		kvfree(parcel);
		if (status)
			return status;
	}
}

/* A new u-driver knows nothing yet, and holds no lock. */
void mdrv_begin_session(struct mdrv_instance *md, u32 session)
{
	lockdep_assert_held(&md->busy);
	if (md->twins_of == session)
		return;
	mdrv_locks_release(md, session);
	mdrv_gate_release(md, session);
	mdrv_forget_twins(md);
	mdrv_forget_foreigners(md);
	md->turn = 0;
	md->twins_of = session;
}

/* The message of an upcall, in a parcel that it fits into. Return: 0 or -errno */
static int mdrv_pack_upcall(struct mdrv_instance *md, const struct mdrv_call *call, const u64 *args,
			    const struct mdrv_buffer *buffer, struct mdrv_signed *how,
			    struct mdrv_parcel **parcel) __must_hold(&md->busy)
{
	int err;

	lockdep_assert_held(&md->busy);
	do {
		struct mdrv_message *to = &(*parcel)->message;

		memcpy(to->args, args, sizeof(to->args));
		err = how ? mdrv_signed_out(md, call, how, to)
			  : mdrv_translate_out(md, call->refs, to->args);
		err = err ?: mdrv_pack(md, call, NULL, MDRV_IN, to, buffer);
	} while (err == -E2BIG && mdrv_parcel_grow(md, parcel));
	return err;
}

/* Make an upcall once. @failed: the channel failed, whatever the u-driver's status is */
static int mdrv_attempt(struct mdrv_instance *md, u32 session, u32 number, const u64 *args,
			struct mdrv_buffer *buffer, struct mdrv_signed *how, bool *failed)
	__must_hold(&md->busy)
{
	const struct mdrv_call *call = &md->contract->upcalls[number], *before = md->up;
	struct mdrv_parcel *parcel = mdrv_parcel_new(MDRV_UPCALL, number, ++md->seq);
	ktime_t began = ktime_get();
	u32 seq = md->seq;
	int err;

	if (!parcel)
		return -ENOMEM;
	mdrv_begin_session(md, session);
	err = mdrv_pack_upcall(md, call, args, buffer, how, &parcel);
	if (WARN_ONCE(err, "microdriver: %s cannot be called: %d\n", call->name, err)) {
		kvfree(parcel);
		return err;
	}
	mdrv_post(md, session, &md->to_user, parcel);
	md->up = how ? call : NULL;
	err = mdrv_await_return(md, session, number, seq, buffer, how, failed);
	md->up = before;
	trace_mdrv_upcall_end(md->name, call->name, seq, err,
			      ktime_to_ns(ktime_sub(ktime_get(), began)));
	return err;
}

/**
 * mdrv_await() - wait until a u-driver is attached
 * @md: the instance
 * @timeout_ms: how long to wait
 *
 * Context: process, outside of any chain of @md.
 * Return: 0, -ETIMEDOUT, or -EINTR if the caller was killed.
 */
int mdrv_await(struct mdrv_instance *md, unsigned int timeout_ms)
{
	long left = wait_event_killable_timeout(md->kernel_waits, READ_ONCE(md->session),
						msecs_to_jiffies(timeout_ms));

	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}
EXPORT_SYMBOL_GPL(mdrv_await);

/*
 * Leave the chain until a u-driver is attached, or calls are held no longer:
 * others may have to clean up before a new u-driver can come.
 * Return: 0, or -EINTR: the caller was killed
 */
static int mdrv_wait_for_udriver(struct mdrv_instance *md) __must_hold(&md->busy)
{
	long left;

	md->depth = 0;
	mdrv_chain_unlock(md);
	left = wait_event_killable_timeout(md->kernel_waits,
					   READ_ONCE(md->session) || !READ_ONCE(md->hold_ms),
					   msecs_to_jiffies(READ_ONCE(md->hold_ms)));
	mdrv_chain_lock(md);
	md->depth = 1;
	return left < 0 ? -EINTR : 0;
}

static void mdrv_report_expulsion(struct mdrv_instance *md, u32 number, int err)
	__must_hold(&md->busy)
{
	const char *name = md->contract->upcalls[number].name;

	if (err == -EPROTO) {
		atomic64_inc(&md->counts.rejected);
		pr_warn("microdriver: %s: the u-driver is expelled, in %s, for %s: %pe\n", md->name,
			name, md->refused, ERR_PTR(err));
	} else if (err != -EIO) {
		pr_warn("microdriver: %s: the u-driver is expelled, in %s: %pe\n", md->name, name,
			ERR_PTR(err));
	}
}

/* Make an upcall, again if the contract allows it and the u-driver died within it. */
static int mdrv_run_upcall(struct mdrv_instance *md, u32 number, const u64 *args,
			   struct mdrv_buffer *buffer, struct mdrv_signed *how)
	__must_hold(&md->busy)
{
	bool held = md->depth == 1 && READ_ONCE(md->hold_ms);
	u32 flags = md->contract->upcalls[number].flags;
	bool repeated = false;

	lockdep_assert_held(&md->busy);
	for (;;) {
		bool failed = false;
		u32 session;
		u64 mark;
		int err = 0;

		if (held && !READ_ONCE(md->session))
			err = mdrv_wait_for_udriver(md);
		if (err)
			return err;
		session = READ_ONCE(md->session);
		mark = md->noted;
		if (!session)
			return -ENOTCONN;
		if (md->depth == 1) { /* others may have had the chain meanwhile */
			md->again = repeated;
			md->endings = 0;
			md->attempts++;
		}
		err = mdrv_attempt(md, session, number, args, buffer, how, &failed);
		if (!failed)
			return err;
		mdrv_report_expulsion(md, number, err);
		mdrv_expel(md, session);
		mdrv_gate_release(md, 0); /* what is undone may wait for those whom it keeps out */
		mdrv_undo_to(md, mark);
		if (md->depth == 1 && flags & MDRV_ENDS && md->endings) {
			mdrv_give_back_rest(md);
			return 0;
		}
		if (err != -EIO || !held || !(flags & MDRV_AGAIN))
			return err;
		repeated = true;
	}
}

/* Interrupts, spinlocks, disabled preemption, and readers of RCU must not sleep. */
static bool mdrv_cannot_sleep(const struct mdrv_instance *md, u32 number)
{
	bool atomic = !preemptible() || rcu_preempt_depth();

	WARN_ONCE(atomic && READ_ONCE(warn),
		  "microdriver: %s: %s is called where nobody may sleep\n", md->name,
		  md->contract->upcalls[number].name);
	return atomic;
}

static int mdrv_upcall_in_chain(struct mdrv_instance *md, u32 number, const u64 *args,
				struct mdrv_buffer *buffer, struct mdrv_signed *how)
	__must_hold(&md->busy)
{
	u64 before = md->root;
	int err;

	md->depth++;
	md->root = mdrv_root_of(md, &md->contract->upcalls[number], how);
	err = mdrv_run_upcall(md, number, args, buffer, how);
	md->root = before;
	md->depth--;
	if (!md->depth) {
		md->again = false;
		mdrv_forget_held(md);
		mdrv_unshare_lent(md);
	}
	return err;
}

/* Make an upcall that begins a chain. */
static int mdrv_upcall_outside(struct mdrv_instance *md, u32 number, const u64 *args,
			       struct mdrv_buffer *buffer, struct mdrv_signed *how)
{
	int err = mdrv_chain_lock_timeout(md, mdrv_deadline_ms(&md->contract->upcalls[number]));

	if (err)
		return err;
	err = mdrv_upcall_in_chain(md, number, args, buffer, how);
	mdrv_chain_unlock(md);
	return err;
}

/**
 * mdrv_upcall_args() - call the u-driver; mdrv_upcall() reads like a local call
 * @md: the instance
 * @number: of the upcall, in the contract
 * @args: MDRV_ARGS of them; those that the contract calls references are kernel pointers
 * @buffer: data of no fixed place that crosses with the call; may be NULL
 *
 * Another chain is waited for no longer than the upcall itself may take: whoever
 * has to undo something may want a lock that the caller holds.
 *
 * Context: process, interrupts on, no spinlock held, outside of any chain of @md.
 * Return: the u-driver's status; -ENOTCONN: there is no u-driver; -EIO: it died;
 * -ETIMEDOUT: it was late and is expelled; -EPROTO: it answered nonsense and is
 * expelled; -EINTR: the caller was killed; -EDEADLK: called where it must not
 * sleep or within a chain, with one warning (the former is silent if the
 * module's parameter "warn" is off).
 */
int mdrv_upcall_args(struct mdrv_instance *md, u32 number, const u64 *args,
		     struct mdrv_buffer *buffer)
{
	if (WARN_ON_ONCE(number >= md->contract->upcalls_count))
		return -EINVAL;
	if (mdrv_cannot_sleep(md, number))
		return -EDEADLK;
	if (WARN_ONCE(mdrv_chain_is_ours(md),
		      "microdriver: %s: a downcall must call %s by __mdrv_upcall()\n", md->name,
		      md->contract->upcalls[number].name))
		return -EDEADLK;
	return mdrv_upcall_outside(md, number, args, buffer, NULL);
}
EXPORT_SYMBOL_GPL(mdrv_upcall_args);

/**
 * __mdrv_upcall_args() - call the u-driver within a chain, by __mdrv_upcall()
 * @md: the instance
 * @number: of the upcall, in the contract
 * @args: as for mdrv_upcall_args()
 * @buffer: as for mdrv_upcall_args()
 *
 * Context: in a downcall.
 * Return: as mdrv_upcall_args(); -EDEADLK: too deep, or in a downcall outside of
 * any upcall, whose u-driver waits and cannot serve.
 */
int __mdrv_upcall_args(struct mdrv_instance *md, u32 number, const u64 *args,
		       struct mdrv_buffer *buffer)
{
	lockdep_assert_held(&md->busy);
	if (WARN_ON_ONCE(number >= md->contract->upcalls_count))
		return -EINVAL;
	if (mdrv_cannot_sleep(md, number) || !md->depth || md->depth == MDRV_DEPTH)
		return -EDEADLK;
	return mdrv_upcall_in_chain(md, number, args, buffer, NULL);
}
EXPORT_SYMBOL_GPL(__mdrv_upcall_args);

static int mdrv_upcall_signed(struct mdrv_instance *md, u32 number, struct mdrv_signed *how)
{
	if (WARN_ON_ONCE(number >= md->contract->upcalls_count ||
			 !md->contract->upcalls[number].signature))
		return -EINVAL;
	if (mdrv_cannot_sleep(md, number))
		return -EDEADLK;
	if (!mdrv_chain_is_ours(md))
		return mdrv_upcall_outside(md, number, how->args, NULL, how);
	if (!md->depth || md->depth == MDRV_DEPTH)
		return -EDEADLK;
	return mdrv_upcall_in_chain(md, number, how->args, NULL, how);
}

/**
 * mdrv_sliced_upcall() - call the u-driver by the call's signature; see mdrv_sliced()
 * @md: the instance
 * @number: of the upcall, in the contract
 * @buffer_bytes: the size of what a MDRV_BUFFER argument leads to
 * @args: MDRV_ARGS of them, pointers as the kernel has them
 * @err: 0, or why there is no result: as mdrv_upcall_args(), or the error of the
 * u-driver's half of the runtime
 *
 * Context: process, interrupts on, no spinlock held, within a chain of @md or
 * outside.
 * Return: the result, with a kernel pointer for a reference; 0 if there is none.
 */
u64 mdrv_sliced_upcall(struct mdrv_instance *md, u32 number, u32 buffer_bytes, const u64 *args,
		       int *err)
{
	struct mdrv_signed how = { .args = args, .buffer_bytes = buffer_bytes };

	*err = mdrv_upcall_signed(md, number, &how);
	return *err ? 0 : how.value;
}
EXPORT_SYMBOL_GPL(mdrv_sliced_upcall);
