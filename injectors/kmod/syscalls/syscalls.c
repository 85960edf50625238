// SPDX-License-Identifier: GPL-2.0
/*
 * A system call fails, or takes long, for one process
 *
 * Calls of `call` ("pread64") by any thread of process `pid` are counted from
 * 1; those from the `nth` on, `times` in all (0: for ever), fail: they return
 * -`value` without having run. Or, if `how` is "delay", they run and return
 * `value` microseconds later.
 */
#include <linux/jiffies.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/task_work.h>
#include <linux/timekeeping.h>

#include "arming.h"
#include "processor.h"

#define MAX_NAME 40

struct syscalls {
	struct arming *arming;
	struct kprobe probe;
	char call[MAX_NAME];
	char symbol[MAX_NAME + 12];
	long pid;
	struct arming_turns turns;
	char how[8];
	bool delay;
	long value;
};

static const struct arming_word syscalls_words[] = {
	ARMING_WORD(ARMING_TEXT, struct syscalls, call, "call"),
	ARMING_WORD(ARMING_LONG, struct syscalls, pid, "pid"),
	ARMING_WORD(ARMING_LONG, struct syscalls, turns.nth, "nth"),
	ARMING_WORD(ARMING_LONG, struct syscalls, turns.times, "times"),
	ARMING_WORD(ARMING_TEXT, struct syscalls, how, "how"),
	ARMING_WORD(ARMING_LONG, struct syscalls, value, "value"),
	{}
};

struct pause {
	struct callback_head work;
	long us;
};

/*
 * Context: the thread that made the call, on its way back to user mode; a deadly signal ends it
 *
 * The reference of pause_later() keeps this code loaded, up to the return.
 */
static void pause_here(struct callback_head *work)
{
	struct pause *pause = container_of(work, struct pause, work);
	unsigned long end = jiffies + usecs_to_jiffies(pause->us);

	kfree(pause);
	while (time_before(jiffies, end) && !fatal_signal_pending(current))
		schedule_timeout_killable(end - jiffies);
	module_put(THIS_MODULE);
}

/* Context: kprobe, in the thread that makes the call; must not sleep */
static bool pause_later(long us)
{
	struct pause *pause = kmalloc(sizeof(*pause), GFP_ATOMIC);

	if (!pause)
		return false;
	pause->us = us;
	init_task_work(&pause->work, pause_here);
	__module_get(THIS_MODULE);
	if (!task_work_add(current, &pause->work, TWA_RESUME))
		return true;
	module_put(THIS_MODULE);
	kfree(pause);
	return false;
}

/* Context: kprobe on the call, in the thread that makes it */
static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	struct syscalls *s = container_of(probe, struct syscalls, probe);
	u64 now_ns = ktime_get_mono_fast_ns();

	if (current->tgid != s->pid || !arming_takes(&s->turns, arming_turn(&s->turns)))
		return 0;
	if (s->delay) {
		if (pause_later(s->value))
			arming_hit(s->arming, now_ns, NULL);
		return 0;
	}
	arming_hit(s->arming, now_ns, NULL);
	arming_skip(regs, -s->value);
	return 1;
}
NOKPROBE_SYMBOL(on_call);

static bool is_sound(const struct syscalls *s)
{
	if (!s->delay && strcmp(s->how, "fail"))
		return false;
	return arming_turns_are_sound(&s->turns) && s->value >= 1 &&
	       (s->delay || s->value < MAX_ERRNO);
}

static int syscalls_start(struct arming *a)
{
	struct syscalls *s = arming_state(a);

	s->delay = !strcmp(s->how, "delay");
	if (!is_sound(s))
		return -EINVAL;
	snprintf(s->symbol, sizeof(s->symbol), PROCESSOR_SYSTEM_CALL "%s", s->call);
	s->arming = a;
	s->probe.symbol_name = s->symbol;
	s->probe.pre_handler = on_call;
	return register_kprobe(&s->probe);
}

static void syscalls_stop(struct arming *a)
{
	struct syscalls *s = arming_state(a);

	unregister_kprobe(&s->probe);
}

static const struct arming_fault syscalls_fault = {
	.words = syscalls_words,
	.state_size = sizeof(struct syscalls),
	.start = syscalls_start,
	.stop = syscalls_stop,
};
module_arming_fault("syscalls", syscalls_fault);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: make a system call fail, or take long, for one process");
