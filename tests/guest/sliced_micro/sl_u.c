// SPDX-License-Identifier: GPL-2.0
/* The u-driver of the sliced selftest: its functions have plain C types, as a driver's own have. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "mdu.h"
#include "sl_contract.h"

#define NODE	   "/dev/microdriver/sliced"
#define DMA_OFFSET 4

static struct sl_global global = { .level = 77, .other = 5 };
static const __u32 table[] = { 3, 1, 4, 1, 5 };

static int handler(int irq, void *what)
{
	(void)irq;
	(void)what;
	return 0;
}

static const struct mdrv_static statics[] = {
	[SL_S_GLOBAL] = { &global, sizeof(global) },
	[SL_S_TABLE] = { table, sizeof(table) },
	[SL_S_HANDLER] = { (const void *)handler, 1 },
};

/* ---- the k-driver's functions ---- */

#define DOWN(call, ...) mdu_call(mdu_current, call, MDRV_ARGUMENTS(__VA_ARGS__))
#define POINTER(value)	((void *)(unsigned long)(value))

static void say(const char *key, long long value)
{
	DOWN(SL_D_SAY, mdu_arg(key), value);
}

/* ---- upcalls ---- */

static __s64 up_values(__s8 a, __u16 b, __s32 c, __u64 d)
{
	return a == -123 && b == 0x1234 && c == (__s32)0x80000000 && d == 0x123456789abcdef0 ? -42
											     : 1;
}

static int is_as_filled(const struct sl *sl)
{
	return sl->small == 200 && sl->middle == -300 && sl->wide == 300 &&
	       sl->large == 1ULL << 40 && sl->words[3] == 4 && !strcmp(sl->title, "a title") &&
	       sl->serial[5] == 6 && sl->part->weight == 10 && sl->part->next->next->weight == 30 &&
	       mdu_knows(sl->opaque) && sl->failed == POINTER(-EIO) && sl->table == table;
}

static __s32 up_fields(struct sl *sl)
{
	static int calls;

	if (!is_as_filled(sl))
		return -1;
	/* of what no table declares there is only what was written here */
	if (!calls++ && (sl->before || sl->low || sl->after || sl->part->hidden))
		return -2;
	sl->small = 201;
	sl->middle = -301;
	sl->before = 99; /* crosses with no call */
	sl->low = 1;
	sl->wide = 301;
	sl->high = 5; /* not with this one */
	sl->after = 99;
	sl->large++;
	sl->words[1] = 9;
	sl->part->next->weight++;
	sl->part->hidden = 99;
	sl->part = sl->part->next->next;
	sl->failed = POINTER(-ENOMEM);
	sl->table = (const void *)handler;
	return -5;
}

static __u32 up_lent(struct sl_part *part)
{
	const struct sl_part *each;
	__u32 sum = 0;

	for (each = part; each; each = each->next)
		sum += each->weight;
	part->weight = 1000;
	return sum;
}

static const void *up_pointers(__u32 what, struct sl_part *part, void *foreign)
{
	switch (what) {
	case SL_PTR_NULL:
		return NULL;
	case SL_PTR_ERROR:
		return POINTER(-ENODEV);
	case SL_PTR_OBJECT:
		return &part->hidden;
	case SL_PTR_STATIC:
		return table;
	default:
		return foreign;
	}
}

static __u32 up_buffers(const __u8 *read, __u8 *written, __u8 *both, __u32 bytes)
{
	__u32 n, sum = 0;

	for (n = 0; n < bytes; n++)
		sum += read[n] + written[n] + both[n];
	memset((void *)(unsigned long)read, 7, bytes);
	memset(written, 8, bytes);
	memset(both, 9, bytes);
	return sum;
}

static __u64 up_texts(const char *text, __u32 *numbers, __u32 count, const char *none)
{
	__u32 n;

	for (n = 0; n < count; n++)
		numbers[n] *= 10;
	return none ? 0 : strlen(text);
}

static __u32 up_inner(__u32 n, struct sl *sl)
{
	sl->large++;
	return n + 1;
}

static const void *up_unknown(void)
{
	static int nobody_knows;

	return &nobody_knows;
}

static __u64 up_big(__u8 *bytes, __u32 count)
{
	__u64 sum = 0;
	__u32 n;

	for (n = 0; n < count; n++)
		sum += bytes[n]++;
	return sum;
}

