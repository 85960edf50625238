// SPDX-License-Identifier: GPL-2.0
/* The functions that stand for the kernel's, with their rows. */
#include <linux/delay.h>
#include <linux/dma-mapping.h>
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/irq.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "sl_k.h"

int sl_held;
u32 sl_held_kinds;
struct sl_global sl_global = { .level = -1 };

static const u32 table[] = { 3, 1, 4, 1, 5 };
static u8 secret; /* nobody shares it */
static const char *kept;

irqreturn_t sl_handler(int irq, void *what)
{
	return IRQ_NONE;
}

const struct mdrv_static sl_statics[] = {
	[SL_S_GLOBAL] = { &sl_global, sizeof(sl_global) },
	[SL_S_TABLE] = { table, sizeof(table) },
	[SL_S_HANDLER] = { sl_handler, 1 },
};

static void hold(int what)
{
	sl_held++;
	sl_held_kinds |= BIT(what);
}

static void let_go(int what)
{
	sl_held--;
	sl_held_kinds &= ~BIT(what);
}

/* ---- arguments ---- */

static s16 f_values(s8 a, u16 b, s32 c, u64 d)
{
	sl_say("k=%d,%u,%d,%llx ", a, b, c, d);
	return -2;
}

/* A bool is a byte: what lies above it in the register is anybody's. */
static u64 f_bool(void)
{
	return 0xabcdef00ULL;
}

static size_t f_text(const char *text)
{
	return strlen(text);
}

static size_t f_keep(const char *text)
{
	size_t same = kept == text;

	kept = text;
	return same;
}

static u32 f_kept(void)
{
	return strlen(kept);
}

static u32 f_copy(u8 *bytes, u32 count)
{
	u32 n, sum = 0;

	for (n = 0; n < count; n++)
		sum += bytes[n];
	for (n = 0; n < count / 2; n++)
		swap(bytes[n], bytes[count - 1 - n]);
	return sum;
}

static u32 f_reference(const void *at)
{
	if (!at)
		return SL_PTR_NULL;
	if (IS_ERR(at))
		return PTR_ERR(at) == -ENODEV ? SL_PTR_ERROR : 99;
	if (at == &sl_state || at == &sl_state.after)
		return SL_PTR_OBJECT;
	if (at == &table[2] || at == sl_handler)
		return SL_PTR_STATIC;
	return at == &secret ? SL_PTR_FOREIGN : 98;
}

static const void *f_pointer(u32 what, u32 n)
{
	switch (what) {
	case SL_PTR_NULL:
		return NULL;
	case SL_PTR_ERROR:
		return ERR_PTR(-ENODEV);
	case SL_PTR_OBJECT:
		return &sl_state.after;
	case SL_PTR_STATIC:
		return &table[2];
	default:
		return &secret + n; /* never looked at */
	}
}

/* ---- what is acquired ---- */

static struct sl_part *f_allocate(void)
{
	struct sl_part *part = kzalloc(sizeof(*part), GFP_KERNEL);

	if (part) {
		part->weight = 17;
		hold(SL_D_ALLOCATE);
	}
	return part;
}

static void f_free(struct sl_part *part)
{
	let_go(SL_D_ALLOCATE);
	kfree(part);
}

static u32 *f_ring(u64 bytes, dma_addr_t *at)
{
	u32 *ring = dma_alloc_coherent(&sl_machine->dev, bytes, at, GFP_KERNEL);

	if (!ring)
		return NULL;
	ring[0] = SL_SECRET;
	ring[bytes / sizeof(u32) - 1] = SL_SECRET + 1;
	sl_state.ring = ring;
	hold(SL_D_RING);
	return ring;
}

static void f_unring(u64 bytes, u32 *ring, dma_addr_t at)
{
	sl_say("device=%d rung=%x ", at == sl_state.ring_at, ring[1]);
	let_go(SL_D_RING);
	dma_free_coherent(&sl_machine->dev, bytes, ring, at);
}

static u32 *f_registers(u64 *at, u64 bytes)
{
	u32 *registers = (u32 *)get_zeroed_page(GFP_KERNEL);

	if (!registers)
		return NULL;
	*at = virt_to_phys(registers);
	registers[3] = 0x1234;
	hold(SL_D_REGISTERS);
	return registers;
}

static void f_unregisters(u32 *registers)
{
	sl_say("register=%x ", registers[4]);
	let_go(SL_D_REGISTERS);
	free_page((unsigned long)registers);
}

static void *f_hide(u64 bytes)
{
	void *at = kmalloc(bytes, GFP_KERNEL);

	if (at)
		hold(SL_D_HIDE);
	return at;
}

static void f_unhide(void *at)
{
	let_go(SL_D_HIDE);
	kfree(at);
}

static int f_irq(unsigned int irq, irq_handler_t handler, unsigned long flags, const char *name,
		 void *dev)
{
	int err = request_irq(irq, handler, flags, name, dev);

	if (!err)
		hold(SL_D_IRQ);
	return err;
}

static const void *f_free_irq(unsigned int irq, void *dev)
{
	let_go(SL_D_IRQ);
	return free_irq(irq, dev);
}

static bool f_take(u64 *place)
{
	return test_and_set_bit(0, (unsigned long *)place);
}

static void f_drop(u64 *place)
{
	clear_bit(0, (unsigned long *)place);
}

/* ---- others ---- */

/* The k-driver sees what the upcall has written up to now, and writes itself. */
static u32 f_look(u32 n)
{
	sl_say("outer=%u level=%d ", sl_state.outer, sl_global.level);
	sl_state.looks += n;
	sl_global.level += n;
	return sl_state.outer;
}

