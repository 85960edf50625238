// SPDX-License-Identifier: GPL-2.0
/*
 * Tampering with the calls of a kernel function by one module
 *
 * A call of `function` is the module's if its return address lies in [low,
 * high), and, unless `site` is 0, at low + site. Such calls are counted from
 * 1. Those from the `nth` on are tampered with, each with a probability of
 * `chance` in a million that `seed` and the call's number decide, up to `times`
 * in all (0: for ever). If the module is unloaded, the range follows it to
 * where it is loaded next, or, if `reloads` is 0, is empty from then on.
 *
 * how	   what happens to the call
 * fail	   returns `value` without having run
 * after   runs, but returns `value`
 * delay   runs after a busy wait of `value` microseconds
 * set	   runs with `value` in its argument number `argument` (1 to 6)
 * add	   runs with `value` added to it
 * flip	   runs with the bits in `value` flipped in it
 *
 * A hit has the call's number, its return address less low, and the value that
 * was changed, before and after.
 */
#include <linux/bitops.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/string.h>
#include <linux/timekeeping.h>

#include "arming.h"
#include "processor.h"

#define MAX_RUNNING  64 /* calls between entry and return, for "after" */
#define MAX_DELAY_US 1000000
#define MILLION	     1000000

enum how { FAIL, AFTER, DELAY, SET, ADD, FLIP };

static const char *const hows[] = { "fail", "after", "delay", "set", "add", "flip" };

/* One call of the function by the module. */
struct call {
	long number;
	unsigned long site;
};

struct calls {
	struct arming *arming;
	struct kretprobe probe; /* for all but "after" only its kprobe */
	struct notifier_block modules;
	char function[KSYM_NAME_LEN];
	char module[MODULE_NAME_LEN];
	unsigned long low, high, site;
	struct arming_turns turns;
	unsigned long chance, seed;
	long reloads;
	char how_word[8];
	enum how how;
	long value, argument;
};

static const struct arming_word calls_words[] = {
	ARMING_WORD(ARMING_TEXT, struct calls, function, "function"),
	ARMING_WORD(ARMING_TEXT, struct calls, module, "module"),
	ARMING_WORD(ARMING_ULONG, struct calls, low, "low"),
	ARMING_WORD(ARMING_ULONG, struct calls, high, "high"),
	ARMING_WORD(ARMING_ULONG, struct calls, site, "site"),
	ARMING_WORD(ARMING_LONG, struct calls, turns.nth, "nth"),
	ARMING_WORD(ARMING_LONG, struct calls, turns.times, "times"),
	ARMING_WORD(ARMING_ULONG, struct calls, chance, "chance"),
	ARMING_WORD(ARMING_ULONG, struct calls, seed, "seed"),
	ARMING_WORD(ARMING_LONG, struct calls, reloads, "reloads"),
	ARMING_WORD(ARMING_TEXT, struct calls, how_word, "how"),
	ARMING_WORD(ARMING_LONG, struct calls, value, "value"),
	ARMING_WORD(ARMING_LONG, struct calls, argument, "argument"),
	{}
};

/* The output function of SplitMix64 (Steele, Lea, Flood, OOPSLA 2014). */
static u64 random_of(u64 seed, long n)
{
	u64 z = seed + n * 0x9e3779b97f4a7c15ULL;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
	return z ^ (z >> 31);
}
NOKPROBE_SYMBOL(random_of);

/*
 * Is the call that has just been entered to be tampered with?
 * Context: the function's first instruction
 */
static bool is_target(struct calls *c, struct pt_regs *regs, struct call *call)
{
	unsigned long caller = processor_caller(regs);
	unsigned long high = smp_load_acquire(&c->high); /* before low; pairs with on_module() */
	unsigned long low = READ_ONCE(c->low);

	if (caller < low || caller >= high)
		return false;
	call->site = caller - low;
	if (c->site && call->site != c->site)
		return false;
	call->number = arming_turn(&c->turns);
	return random_of(c->seed, call->number) % MILLION < c->chance &&
	       arming_takes(&c->turns, call->number);
}
NOKPROBE_SYMBOL(is_target);

/* Context: any */
static void note(struct calls *c, u64 t_ns, const struct call *call, long was, long now)
{
	const long values[] = { call->number, call->site, was, now };

	arming_hit(c->arming, t_ns, values);
}
NOKPROBE_SYMBOL(note);

static void wait_until(u64 t_ns)
{
	while (ktime_get_mono_fast_ns() < t_ns)
		cpu_relax();
}
NOKPROBE_SYMBOL(wait_until);

static long changed(const struct calls *c, long was)
{
	switch (c->how) {
	case ADD:
		return was + c->value;
	case FLIP:
		return was ^ c->value;
	default:
		return c->value;
	}
}
NOKPROBE_SYMBOL(changed);

