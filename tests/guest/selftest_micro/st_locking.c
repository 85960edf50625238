// SPDX-License-Identifier: GPL-2.0
/* Questions about combolocks, and about where a call may come from. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/kthread.h>
#include <linux/ktime.h>
#include <linux/rcupdate.h>
#include <linux/timer.h>

#include "st_k.h"

#define THREADS	 3
#define WAIT	 (10 * HZ)
#define ADD_MORE 5 /* how often the u-driver adds for each time that a thread does */

/* ---- several at a time ---- */

struct contest {
	struct st_device *st;
	long rounds;
	struct timer_list timer;
	u64 by_timer, refused;
	atomic_t running, good;
	struct completion over;
	int (*round)(struct contest *contest, int thread);
};

struct contestant {
	struct contest *contest;
	int number;
};

static int contest_thread(void *data)
{
	struct contestant *who = data;
	struct contest *contest = who->contest;
	long n;

	for (n = 0; n < contest->rounds; n++)
		if (!contest->round(contest, who->number))
			atomic_inc(&contest->good);
	if (atomic_dec_and_test(&contest->running))
		complete(&contest->over);
	return 0;
}

static void begin(struct contest *contest, struct contestant *all, int count)
{
	int n;

	init_completion(&contest->over);
	atomic_set(&contest->running, count + 1);
	for (n = 0; n < count; n++) {
		all[n] = (struct contestant){ contest, n };
		if (IS_ERR(kthread_run(contest_thread, &all[n], "mdrv_selftest/%d", n)))
			atomic_dec(&contest->running);
	}
}

static int end(struct contest *contest)
{
	if (!atomic_dec_and_test(&contest->running))
		wait_for_completion(&contest->over);
	return 0;
}

/* One more, seldom enough for others to be in between. */
static int add_one(struct contest *contest, int thread)
{
	struct st_device *st = contest->st;
	unsigned long flags;
	int err = mdrv_lock_wait(&st->lock, &flags);

	if (err)
		return err;
	st->counter++;
	mdrv_lock_release(&st->lock, flags);
	msleep(1);
	return 0;
}

static void on_timer(struct timer_list *timer)
{
	struct contest *contest = from_timer(contest, timer, timer);
	unsigned long flags;

	if (mdrv_lock_try(&contest->st->lock, &flags)) {
		contest->st->counter++;
		contest->by_timer++;
		mdrv_lock_release(&contest->st->lock, flags);
	} else {
		contest->refused++;
	}
	mod_timer(timer, jiffies + 1);
}

/* Threads that wait, a timer that cannot, and a slow u-driver all add to one counter. */
static int contend(struct st_device *st, long rounds)
{
	struct contest contest = { .st = st, .rounds = rounds, .round = add_one };
	struct contestant all[THREADS];
	int status;

	st->counter = 0;
	timer_setup_on_stack(&contest.timer, on_timer, 0);
	mod_timer(&contest.timer, jiffies + 1);
	begin(&contest, all, THREADS);
	status = mdrv_upcall(st->md, ST_ADD, ADD_MORE);
	end(&contest);
	timer_shutdown_sync(&contest.timer);
	destroy_timer_on_stack(&contest.timer);
	st_say("total=%llu threads=%d user=%d timer=%llu refused=%llu quiesced=%d left=%d ",
	       st->counter, atomic_read(&contest.good), status, contest.by_timer, contest.refused,
	       st->quiesced_ever, st->quiesced);
	return status < 0 ? status : 0;
}

static int call_either(struct contest *contest, int thread)
{
	struct st_device *st = thread ? contest->st->other : contest->st;
	int n = 100 * thread;

	return mdrv_upcall(st->md, ST_PLAIN, 0, n) != n + 1;
}

/* Both instances at once. */
static int both(struct st_device *st, long rounds)
{
	struct contest contest = { .st = st, .rounds = rounds, .round = call_either };
	struct contestant all[2];

	begin(&contest, all, 2);
	end(&contest);
	st_say("good=%d ", atomic_read(&contest.good));
	return 0;
}

/* ---- who holds a lock ---- */

static int take(struct st_device *st, long die)
{
	return mdrv_upcall(st->md, ST_TAKE, 0, die);
}

static int give(struct st_device *st, long n)
{
	return mdrv_upcall(st->md, ST_GIVE);
}

static int claim(struct st_device *st, long n)
{
	return mdrv_upcall(st->md, ST_CLAIM);
}

static int lock_try(struct st_device *st, long n)
{
	unsigned long flags;
	bool took = mdrv_lock_try(&st->lock, &flags);

	if (took)
		mdrv_lock_release(&st->lock, flags);
	st_say("free=%d quiesced=%d ", took, st->quiesced);
	return 0;
}

static int lock_wait(struct st_device *st, long n)
{
	ktime_t began = ktime_get();
	unsigned long flags;
	int err = mdrv_lock_wait(&st->lock, &flags);

	if (err)
		return err;
	mdrv_lock_release(&st->lock, flags);
	st_say("waited_ms=%lld quiesced=%d ", ktime_ms_delta(ktime_get(), began), st->quiesced);
	return 0;
}

/* ---- calls from where nobody may sleep ---- */

struct late_call {
	struct timer_list timer;
	struct st_device *st;
	int err;
	struct completion done;
};

static void call_late(struct timer_list *timer)
{
	struct late_call *late = from_timer(late, timer, timer);

	late->err = mdrv_upcall(late->st->md, ST_PLAIN);
	complete(&late->done);
}

static int from_softirq(struct st_device *st)
{
	struct late_call late = { .st = st };

	init_completion(&late.done);
	timer_setup_on_stack(&late.timer, call_late, 0);
	mod_timer(&late.timer, jiffies + 1);
	wait_for_completion(&late.done);
	timer_shutdown_sync(&late.timer);
	destroy_timer_on_stack(&late.timer);
	return late.err;
}

static int with_spinlock(struct st_device *st)
{
	DEFINE_SPINLOCK(lock);
	int err;

	spin_lock(&lock);
	err = mdrv_upcall(st->md, ST_PLAIN);
	spin_unlock(&lock);
	return err;
}

static int without_interrupts(struct st_device *st)
{
	int err;

	local_irq_disable();
	err = mdrv_upcall(st->md, ST_PLAIN);
	local_irq_enable();
	return err;
}

static int in_rcu(struct st_device *st)
{
	int err;

	rcu_read_lock();
	err = mdrv_upcall(st->md, ST_PLAIN);
	rcu_read_unlock();
	return err;
}

static int atomic(struct st_device *st, long n)
{
	static int (*const from[])(struct st_device *) = {
		with_spinlock,
		from_softirq,
		without_interrupts,
		in_rcu,
	};

	return n < ARRAY_SIZE(from) ? from[n](st) : -EINVAL;
}

const struct st_question st_locks[] = {
	{ "contend", contend },	    { "both", both },	  { "take", take },
	{ "give", give },	    { "claim", claim },	  { "lock_try", lock_try },
	{ "lock_wait", lock_wait }, { "atomic", atomic }, {},
};
