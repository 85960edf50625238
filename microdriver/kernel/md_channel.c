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

#include "md_internal.h"

#define CREATE_TRACE_POINTS
#include "md_trace.h"

static bool warn = true;
module_param(warn, bool, 0644);
MODULE_PARM_DESC(warn, "say so, once, if a k-driver calls from where nobody may sleep");

static const struct md_call stock_calls[] = {
	[MD_LOCK - MD_STOCK] = { .name = "lock" },
	[MD_UNLOCK - MD_STOCK] = { .name = "unlock" },
};
static const struct md_call unknown_call = { .name = "?" };

static const struct md_call *call_of(struct md_instance *md, const struct md_message *message)
{
	const struct md_contract *contract = md->contract;
	bool up = message->kind == MD_UPCALL || message->kind == MD_RETURN;

	if (up)
		return message->call < contract->upcalls_count ? &contract->upcalls[message->call]
							       : &unknown_call;
	if (message->call < contract->downcalls_count)
		return &contract->downcalls[message->call];
	if (message->call >= MD_STOCK && message->call < MD_STOCK_END)
		return &stock_calls[message->call - MD_STOCK];
	return &unknown_call;
}

struct md_parcel *md_parcel_new(u32 kind, u32 call, u32 seq)
{
	struct md_parcel *parcel = kmalloc(sizeof(*parcel), GFP_KERNEL);

	if (!parcel)
		return NULL;
	memset(&parcel->message, 0, MD_HEAD);
	parcel->message.kind = kind;
	parcel->message.call = call;
	parcel->message.seq = seq;
	return parcel;
}

void md_drop_all(struct list_head *queue)
{
	struct md_parcel *parcel, *next;

	list_for_each_entry_safe(parcel, next, queue, node) {
		list_del(&parcel->node);
		kfree(parcel);
	}
}

static struct md_parcel *copy_of(const struct md_parcel *parcel)
{
	return kmemdup(parcel, offsetof(struct md_parcel, message) + sizeof(parcel->message),
		       GFP_KERNEL);
}

/* Every message passes here on its way. Those that are no queue's, but an ioctl's answer, cannot be lost. */
enum md_fate md_crossing(struct md_instance *md, struct md_message *message)
{
	const char *call = call_of(md, message)->name;

	trace_md_crossing(md->name, call, message);
	atomic64_inc(&md->counts.crossings);
	atomic64_add(message->bytes, &md->counts.bytes);
	return md_fault_point(md, call, message);
}

/* Context: md->lock held */
static void put(struct md_instance *md, struct list_head *queue, struct md_parcel *parcel)
{
	if (!parcel)
		return;
	list_add_tail(&parcel->node, queue);
	md->waiting += queue == &md->to_kernel;
}

/* Put a message into a queue, if its session is still there, as the fault that is armed for it would have it. */
static void post(struct md_instance *md, u32 session, struct list_head *queue,
		 struct md_parcel *parcel)
{
	struct md_parcel *twice = NULL, **late = &md->late[queue == &md->to_kernel];
	enum md_fate fate = md_crossing(md, &parcel->message);