/* Context: kprobe on the function; any context that the function is called from */
static int on_call(struct kprobe *probe, struct pt_regs *regs)
{
	struct calls *c = container_of(probe, struct calls, probe.kp);
	u64 now_ns = ktime_get_mono_fast_ns();
	unsigned long *place;
	struct call call;
	long was;

	if (!is_target(c, regs, &call))
		return 0;
	switch (c->how) {
	case FAIL:
		note(c, now_ns, &call, 0, c->value);
		arming_skip(regs, c->value);
		return 1;
	case DELAY:
		note(c, now_ns, &call, 0, c->value);
		wait_until(now_ns + c->value * NSEC_PER_USEC);
		return 0;
	default:
		place = processor_argument(regs, c->argument);
		was = *place;
		*place = changed(c, was);
		note(c, now_ns, &call, was, *place);
		return 0;
	}
}
NOKPROBE_SYMBOL(on_call);

/* With it a kprobe is never optimised into a jump, which would not heed arming_skip(). */
static void behind_call(struct kprobe *probe, struct pt_regs *regs, unsigned long flags) {}
NOKPROBE_SYMBOL(behind_call);

/* Context: as on_call(). Returns 0 if the return is to be met, too. */
static int on_entry(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct calls *c = container_of(get_kretprobe(instance), struct calls, probe);

	return !is_target(c, regs, (struct call *)instance->data);
}
NOKPROBE_SYMBOL(on_entry);

/* Context: the function's return; preemption is off */
static int on_return(struct kretprobe_instance *instance, struct pt_regs *regs)
{
	struct calls *c = container_of(get_kretprobe(instance), struct calls, probe);

	note(c, ktime_get_mono_fast_ns(), (struct call *)instance->data, regs_return_value(regs),
	     c->value);
	regs_set_return_value(regs, c->value);
	return 0;
}
NOKPROBE_SYMBOL(on_return);

/*
 * Context: process; none of the module's functions runs, but its init and exit
 *
 * Between GOING and COMING lies a grace period, in which no handler that knows
 * the old range is left (free_module()).
 */
static int on_module(struct notifier_block *block, unsigned long state, void *data)
{
	struct calls *c = container_of(block, struct calls, modules);
	struct module_memory *text = &((struct module *)data)->mem[MOD_TEXT];
	unsigned long base = (unsigned long)text->base;

	if (strcmp(((struct module *)data)->name, c->module))
		return NOTIFY_DONE;
	if (state == MODULE_STATE_GOING) {
		WRITE_ONCE(c->high, 0);
	} else if (state == MODULE_STATE_COMING && c->reloads) {
		WRITE_ONCE(c->low, base);
		smp_store_release(&c->high, base + text->size); /* after low: is_target() */
	}
	return NOTIFY_OK;
}

static bool is_sound(const struct calls *c)
{
	if (!arming_turns_are_sound(&c->turns) || c->low >= c->high || c->chance > MILLION)
		return false;
	if (c->how == DELAY)
		return c->value >= 1 && c->value <= MAX_DELAY_US;
	return c->how < SET || (c->argument >= 1 && c->argument <= PROCESSOR_ARGUMENTS);
}

static int register_probe(struct calls *c)
{
	c->probe.kp.symbol_name = c->function;
	if (c->how == AFTER) {
		c->probe.entry_handler = on_entry;
		c->probe.handler = on_return;
		c->probe.maxactive = MAX_RUNNING;
		c->probe.data_size = sizeof(struct call);
		return register_kretprobe(&c->probe);
	}
	c->probe.kp.pre_handler = on_call;
	c->probe.kp.post_handler = behind_call;
	return register_kprobe(&c->probe.kp);
}

static int calls_start(struct arming *a)
{
	struct calls *c = arming_state(a);
	int how = match_string(hows, ARRAY_SIZE(hows), c->how_word);
	int err;

	if (how < 0)
		return how;
	c->how = how;
	if (!is_sound(c))
		return -EINVAL;
	c->arming = a;
	c->modules.notifier_call = on_module;
	err = register_module_notifier(&c->modules);
	if (err)
		return err;
	err = register_probe(c);
	if (err)
		unregister_module_notifier(&c->modules);
	return err;
}

/* Unregistering waits until no handler of ours runs. */
static void calls_stop(struct arming *a)
{
	struct calls *c = arming_state(a);

	if (c->how == AFTER)
		unregister_kretprobe(&c->probe);
	else
		unregister_kprobe(&c->probe.kp);
	unregister_module_notifier(&c->modules);
}

/* Calls of the function, by anybody. */
static unsigned long calls_missed(struct arming *a)
{
	const struct calls *c = arming_state(a);

	return READ_ONCE(c->probe.kp.nmissed) + READ_ONCE(c->probe.nmissed);
}

static const struct arming_fault calls_fault = {
	.words = calls_words,
	.values = { "call", "site", "was", "now" },
	.state_size = sizeof(struct calls),
	.start = calls_start,
	.stop = calls_stop,
	.missed = calls_missed,
};
module_arming_fault("calls", calls_fault);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: tamper with the calls of a kernel function by one module");