static u32 f_nest(u32 n)
{
	u64 value;
	int err;

	sl_state.large = 1000;
	value = mdrv_sliced(sl_md, SL_UP_INNER, 0, &err, n, mdrv_arg(&sl_state));
	sl_say("inner=%lld large=%llu ", err ?: value, sl_state.large);
	return err ? 0 : value;
}

static void f_pause(u32 n)
{
	msleep(n);
}

static u32 f_passed(void)
{
	return READ_ONCE(sl_passed);
}

static u32 f_waited(void)
{
	return READ_ONCE(sl_waited) > 0;
}

static u32 f_wait(void)
{
	return mdrv_gate_wait(sl_md);
}

static void f_say(const char *key, s64 value)
{
	sl_say("%s=%lld ", key, value);
}

static u32 f_which(void)
{
	return sl_irq;
}

static u32 f_disabled(void)
{
	return irqd_irq_disabled(irq_get_irq_data(sl_irq));
}

/* ---- rows ---- */

static const struct mdrv_acquire allocates = {
	.release = SL_D_FREE,
	.when = MDRV_IF_POINTER,
	.from = { MDRV_FROM_RESULT, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO },
};

static const struct mdrv_sharing shares_part = {
	.kind = MDRV_SHARE_OBJECT,
	.at = MDRV_FROM_RESULT,
	.type = SL_PART,
};

static const struct mdrv_acquire rings = {
	.release = SL_D_UNRING,
	.when = MDRV_IF_POINTER,
	.from = { MDRV_ARG0, MDRV_FROM_RESULT, MDRV_OUT1, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO },
};

static const struct mdrv_sharing shares_ring = {
	.kind = MDRV_SHARE_COHERENT,
	.at = MDRV_FROM_RESULT,
	.bytes = MDRV_ARG0,
	.phys = MDRV_ZERO,
};

static const struct mdrv_acquire maps = {
	.release = SL_D_UNREGISTERS,
	.when = MDRV_IF_POINTER,
	.from = { MDRV_FROM_RESULT, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO },
};

static const struct mdrv_sharing shares_registers = {
	.kind = MDRV_SHARE_REGISTERS,
	.at = MDRV_FROM_RESULT,
	.bytes = MDRV_ARG1,
	.phys = MDRV_OUT0,
};

static const struct mdrv_acquire hides = {
	.release = SL_D_UNHIDE,
	.when = MDRV_IF_POINTER,
	.from = { MDRV_FROM_RESULT, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO },
};

static const struct mdrv_sharing shares_addresses = {
	.kind = MDRV_SHARE_ADDRESSES,
	.at = MDRV_FROM_RESULT,
	.bytes = MDRV_ARG0,
	.phys = MDRV_ZERO,
};

static const struct mdrv_acquire requests = {
	.release = SL_D_FREE_IRQ,
	.when = MDRV_IF_ZERO,
	.from = { MDRV_ARG0, MDRV_ARG4, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO },
	.irq = 1,
};

static const struct mdrv_acquire takes = {
	.release = SL_D_DROP,
	.when = MDRV_IF_ZERO,
	.from = { MDRV_ARG0, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO, MDRV_ZERO },
	.lock = 1,
};

const struct mdrv_service sl_services[] = {
	[SL_D_VALUES] = { .function = f_values },
	[SL_D_BOOL] = { .function = f_bool },
	[SL_D_TEXT] = { .function = f_text },
	[SL_D_KEEP] = { .function = f_keep, .keeps = BIT(0) },
	[SL_D_KEPT] = { .function = f_kept },
	[SL_D_COPY] = { .function = f_copy },
	[SL_D_REFERENCE] = { .function = f_reference },
	[SL_D_POINTER] = { .function = f_pointer },
	[SL_D_ALLOCATE] = { .function = f_allocate,
			    .acquire = &allocates,
			    .sharing = &shares_part },
	[SL_D_FREE] = { .function = f_free, .unshare = 1 },
	[SL_D_RING] = { .function = f_ring, .acquire = &rings, .sharing = &shares_ring },
	[SL_D_UNRING] = { .function = f_unring, .unshare = 2 },
	[SL_D_REGISTERS] = { .function = f_registers,
			     .acquire = &maps,
			     .sharing = &shares_registers },
	[SL_D_UNREGISTERS] = { .function = f_unregisters, .unshare = 1 },
	[SL_D_HIDE] = { .function = f_hide, .acquire = &hides, .sharing = &shares_addresses },
	[SL_D_UNHIDE] = { .function = f_unhide, .unshare = 1 },
	[SL_D_IRQ] = { .function = f_irq, .acquire = &requests, .keeps = BIT(3) },
	[SL_D_FREE_IRQ] = { .function = f_free_irq },
	[SL_D_TAKE] = { .function = f_take, .acquire = &takes },
	[SL_D_DROP] = { .function = f_drop },
	[SL_D_LOOK] = { .function = f_look },
	[SL_D_NEST] = { .function = f_nest },
	[SL_D_PAUSE] = { .function = f_pause },
	[SL_D_PASSED] = { .function = f_passed },
	[SL_D_WAITED] = { .function = f_waited },
	[SL_D_WAIT] = { .function = f_wait },
	[SL_D_SAY] = { .function = f_say },
	[SL_D_WHICH] = { .function = f_which },
	[SL_D_DISABLED] = { .function = f_disabled },
};