/* ---- what is done at the k-driver's word ---- */

static int do_values(int n, struct sl *sl)
{
	(void)n;
	(void)sl;
	say("result", (__s64)DOWN(SL_D_VALUES, 0x1ff, 0x12345, 0x1ffffffff, ~0ULL));
	say("bool", (__s64)DOWN(SL_D_BOOL));
	return 0;
}

static int do_texts(int n, struct sl *sl)
{
	char changing[] = "first";

	(void)n;
	say("length", DOWN(SL_D_TEXT, mdu_arg("seven!!")));
	say("null", DOWN(SL_D_REFERENCE, 0));
	say("kept", DOWN(SL_D_KEEP, mdu_arg(changing)));
	changing[0] = '\0';
	say("then", DOWN(SL_D_KEPT));
	say("again", DOWN(SL_D_KEEP, mdu_arg("first")));
	(void)sl;
	return 0;
}

static int do_copies(int n, struct sl *sl)
{
	__u8 own[] = { 1, 2, 3, 4, 5 };

	(void)n;
	memcpy(sl->words, "\1\2\3\4", SL_WORDS);
	say("sum", DOWN(SL_D_COPY, mdu_arg(own), 4));
	say("first", own[0]);
	say("fifth", own[4]);
	say("none", DOWN(SL_D_COPY, 0, 0));
	say("empty", DOWN(SL_D_COPY, mdu_arg(own), 0));
	return 0;
}

static int do_pointers(int n, struct sl *sl)
{
	int what, good = 0;
	const void *at;

	(void)n;
	for (what = SL_PTR_NULL; what <= SL_PTR_FOREIGN; what++) {
		at = POINTER(DOWN(SL_D_POINTER, what));
		good += DOWN(SL_D_REFERENCE, mdu_arg(at)) == (__u64)what;
		if (what == SL_PTR_OBJECT)
			good += at == &sl->after;
		if (what == SL_PTR_STATIC)
			good += at == &table[2];
	}
	good += DOWN(SL_D_REFERENCE, mdu_arg(handler)) == SL_PTR_STATIC;
	good += DOWN(SL_D_REFERENCE, mdu_arg(sl)) == SL_PTR_OBJECT;
	return good;
}

static __u32 *get_ring(struct sl *sl)
{
	return POINTER(DOWN(SL_D_RING, SL_RING, mdu_arg(&sl->ring_at)));
}

static int do_memory(int n, struct sl *sl)
{
	__u32 *ring = get_ring(sl), *registers;
	__u64 at = 0;
	void *hidden;

	(void)n;
	at = ring[0] == SL_SECRET && ring[SL_RING / sizeof(__u32) - 1] == SL_SECRET + 1;
	say("ring", ring == sl->ring && at && sl->ring_at);
	at = 0;
	say("end", DOWN(SL_D_REFERENCE, mdu_arg(ring + SL_RING / sizeof(__u32))));
	ring[1] = 0x77;
	DOWN(SL_D_UNRING, SL_RING, mdu_arg(ring), sl->ring_at);
	registers = POINTER(DOWN(SL_D_REGISTERS, mdu_arg(&at), SL_PAGE));
	say("register", at && registers[3] == 0x1234);
	registers[4] = 0x88;
	DOWN(SL_D_UNREGISTERS, mdu_arg(registers));
	hidden = POINTER(DOWN(SL_D_HIDE, 100));
	say("hidden", mdu_knows((char *)hidden + 99));
	DOWN(SL_D_UNHIDE, mdu_arg(hidden));
	say("gone", mdu_knows(hidden));
	sl->ring = NULL;
	return 0;
}

/* What do_acquire() has. */
static struct {
	struct sl_part *part;
	__u32 *ring, *registers;
	void *hidden;
	__u64 ring_at;
	__u32 irq;
} held;

static void die_at(int step, int n)
{
	if (step == n)
		raise(SIGKILL);
}

static int acquire(int n, struct sl *sl)
{
	__u64 at;
	int err;

	held.part = POINTER(DOWN(SL_D_ALLOCATE));
	die_at(1, n);
	held.ring = get_ring(sl);
	held.ring_at = sl->ring_at;
	die_at(2, n);
	held.registers = POINTER(DOWN(SL_D_REGISTERS, mdu_arg(&at), SL_PAGE));
	die_at(3, n);
	held.hidden = POINTER(DOWN(SL_D_HIDE, 100));
	die_at(4, n);
	held.irq = DOWN(SL_D_WHICH);
	err = DOWN(SL_D_IRQ, held.irq, mdu_arg(handler), 0, mdu_arg("mdrv_sliced"), mdu_arg(sl));
	die_at(5, n);
	return err;
}