	if (fate == MD_DROPPED) {
		kfree(parcel);
		return;
	}
	if (fate == MD_DOUBLED)
		twice = copy_of(parcel);
	spin_lock(&md->lock);
	if (md->session != session) {
		kfree(parcel);
		kfree(twice);
	} else if (fate == MD_OVERTAKEN && !*late) {
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

struct md_parcel *md_take_first(struct md_instance *md, struct list_head *queue)
{
	struct md_parcel *parcel;

	spin_lock(&md->lock);
	parcel = list_first_entry_or_null(queue, struct md_parcel, node);
	if (parcel) {
		list_del(&parcel->node);
		md->waiting -= queue == &md->to_kernel;
	}
	spin_unlock(&md->lock);
	return parcel;
}

/* A message from the u-driver, within a chain. It is consumed. Return: -ENOBUFS: too many wait already */
int md_hear(struct md_session *session, struct md_parcel *parcel)
{
	struct md_instance *md = session->md;

	if (READ_ONCE(md->waiting) >= MD_QUEUE_MAX) {
		kfree(parcel);
		return -ENOBUFS;
	}
	post(md, session->number, &md->to_kernel, parcel);
	return fatal_signal_pending(current) ? -EINTR : 0;
}

static int translate_in(struct md_instance *md, u32 refs, u64 *args)
{
	int n, err;

	for (n = 0; n < MD_ARGS; n++)
		if (refs & BIT(n)) {
			err = md_pointer_of(md, args[n], &args[n]);
			if (err)
				return err;
		}
	return 0;
}

static int translate_out(struct md_instance *md, u32 refs, u64 *args)
{
	int n, err;

	for (n = 0; n < MD_ARGS; n++)
		if (refs & BIT(n)) {
			err = md_ref_of(md, args[n], &args[n]);
			if (err)
				return err;
		}
	return 0;
}

static int stock(struct md_instance *md, u32 call, const u64 *args)
{
	return call == MD_LOCK ? md_lock_for_user(md, args[0]) : md_unlock_for_user(md, args[0]);
}

/*
 * Do what the u-driver asks for. @answer is an empty result.
 * Return: -EPROTO: the u-driver talks nonsense; anything else is in the answer
 */
int md_serve(struct md_instance *md, const struct md_message *ask, struct md_message *answer)
{
	const struct md_call *call = call_of(md, ask);
	struct md_buffer buffer = { .mode = MD_INOUT };
	u64 args[MD_ARGS];
	u8 *space;
	int err;

	if (ask->kind != MD_DOWNCALL || call == &unknown_call) {
		md->refused = "a call that there is not";
		return -EPROTO;
	}
	memcpy(args, ask->args, sizeof(args));
	if (ask->call >= MD_STOCK) {
		answer->status = stock(md, ask->call, args);
		return 0;
	}
	space = kmalloc(MD_PAYLOAD, GFP_KERNEL);
	if (!space)
		return -ENOMEM;
	buffer.data = space;
	buffer.bytes = MD_PAYLOAD;
	err = translate_in(md, call->refs, args) ?: md_unpack(md, call, MD_IN, ask, &buffer);
	if (err)
		goto out;
	answer->status = md->ops->downcalls[ask->call](md, args, &buffer);
	err = translate_out(md, call->refs, args);
	memcpy(answer->args, args, sizeof(args));
	if (!buffer.bytes)
		buffer.mode = 0;
	err = err ?: md_pack(md, call, MD_OUT, answer, &buffer);
out:
	kfree(space);
	return err;
}

static bool gone(struct md_instance *md, u32 session)
{
	return READ_ONCE(md->session) != session;
}

static bool is_repeated(const struct md_instance *md, const struct md_message *message)
{
	return message->kind == MD_DOWNCALL && message->turn == md->turn;
}

/* The next message of a call, or an error. */
static struct md_parcel *next(struct md_instance *md, u32 session, u32 seq, ktime_t deadline)
{
	struct md_parcel *parcel;

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
		parcel = md_take_first(md, &md->to_kernel);
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

static int answer_downcall(struct md_instance *md, u32 session, const struct md_message *ask)
{
	struct md_parcel *answer = md_parcel_new(MD_RESULT, ask->call, ask->seq);
	int err;

	if (!answer)
		return -ENOMEM;
	answer->message.turn = ask->turn;
	md->turn = ask->turn;
	err = md_serve(md, ask, &answer->message);
	if (err)
		kfree(answer);
	else
		post(md, session, &md->to_user, answer);
	return err;
}

/* Return: -EPROTO: it is not what a u-driver may answer */
static int take_return(struct md_instance *md, const struct md_call *call,
		       const struct md_message *message, struct md_buffer *buffer)
{
	if (message->status < -MD_ERRNO_MAX) {
		md->refused = "a status that only the kernel knows";
		return -EPROTO;
	}
	return md_unpack(md, call, MD_OUT, message, buffer);
}

/* Serve downcalls until the upcall's answer is there. Return: its status, or an error */
static int await_return(struct md_instance *md, u32 session, u32 number, u32 seq,
			struct md_buffer *buffer, bool *failed)
{
	const struct md_call *call = &md->contract->upcalls[number];
	u32 deadline_ms = call->deadline_ms ?: MD_DEADLINE_MS;
	ktime_t deadline = ktime_add_ms(ktime_get(), deadline_ms);
	int status;

	for (;;) {
		struct md_parcel *parcel = next(md, session, seq, deadline);

		*failed = true;
		if (IS_ERR(parcel))
			return PTR_ERR(parcel);
		if (parcel->message.kind == MD_RETURN && parcel->message.call == number) {
			status = take_return(md, call, &parcel->message, buffer);
			*failed = status < 0;
			if (!*failed)
				status = parcel->message.status;
			kfree(parcel);
			return status;
		}
		md->refused = "an answer to another call";
		status = parcel->message.kind == MD_DOWNCALL
				 ? answer_downcall(md, session, &parcel->message)
				 : -EPROTO;
		kfree(parcel);
		if (status)
			return status;
	}
}

/* A u-driver that is new knows nothing yet. */
void md_meet(struct md_instance *md, u32 session)
{
	if (md->twins_of == session)
		return;
	md_forget_twins(md);
	md->turn = 0;
	md->twins_of = session;
}

/* One try, with the u-driver that is there. @failed: by the channel, not by the u-driver's own word */
static int attempt(struct md_instance *md, u32 session, u32 number, const u64 *args,
		   struct md_buffer *buffer, bool *failed)
{
	const struct md_call *call = &md->contract->upcalls[number];
	struct md_parcel *parcel = md_parcel_new(MD_UPCALL, number, ++md->seq);
	ktime_t began = ktime_get();
	u32 seq = md->seq;
	int err;

	if (!parcel)
		return -ENOMEM;
	md_meet(md, session);
	memcpy(parcel->message.args, args, sizeof(parcel->message.args));
	err = translate_out(md, call->refs, parcel->message.args)
		      ?: md_pack(md, call, MD_IN, &parcel->message, buffer);
	if (WARN_ONCE(err, "microdriver: %s cannot be called: %d\n", call->name, err)) {
		kfree(parcel);
		return err;
	}
	post(md, session, &md->to_user, parcel);
	err = await_return(md, session, number, seq, buffer, failed);
	trace_md_upcall_end(md->name, call->name, seq, err,
			    ktime_to_ns(ktime_sub(ktime_get(), began)));
	return err;
}

int md_await(struct md_instance *md, unsigned int timeout_ms)
{
	long left = wait_event_killable_timeout(md->kernel_waits, READ_ONCE(md->session),
						msecs_to_jiffies(timeout_ms));

	if (left < 0)
		return -EINTR;
	return left ? 0 : -ETIMEDOUT;
}
EXPORT_SYMBOL_GPL(md_await);

/* Until there is a u-driver, or calls are held no longer. */
static void hold(struct md_instance *md)
{
	wait_event_killable_timeout(md->kernel_waits,
				    READ_ONCE(md->session) || !READ_ONCE(md->hold_ms),
				    msecs_to_jiffies(md->hold_ms));
}

/* Let others go first, who may have to clean up before a new u-driver can come. */
static void await_session(struct md_instance *md)
{
	md->depth = 0;
	md_let_go(md, true);
	hold(md);
	md_hold(md);
	md->depth = 1;
}

static int upcall(struct md_instance *md, u32 number, const u64 *args, struct md_buffer *buffer)
{
	bool outermost = md->depth == 1;
	bool again = md->contract->upcalls[number].flags & MD_AGAIN && outermost && md->hold_ms;

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
		md_expel(md, session);
		md_undo_to(md, mark);
		if (err != -EIO || !again)
			return err;
	}
}

/*
 * Wait for other chains to end, but no longer than for the call itself: who has
 * to undo something may want a lock that the caller holds.
 */
static int acquire(struct md_instance *md, u32 number)
{
	u32 deadline_ms = md->contract->upcalls[number].deadline_ms ?: MD_DEADLINE_MS;
	long left = wait_event_killable_timeout(md->kernel_waits, mutex_trylock(&md->busy),
						msecs_to_jiffies(deadline_ms));

	if (left <= 0)
		return left ? -EINTR : -ETIMEDOUT;
	md->owner = current;
	return 0;
}

/* Interrupts, spinlocks, disabled preemption, and readers of RCU, who must not sleep either. */
static bool nobody_may_sleep(const struct md_instance *md, u32 number)
{
	bool atomic = !preemptible() || rcu_preempt_depth();

	WARN_ONCE(atomic && READ_ONCE(warn),
		  "microdriver: %s: %s is called where nobody may sleep\n", md->name,
		  md->contract->upcalls[number].name);
	return atomic;
}

int md_upcall_args(struct md_instance *md, u32 number, const u64 *args, struct md_buffer *buffer)
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
	if (!took && md->depth == MD_DEPTH)
		return -EDEADLK;
	if (!took &&
	    !md->depth) /* in a downcall that the u-driver's own thread runs: it cannot serve */
		return -EDEADLK;
	md->owner = current;
	md->depth++;
	err = upcall(md, number, args, buffer);
	md->depth--;
	md_let_go(md, took);
	return err;
}
EXPORT_SYMBOL_GPL(md_upcall_args);
