/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract of the sliced selftest, as a generator would write it. For the one
 * file of each half that makes instances.
 */
#ifndef SL_CONTRACT_H
#define SL_CONTRACT_H

#include "sl.h"

#define SL_PLACE(kind, member)                                                                     \
	.offset = offsetof(struct kind, member), .bytes = sizeof(((struct kind *)0)->member)
#define SL_FIELD(member, how)                                                                      \
	{                                                                                          \
		SL_PLACE(sl, member), .shape = how                                                 \
	}
#define SL_LINKED(kind, member)                                                                    \
	{                                                                                          \
		SL_PLACE(kind, member), .shape = MDRV_POINTER, .link = 1 + SL_PART                 \
	}
#define SL_POINTED(member, count)                                                                  \
	{                                                                                          \
		.offset = offsetof(struct sl, member), .bytes = count, .shape = MDRV_DATA          \
	}
/* the unit behind @before */
#define SL_BITS(from, count)                                                                       \
	{                                                                                          \
		.offset = offsetof(struct sl, before) + sizeof(__u32), .bytes = sizeof(__u32),     \
		.shape = MDRV_BITS, .shift = from, .bits = count                                   \
	}

static const struct mdrv_small_field sl_fields[] = {
	[SL_F_SMALL] = SL_FIELD(small, MDRV_SCALAR),
	[SL_F_MIDDLE] = SL_FIELD(middle, MDRV_SCALAR),
	[SL_F_WIDE] = SL_BITS(4, 9),
	[SL_F_HIGH] = SL_BITS(13, 19),
	[SL_F_LARGE] = SL_FIELD(large, MDRV_SCALAR),
	[SL_F_WORDS] = SL_FIELD(words, MDRV_BYTES),
	[SL_F_TITLE] = SL_FIELD(title, MDRV_STRING),
	[SL_F_SERIAL] = SL_POINTED(serial, SL_SERIAL),
	[SL_F_PART] = SL_LINKED(sl, part),
	[SL_F_OPAQUE] = SL_FIELD(opaque, MDRV_POINTER),
	[SL_F_FAILED] = SL_FIELD(failed, MDRV_POINTER),
	[SL_F_RING] = SL_FIELD(ring, MDRV_POINTER),
	[SL_F_RING_AT] = SL_FIELD(ring_at, MDRV_SCALAR),
	[SL_F_TABLE] = SL_FIELD(table, MDRV_POINTER),
	[SL_F_LOOKS] = SL_FIELD(looks, MDRV_SCALAR),
	[SL_F_OUTER] = SL_FIELD(outer, MDRV_SCALAR),
};

static const struct mdrv_small_field sl_part_fields[] = {
	[SL_P_WEIGHT] = { SL_PLACE(sl_part, weight), .shape = MDRV_SCALAR },
	[SL_P_NEXT] = SL_LINKED(sl_part, next),
};

#ifdef __KERNEL__
#define SL_NAMES(table)
#else
#define SL_NAMES(table) .names = table,

static const char *const sl_names[] = {
	[SL_F_SMALL] = "small",	    [SL_F_MIDDLE] = "middle", [SL_F_WIDE] = "wide",
	[SL_F_HIGH] = "high",	    [SL_F_LARGE] = "large",   [SL_F_WORDS] = "words",
	[SL_F_TITLE] = "title",	    [SL_F_SERIAL] = "serial", [SL_F_PART] = "part",
	[SL_F_OPAQUE] = "opaque",   [SL_F_FAILED] = "failed", [SL_F_RING] = "ring",
	[SL_F_RING_AT] = "ring_at", [SL_F_TABLE] = "table",   [SL_F_LOOKS] = "looks",
	[SL_F_OUTER] = "outer",
};

static const char *const sl_part_names[] = { [SL_P_WEIGHT] = "weight", [SL_P_NEXT] = "next" };
#endif

#define SL_TYPE(type, table, titles)                                                               \
	{                                                                                          \
		.name = #type, .bytes = sizeof(struct type), .small = table,                       \
		SL_NAMES(titles).fields_count = MDRV_COUNT(table)                                  \
	}

/* As hand-written contracts have them; both ways may stand side by side. */
static const struct mdrv_field sl_global_fields[] = { [SL_G_LEVEL] = MDRV_FIELD(sl_global, level) };