static int release(int n, struct sl *sl)
{
	DOWN(SL_D_FREE_IRQ, held.irq, mdu_arg(sl));
	die_at(6, n);
	DOWN(SL_D_UNHIDE, mdu_arg(held.hidden));
	DOWN(SL_D_UNREGISTERS, mdu_arg(held.registers));
	die_at(7, n);
	DOWN(SL_D_UNRING, SL_RING, mdu_arg(held.ring), held.ring_at);
	DOWN(SL_D_FREE, mdu_arg(held.part));
	sl->ring = NULL;
	return 0;
}

static int do_acquire(int n, struct sl *sl)
{
	int err = acquire(n, sl);

	say("weight", held.part->weight);
	return err ? err : release(n, sl);
}

static int do_keep(int n, struct sl *sl)
{
	return acquire(n, sl);
}

static int do_release(int n, struct sl *sl)
{
	return release(n, sl);
}

static int do_fields(int n, struct sl *sl)
{
	sl->outer = 5;
	global.level = 6;
	DOWN(SL_D_LOOK, n);
	say("looks", sl->looks);
	say("level", global.level);
	sl->outer = 7;
	DOWN(SL_D_LOOK, n);
	say("looks", sl->looks);
	return 0;
}

static int do_nest(int n, struct sl *sl)
{
	__u64 value = DOWN(SL_D_NEST, n);

	say("mine", sl->large);
	return value;
}

static int passed(void)
{
	return DOWN(SL_D_PASSED);
}

static int do_gate(int n, struct sl *sl)
{
	int before, closed;

	acquire(0, sl);
	mdu_gate_close();
	mdu_gate_close();
	before = passed();
	say("disabled", DOWN(SL_D_DISABLED));
	DOWN(SL_D_PAUSE, 50);
	say("own", DOWN(SL_D_WAIT));
	mdu_gate_open();
	DOWN(SL_D_PAUSE, 50);
	say("waited", DOWN(SL_D_WAITED));
	closed = passed() - before;
	mdu_gate_open();
	DOWN(SL_D_PAUSE, 50);
	say("closed", closed);
	say("open", passed() > before);
	say("waited", DOWN(SL_D_WAITED));
	say("disabled", DOWN(SL_D_DISABLED));
	return release(n, sl);
}

static int do_gate_and_die(int n, struct sl *sl)
{
	acquire(0, sl);
	mdu_gate_close();
	die_at(1, n);
	DOWN(SL_D_FREE_IRQ, held.irq, mdu_arg(sl)); /* while it is closed */
	die_at(2, n);
	DOWN(SL_D_IRQ, held.irq, mdu_arg(handler), 0, mdu_arg("mdrv_sliced"), mdu_arg(sl));
	die_at(3, n);
	mdu_gate_open();
	return release(0, sl);
}

static int do_print(int n, struct sl *sl)
{
	static const char text[] = "100 %s of it\n";

	(void)sl;
	mdu_print('0' + n, NULL, text, sizeof(text) - 1);
	mdu_print(MDRV_LEVEL_NONE, POINTER(17), "no level\n", 9);
	mdu_print_netdev('4', NULL, "nameless\n", 9);
	return 0;
}

static int do_stray(int n, struct sl *sl)
{
	(void)sl;
	return DOWN(SL_D_REFERENCE, mdu_arg(&n));
}

static int do_stray_field(int n, struct sl *sl)
{
	sl->opaque = &n;
	return DOWN(SL_D_LOOK, 0);
}

static int do_global(int n, struct sl *sl)
{
	int was = global.level;

	(void)sl;
	global.level += n;
	return was;
}

static int do_gone(int n, struct sl *sl)
{
	volatile __u32 *ring = get_ring(sl);

	(void)n;
	DOWN(SL_D_UNRING, SL_RING, mdu_arg(ring), sl->ring_at);
	return ring[0];
}

