/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract of the sliced selftest, as a generator would write it. For the one
 * file of each half that makes instances.
 */
#ifndef SL_CONTRACT_H
#define SL_CONTRACT_H

#include "sl.h"

#define SL_BITS(mask)                                                                              \
	{                                                                                          \
		.name = #mask, .offset = offsetof(struct sl, before) + sizeof(__u32), .bytes = 4,  \
		.shape = MDRV_BITS, .max = (mask)                                                  \
	}
#define SL_LINKED(kind, member, to)                                                                \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct kind, member), .bytes = sizeof(void *), \
		.shape = MDRV_POINTER, .link = 1 + (to)                                            \
	}

static const struct mdrv_field sl_fields[] = {
	[SL_F_SMALL] = MDRV_FIELD(sl, small),
	[SL_F_MIDDLE] = MDRV_FIELD(sl, middle),
	[SL_F_WIDE] = SL_BITS(0x1ff0),
	[SL_F_HIGH] = SL_BITS(0xffffe000),
	[SL_F_LARGE] = MDRV_FIELD(sl, large),
	[SL_F_WORDS] = MDRV_FIELD_BYTES(sl, words),
	[SL_F_TITLE] = MDRV_FIELD_STRING(sl, title),
	[SL_F_SERIAL] = MDRV_FIELD_DATA(sl, serial, SL_SERIAL),
	[SL_F_PART] = SL_LINKED(sl, part, SL_PART),
	[SL_F_OPAQUE] = MDRV_FIELD_POINTER(sl, opaque),
	[SL_F_FAILED] = MDRV_FIELD_POINTER(sl, failed),
	[SL_F_RING] = MDRV_FIELD_POINTER(sl, ring),
	[SL_F_RING_AT] = MDRV_FIELD(sl, ring_at),
	[SL_F_TABLE] = MDRV_FIELD_POINTER(sl, table),
	[SL_F_LOOKS] = MDRV_FIELD(sl, looks),
	[SL_F_OUTER] = MDRV_FIELD(sl, outer),
};

static const struct mdrv_field sl_part_fields[] = {
	[SL_P_WEIGHT] = MDRV_FIELD(sl_part, weight),
	[SL_P_NEXT] = SL_LINKED(sl_part, next, SL_PART),
};

static const struct mdrv_field sl_global_fields[] = { [SL_G_LEVEL] = MDRV_FIELD(sl_global, level) };

static const struct mdrv_type sl_types[] = {
	[SL] = MDRV_TYPE(sl, sl_fields),
	[SL_PART] = MDRV_TYPE(sl_part, sl_part_fields),
	[SL_GLOBAL] = { .name = "sl_global",
			.bytes = sizeof(struct sl_global),
			.fields = sl_global_fields,
			.fields_count = MDRV_COUNT(sl_global_fields),
			.global = 1 + SL_S_GLOBAL },
};

#define SL_ROWS(table) .accesses = table, .accesses_count = MDRV_COUNT(table)

static const struct mdrv_access sl_all[] = {
	{ SL, SL_F_SMALL, MDRV_INOUT },	 { SL, SL_F_MIDDLE, MDRV_INOUT },
	{ SL, SL_F_WIDE, MDRV_INOUT },	 { SL, SL_F_LARGE, MDRV_INOUT },
	{ SL, SL_F_WORDS, MDRV_INOUT },	 { SL, SL_F_TITLE, MDRV_IN },
	{ SL, SL_F_SERIAL, MDRV_IN },	 { SL, SL_F_PART, MDRV_INOUT },
	{ SL, SL_F_OPAQUE, MDRV_INOUT }, { SL, SL_F_FAILED, MDRV_INOUT },
	{ SL, SL_F_TABLE, MDRV_INOUT },	 { SL_PART, SL_P_WEIGHT, MDRV_INOUT },
	{ SL_PART, SL_P_NEXT, MDRV_IN },
};

static const struct mdrv_access sl_parts[] = {
	{ SL_PART, SL_P_WEIGHT, MDRV_INOUT },
	{ SL_PART, SL_P_NEXT, MDRV_INOUT },
};

static const struct mdrv_access sl_do[] = {
	{ SL, SL_F_OUTER, MDRV_INOUT },	      { SL, SL_F_RING, MDRV_INOUT },
	{ SL, SL_F_RING_AT, MDRV_INOUT },     { SL, SL_F_LOOKS, MDRV_INOUT },
	{ SL_PART, SL_P_WEIGHT, MDRV_INOUT }, { SL_GLOBAL, SL_G_LEVEL, MDRV_INOUT },
	{ SL, SL_F_OPAQUE, MDRV_INOUT },
};

static const struct mdrv_access sl_inner[] = { { SL, SL_F_LARGE, MDRV_INOUT } };

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

static const struct mdrv_call sl_upcalls[] = {
	[SL_UP_VALUES] = { .name = "values", SL_ROWS(sl_none), .signature = sl_up_values },
	[SL_UP_FIELDS] = { .name = "fields", SL_ROWS(sl_all), .signature = sl_up_fields },
	[SL_UP_LENT] = { .name = "lent", SL_ROWS(sl_parts), .signature = sl_up_lent },
	[SL_UP_POINTERS] = { .name = "pointers", SL_ROWS(sl_none), .signature = sl_up_pointers },
	[SL_UP_BUFFERS] = { .name = "buffers", SL_ROWS(sl_none), .signature = sl_up_buffers },
	[SL_UP_TEXTS] = { .name = "texts", SL_ROWS(sl_none), .signature = sl_up_texts },
	[SL_UP_DO] = { .name = "do", SL_ROWS(sl_do), .deadline_ms = 3000, .signature = sl_up_do },
	[SL_UP_INNER] = { .name = "inner", SL_ROWS(sl_inner), .signature = sl_up_inner },
	[SL_UP_UNKNOWN] = { .name = "unknown", SL_ROWS(sl_none), .signature = sl_up_unknown },
	[SL_UP_BIG] = { .name = "big", SL_ROWS(sl_none), .signature = sl_up_big },
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
	[SL_D_LOOK] = { .name = "look", .signature = sl_d_value },
	[SL_D_NEST] = { .name = "nest", .signature = sl_d_value },
	[SL_D_PAUSE] = { .name = "pause", .signature = sl_d_value },
	[SL_D_PASSED] = { .name = "passed", .signature = sl_d_value },
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