static const struct mdrv_type sl_types[] = {
	[SL] = SL_TYPE(sl, sl_fields, sl_names),
	[SL_PART] = SL_TYPE(sl_part, sl_part_fields, sl_part_names),
	[SL_GLOBAL] = { .name = "sl_global",
			.bytes = sizeof(struct sl_global),
			.fields = sl_global_fields,
			.fields_count = MDRV_COUNT(sl_global_fields),
			.global = 1 + SL_S_GLOBAL },
};

#define SL_SMALL(table) .small = table, .accesses_count = MDRV_COUNT(table)
#define SL_ROWS(table)	.accesses = table, .accesses_count = MDRV_COUNT(table)

static const __u32 sl_all[] = {
	MDRV_SMALL_ACCESS(SL, SL_F_SMALL, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_MIDDLE, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_WIDE, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_LARGE, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_WORDS, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_TITLE, MDRV_IN),
	MDRV_SMALL_ACCESS(SL, SL_F_SERIAL, MDRV_IN),
	MDRV_SMALL_ACCESS(SL, SL_F_PART, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_OPAQUE, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_FAILED, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_TABLE, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL_PART, SL_P_WEIGHT, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL_PART, SL_P_NEXT, MDRV_IN),
};

static const __u32 sl_parts[] = {
	MDRV_SMALL_ACCESS(SL_PART, SL_P_WEIGHT, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL_PART, SL_P_NEXT, MDRV_INOUT),
};

static const __u32 sl_do[] = {
	MDRV_SMALL_ACCESS(SL, SL_F_OUTER, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_RING, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_RING_AT, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_LOOKS, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL_PART, SL_P_WEIGHT, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL_GLOBAL, SL_G_LEVEL, MDRV_INOUT),
	MDRV_SMALL_ACCESS(SL, SL_F_OPAQUE, MDRV_INOUT),
};

static const struct mdrv_access sl_inner[] = {
	{ SL, SL_F_LARGE, MDRV_INOUT },
	{ SL, SL_F_PART, MDRV_IN },
	{ SL, SL_F_TITLE, MDRV_IN },
};

static const struct mdrv_access sl_none[] = { { SL, SL_F_SMALL, 0 } };

#define SL_NONE                                                                                    \
	{                                                                                          \
		.kind = MDRV_NOTHING_ARG                                                           \
	}
#define SL_VALUE(n)                                                                                \
	{                                                                                          \
		.kind = MDRV_VALUE, .bytes = n                                                     \
	}
#define SL_SIGNED(n)                                                                               \
	{                                                                                          \
		.kind = MDRV_VALUE, .flags = MDRV_SIGNED, .bytes = n                               \
	}
#define SL_REF                                                                                     \
	{                                                                                          \
		.kind = MDRV_REF                                                                   \
	}
#define SL_TEXT                                                                                    \
	{                                                                                          \
		.kind = MDRV_TEXT                                                                  \
	}
#define SL_FIXED(n)                                                                                \
	{                                                                                          \
		.kind = MDRV_COPY, .length = MDRV_NO_LENGTH, .bytes = n                            \
	}
#define SL_TIMES(n, of)                                                                            \
	{                                                                                          \
		.kind = MDRV_COPY, .length = of, .bytes = n                                        \
	}
#define SL_OBJECT(how, of)                                                                         \
	{                                                                                          \
		.kind = how, .type = of                                                            \
	}
#define SL_BUFFER(way)                                                                             \
	{                                                                                          \
		.kind = MDRV_BUFFER, .flags = way                                                  \
	}
#define SL_RESULT(...)	   [MDRV_ARGS] = __VA_ARGS__
#define SL_SIGNATURE(name) static const struct mdrv_argument name[MDRV_ARGS + 1]

SL_SIGNATURE(sl_up_values) = { SL_SIGNED(1), SL_VALUE(2), SL_SIGNED(4), SL_VALUE(8),
			       SL_RESULT(SL_SIGNED(8)) };
SL_SIGNATURE(sl_up_fields) = { SL_OBJECT(MDRV_KEEP, SL), SL_RESULT(SL_SIGNED(4)) };
SL_SIGNATURE(sl_up_lent) = { SL_OBJECT(MDRV_BORROW, SL_PART), SL_RESULT(SL_VALUE(4)) };
SL_SIGNATURE(sl_up_pointers) = { SL_VALUE(4), SL_OBJECT(MDRV_BORROW, SL_PART), SL_REF,
				 SL_RESULT(SL_REF) };