static int do_foreign(int n, struct sl *sl)
{
	__u64 first = DOWN(SL_D_POINTER, SL_PTR_FOREIGN);
	int k;

	(void)sl;
	for (k = 1; k < n; k++)
		DOWN(SL_D_POINTER, SL_PTR_FOREIGN, k);
	return DOWN(SL_D_REFERENCE, first);
}

static int do_sleep(int n, struct sl *sl)
{
	(void)sl;
	usleep(1000 * n);
	return n;
}

static int do_short(int n, struct sl *sl)
{
	return DOWN(SL_D_COPY, mdu_arg(&sl->outer), sizeof(*sl) + n);
}

static int do_unnamed(int n, struct sl *sl)
{
	(void)n;
	return sl->small;
}

static int do_lock(int n, struct sl *sl)
{
	int was = DOWN(SL_D_TAKE, mdu_arg(&sl->taken));

	die_at(1, n);
	if (n == 3)
		return was;
	DOWN(SL_D_DROP, mdu_arg(&sl->taken));
	die_at(2, n);
	return was;
}

static int (*const doings[])(int n, struct sl *sl) = {
	[SL_DO_VALUES] = do_values,
	[SL_DO_TEXTS] = do_texts,
	[SL_DO_COPIES] = do_copies,
	[SL_DO_POINTERS] = do_pointers,
	[SL_DO_MEMORY] = do_memory,
	[SL_DO_ACQUIRE] = do_acquire,
	[SL_DO_KEEP] = do_keep,
	[SL_DO_RELEASE] = do_release,
	[SL_DO_FIELDS] = do_fields,
	[SL_DO_NEST] = do_nest,
	[SL_DO_GATE] = do_gate,
	[SL_DO_GATE_AND_DIE] = do_gate_and_die,
	[SL_DO_PRINT] = do_print,
	[SL_DO_STRAY] = do_stray,
	[SL_DO_STRAY_FIELD] = do_stray_field,
	[SL_DO_GLOBAL] = do_global,
	[SL_DO_GONE] = do_gone,
	[SL_DO_FOREIGN] = do_foreign,
	[SL_DO_SLEEP] = do_sleep,
	[SL_DO_SHORT] = do_short,
	[SL_DO_UNNAMED] = do_unnamed,
	[SL_DO_LOCK] = do_lock,
};

static __s32 up_do(__u32 what, __s32 n, struct sl *sl)
{
	return what < MDRV_COUNT(doings) ? doings[what](n, sl) : -EOPNOTSUPP;
}

static __s32 up_again(struct sl *sl)
{
	bool first = !sl->outer;

	sl->outer = 1;
	DOWN(SL_D_FREE_IRQ, DOWN(SL_D_WHICH), mdu_arg(sl));
	if (first)
		raise(SIGKILL);
	DOWN(SL_D_DROP, mdu_arg(&sl->taken));
	return 0;
}

static __s32 up_finish(struct sl *sl, __s32 n)
{
	bool first = !sl->outer++;

	DOWN(SL_D_LOOK, 0);
	if (first)
		die_at(1, n);
	DOWN(SL_D_FREE_IRQ, DOWN(SL_D_WHICH), mdu_arg(sl));
	if (first)
		die_at(2, n);
	return 5;
}

static const void *const functions[] = {
	[SL_UP_VALUES] = up_values,   [SL_UP_FIELDS] = up_fields,
	[SL_UP_LENT] = up_lent,	      [SL_UP_POINTERS] = up_pointers,
	[SL_UP_BUFFERS] = up_buffers, [SL_UP_TEXTS] = up_texts,
	[SL_UP_DO] = up_do,	      [SL_UP_INNER] = up_inner,
	[SL_UP_UNKNOWN] = up_unknown, [SL_UP_BIG] = up_big,
	[SL_UP_AGAIN] = up_again,     [SL_UP_FINISH] = up_finish,
};

static const struct mdu_driver driver = {
	.contract = &sl_contract,
	.functions = functions,
	.statics = statics,
	.statics_count = SL_S_END,
};

int main(int count, char **words)
{
	struct mdu *md;

	if (count > 1 && !strcmp(words[1], "--contract")) {
		mdu_describe(&sl_contract);
		return 0;
	}
	md = mdu_open_sliced(NODE, &driver);
	if (!md) {
		fprintf(stderr, "%s: %s\n", NODE, strerror(errno));
		return 1;
	}
	fprintf(stderr, "sl_u: %s\n", strerror(-mdu_run(&md, 1)));
	return 1;
}