SL_SIGNATURE(sl_up_buffers) = { SL_BUFFER(MDRV_READ), SL_BUFFER(MDRV_WRITE),
				SL_BUFFER(MDRV_READ | MDRV_WRITE), SL_VALUE(4),
				SL_RESULT(SL_VALUE(4)) };
SL_SIGNATURE(sl_up_texts) = { SL_TEXT, SL_TIMES(4, 2), SL_VALUE(4), SL_TEXT,
			      SL_RESULT(SL_VALUE(8)) };
SL_SIGNATURE(sl_up_do) = { SL_VALUE(4), SL_SIGNED(4), SL_OBJECT(MDRV_KEEP, SL),
			   SL_RESULT(SL_SIGNED(4)) };
SL_SIGNATURE(sl_up_inner) = { SL_VALUE(4), SL_OBJECT(MDRV_KEEP, SL), SL_RESULT(SL_VALUE(4)) };
SL_SIGNATURE(sl_up_unknown) = { SL_NONE, SL_RESULT(SL_REF) };
SL_SIGNATURE(sl_up_big) = { SL_BUFFER(MDRV_READ | MDRV_WRITE), SL_VALUE(4),
			    SL_RESULT(SL_VALUE(8)) };

SL_SIGNATURE(sl_up_again) = { SL_OBJECT(MDRV_KEEP, SL), SL_RESULT(SL_SIGNED(4)) };
SL_SIGNATURE(sl_up_finish) = { SL_OBJECT(MDRV_KEEP, SL), SL_SIGNED(4), SL_RESULT(SL_SIGNED(4)) };

static const struct mdrv_call sl_upcalls[] = {
	[SL_UP_VALUES] = { .name = "values", SL_ROWS(sl_none), .signature = sl_up_values },
	[SL_UP_FIELDS] = { .name = "fields", SL_SMALL(sl_all), .signature = sl_up_fields },
	[SL_UP_LENT] = { .name = "lent", SL_SMALL(sl_parts), .signature = sl_up_lent },
	[SL_UP_POINTERS] = { .name = "pointers", SL_ROWS(sl_none), .signature = sl_up_pointers },
	[SL_UP_BUFFERS] = { .name = "buffers", SL_ROWS(sl_none), .signature = sl_up_buffers },
	[SL_UP_TEXTS] = { .name = "texts", SL_ROWS(sl_none), .signature = sl_up_texts },
	[SL_UP_DO] = { .name = "do", SL_SMALL(sl_do), .deadline_ms = 3000, .signature = sl_up_do },
	[SL_UP_INNER] = { .name = "inner", SL_ROWS(sl_inner), .signature = sl_up_inner },
	[SL_UP_UNKNOWN] = { .name = "unknown", SL_ROWS(sl_none), .signature = sl_up_unknown },
	[SL_UP_BIG] = { .name = "big", SL_ROWS(sl_none), .signature = sl_up_big },
	[SL_UP_AGAIN] = { .name = "again",
			  SL_SMALL(sl_do),
			  .flags = MDRV_AGAIN,
			  .signature = sl_up_again },
	[SL_UP_FINISH] = { .name = "finish",
			   SL_SMALL(sl_do),
			   .flags = MDRV_AGAIN | MDRV_ENDS,
			   .signature = sl_up_finish },
};

SL_SIGNATURE(sl_d_values) = { SL_SIGNED(1), SL_VALUE(2), SL_SIGNED(4), SL_VALUE(8),
			      SL_RESULT(SL_SIGNED(2)) };
SL_SIGNATURE(sl_d_bool) = { SL_NONE, SL_RESULT(SL_VALUE(1)) };
SL_SIGNATURE(sl_d_text) = { SL_TEXT, SL_RESULT(SL_VALUE(8)) };
SL_SIGNATURE(sl_d_copy) = { SL_TIMES(1, 1), SL_VALUE(4), SL_RESULT(SL_VALUE(4)) };
SL_SIGNATURE(sl_d_reference) = { SL_REF, SL_RESULT(SL_VALUE(4)) };
SL_SIGNATURE(sl_d_pointer) = { SL_VALUE(4), SL_VALUE(4), SL_RESULT(SL_REF) };
SL_SIGNATURE(sl_d_allocate) = { SL_NONE, SL_RESULT(SL_REF) };
SL_SIGNATURE(sl_d_free) = { SL_REF };
SL_SIGNATURE(sl_d_ring) = { SL_VALUE(8), SL_FIXED(8), SL_RESULT(SL_REF) };
SL_SIGNATURE(sl_d_unring) = { SL_VALUE(8), SL_REF, SL_VALUE(8) };
SL_SIGNATURE(sl_d_registers) = { SL_FIXED(8), SL_VALUE(8), SL_RESULT(SL_REF) };
SL_SIGNATURE(sl_d_hide) = { SL_VALUE(8), SL_RESULT(SL_REF) };
SL_SIGNATURE(sl_d_irq) = { SL_VALUE(4), SL_REF, SL_VALUE(8),
			   SL_TEXT,	SL_REF, SL_RESULT(SL_SIGNED(4)) };
SL_SIGNATURE(sl_d_free_irq) = { SL_VALUE(4), SL_REF };
SL_SIGNATURE(sl_d_take) = { SL_REF, SL_RESULT(SL_VALUE(1)) };
SL_SIGNATURE(sl_d_value) = { SL_VALUE(4), SL_RESULT(SL_VALUE(4)) };
SL_SIGNATURE(sl_d_say) = { SL_TEXT, SL_SIGNED(8) };

static const struct mdrv_call sl_downcalls[] = {
	[SL_D_VALUES] = { .name = "values", .signature = sl_d_values },
	[SL_D_BOOL] = { .name = "bool", .signature = sl_d_bool },
	[SL_D_TEXT] = { .name = "text", .signature = sl_d_text },
	[SL_D_KEEP] = { .name = "keep", .signature = sl_d_text },
	[SL_D_KEPT] = { .name = "kept", .signature = sl_d_value },
	[SL_D_COPY] = { .name = "copy", .signature = sl_d_copy },
	[SL_D_REFERENCE] = { .name = "reference", .signature = sl_d_reference },
	[SL_D_POINTER] = { .name = "pointer", .signature = sl_d_pointer },
	[SL_D_ALLOCATE] = { .name = "allocate", .signature = sl_d_allocate },
	[SL_D_FREE] = { .name = "free", .signature = sl_d_free },
	[SL_D_RING] = { .name = "ring", .signature = sl_d_ring },
	[SL_D_UNRING] = { .name = "unring", .signature = sl_d_unring },
	[SL_D_REGISTERS] = { .name = "registers", .signature = sl_d_registers },
	[SL_D_UNREGISTERS] = { .name = "unregisters", .signature = sl_d_free },
	[SL_D_HIDE] = { .name = "hide", .signature = sl_d_hide },
	[SL_D_UNHIDE] = { .name = "unhide", .signature = sl_d_free },
	[SL_D_IRQ] = { .name = "irq", .signature = sl_d_irq },
	[SL_D_FREE_IRQ] = { .name = "free_irq", .signature = sl_d_free_irq },
	[SL_D_TAKE] = { .name = "take", .signature = sl_d_take },
	[SL_D_DROP] = { .name = "drop", .signature = sl_d_free },
	[SL_D_LOOK] = { .name = "look", .signature = sl_d_value },
	[SL_D_NEST] = { .name = "nest", .signature = sl_d_value },
	[SL_D_PAUSE] = { .name = "pause", .signature = sl_d_value },
	[SL_D_PASSED] = { .name = "passed", .signature = sl_d_value },
	[SL_D_WAITED] = { .name = "waited", .signature = sl_d_value },
	[SL_D_WAIT] = { .name = "wait", .signature = sl_d_value },
	[SL_D_SAY] = { .name = "say", .signature = sl_d_say },
	[SL_D_WHICH] = { .name = "which", .signature = sl_d_value },
	[SL_D_DISABLED] = { .name = "disabled", .signature = sl_d_value },
};

static const struct mdrv_contract sl_contract = {
	.name = "sliced",
	.types = sl_types,
	.types_count = MDRV_COUNT(sl_types),
	.upcalls = sl_upcalls,
	.upcalls_count = MDRV_COUNT(sl_upcalls),
	.downcalls = sl_downcalls,
	.downcalls_count = MDRV_COUNT(sl_downcalls),
};

#endif
