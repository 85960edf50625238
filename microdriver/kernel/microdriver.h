/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The contract between the two halves of a microdriver: the messages that cross,
 * and their description. Both halves include this file and nothing else of each
 * other's.
 *
 * The k-driver calls functions of the u-driver (upcalls), which may call
 * functions of the k-driver (downcalls), to any depth. A call carries a few
 * scalars, and of the objects that both halves know those fields that the
 * callee may read and that have changed since they last crossed; the answer
 * carries back those that it may write and has changed.
 *
 * Fields are described by tables. Each half builds the same tables from the
 * driver's own contract header; they are compared when the u-driver attaches.
 */
#ifndef MICRODRIVER_H
#define MICRODRIVER_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/stddef.h>
#include <linux/ioctl.h>
#else
#include <stddef.h>
#include <linux/types.h>
#include <sys/ioctl.h>
#endif

#define MDRV_COUNT(table) (sizeof(table) / sizeof((table)[0])) /* ARRAY_SIZE(), for both halves */

#define MDRV_NAME	32
#define MDRV_ARGS	6
#define MDRV_MAP_STRIDE (1UL << 28) /* file offset between two mappings */
#define MDRV_PAYLOAD	4000
#define MDRV_MAPS	4 /* regions that the u-driver may map */
#define MDRV_DEPTH	8 /* calls within calls */
#define MDRV_ERRNO_MAX	511 /* of a status: -errno as user space knows it */

/* The kinds of messages. */
enum mdrv_kind {
	MDRV_NOTHING,
	MDRV_UPCALL, /* k-driver -> u-driver */
	MDRV_RETURN, /* its answer */
	MDRV_DOWNCALL, /* u-driver -> k-driver */
	MDRV_RESULT, /* its answer */
};

/*
 * One message. @seq of an answer is that of its call. @seq of a downcall is that
 * of the upcall in which it was made, or 0 if it was made outside an upcall.
 */
struct mdrv_message {
	__u32 kind;
	__u32 call; /* index into the contract's upcalls or downcalls */
	__u32 seq;
	__s32 status; /* of an answer: 0 or more, or -errno */
	__u64 args[MDRV_ARGS];
	__u32 bytes; /* of payload */
	__u32 turn; /* of a downcall: a number of its own in its session; the same in its answer */
	__u8 payload[MDRV_PAYLOAD]; /* records, one behind the other, unaligned */
};

/* checkpatch.pl wants the space before the brace. */
/* clang-format off */
#define MDRV_ARGUMENTS(...) ((__u64[MDRV_ARGS]) { __VA_ARGS__ })
/* clang-format on */

#define MDRV_HEAD offsetof(struct mdrv_message, payload)

/*
 * A new value of a field; the @bytes of the value follow. In place of a field,
 * MDRV_WHOLE stands for the whole object, and MDRV_GONE says that the object is
 * shared no longer. Object 0 is the call's buffer.
 */
struct mdrv_record {
	__u32 object;
	__u16 field;
	__u16 bytes;
};

#define MDRV_WHOLE 0xffff
#define MDRV_GONE  0xfffe

/* An object's number, with its type. The u-driver makes its copy at the first use of a number. */
#define MDRV_OBJECT(type, n)	 ((__u32)(type) << 20 | (n))
#define MDRV_OBJECT_TYPE(object) ((object) >> 20)
#define MDRV_OBJECTS		 ((1U << 20) - 1) /* ever, of one instance */

/* A pointer to an object, or into one, as it crosses. 0 is NULL. */
#define MDRV_REF(id, offset) ((__u64)(id) << 32 | (__u32)(offset))
#define MDRV_REF_OBJECT(ref) ((__u32)((ref) >> 32))
#define MDRV_REF_OFFSET(ref) ((__u32)(ref))

enum mdrv_shape {
	MDRV_SCALAR, /* 1, 2, 4 or 8 bytes, unsigned; the k-driver takes min..max only */
	MDRV_BYTES, /* an array, or anything opaque, as it is */
	MDRV_POINTER, /* to a shared object or into one: translated */
	MDRV_LIST, /* the head of a list of shared objects: crosses as their numbers */
};

struct mdrv_field {
	const char *name;
	__u32 offset, bytes;
	enum mdrv_shape shape;
	__u32 link; /* MDRV_LIST: where the members keep their list_head */
	__u64 min, max;
};

struct mdrv_type {
	const char *name;
	__u32 bytes;
	const struct mdrv_field *fields;
	__u32 fields_count;
};

/* The ways in which a field crosses with a call: the callee reads it, writes it, or both. */
#define MDRV_IN	   1
#define MDRV_OUT   2
#define MDRV_INOUT 3

struct mdrv_access {
	__u16 type, field;
	__u32 mode;
};

#define MDRV_AGAIN 1 /* may be made again, to a new u-driver, if the old one died within it */

struct mdrv_call {
	const char *name;
	const struct mdrv_access *accesses;
	__u32 accesses_count;
	__u32 refs; /* bit n: argument n is a pointer to a shared object */
	__u32 deadline_ms; /* of an upcall, with all the downcalls in it; 0: MDRV_DEADLINE_MS */
	__u32 flags;
};

#define MDRV_DEADLINE_MS 1000

struct mdrv_contract {
	const char *name;
	const struct mdrv_type *types;
	__u32 types_count;
	const struct mdrv_call *upcalls;
	__u32 upcalls_count;
	const struct mdrv_call
		*downcalls; /* numbered from 0; the runtime's own begin at MDRV_STOCK */
	__u32 downcalls_count;
};

/* Downcalls that the runtime itself serves. */
enum mdrv_stock {
	MDRV_STOCK = 0x1000,
	MDRV_LOCK = MDRV_STOCK, /* args: number of the combolock */
	MDRV_UNLOCK,
	MDRV_STOCK_END,
};

struct mdrv_attach {
	__u64 digest; /* of the contract, by mdrv_digest() */
	__u32 whole; /* out: objects cross whole, not by field */
	__u32 offsets[MDRV_MAPS]; /* out: where in its first page each mapped region begins */
	__u32 pad;
};

#define MDRV_IOC_ATTACH _IOWR('M', 1, struct mdrv_attach)
#define MDRV_IOC_EXCHANGE                                                                          \
	_IOWR('M', 2, struct mdrv_message) /* say something, wait for what comes next */

#define MDRV_FIELD(type, member)                                                                   \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.bytes = sizeof(((struct type *)0)->member), .shape = MDRV_SCALAR, .max = ~0ULL    \
	}
#define MDRV_FIELD_RANGE(type, member, low, high)                                                  \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.bytes = sizeof(((struct type *)0)->member), .shape = MDRV_SCALAR, .min = low,     \
		.max = high                                                                        \
	}
#define MDRV_FIELD_BYTES(type, member)                                                             \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.bytes = sizeof(((struct type *)0)->member), .shape = MDRV_BYTES                   \
	}
#define MDRV_FIELD_POINTER(type, member)                                                           \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member), .bytes = sizeof(void *), \
		.shape = MDRV_POINTER                                                              \
	}
#define MDRV_FIELD_LIST(type, member, of, at)                                                      \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member),                          \
		.bytes = 2 * sizeof(void *), .shape = MDRV_LIST, .link = offsetof(struct of, at)   \
	}
#define MDRV_TYPE(type, table)                                                                     \
	{                                                                                          \
		.name = #type, .bytes = sizeof(struct type), .fields = table,                      \
		.fields_count = MDRV_COUNT(table)                                                  \
	}
#define MDRV_CALL(word, table, ...)                                                                \
	{                                                                                          \
		.name = word, .accesses = table, .accesses_count = MDRV_COUNT(table), __VA_ARGS__  \
	}

static inline __u64 mdrv_mix(__u64 hash, __u64 value)
{
	int n;

	for (n = 0; n < 8; n++, value >>= 8)
		hash = (hash ^ (value & 0xff)) * 0x100000001b3ULL; /* FNV-1a */
	return hash;
}

static inline __u64 mdrv_digest_calls(__u64 hash, const struct mdrv_call *calls, __u32 count)
{
	__u32 n, k;

	for (n = 0; n < count; n++) {
		hash = mdrv_mix(hash, calls[n].refs);
		for (k = 0; k < calls[n].accesses_count; k++)
			hash = mdrv_mix(hash, (__u64)calls[n].accesses[k].type << 48 |
						      (__u64)calls[n].accesses[k].field << 32 |
						      calls[n].accesses[k].mode);
	}
	return mdrv_mix(hash, count);
}

/* A hash of everything that both halves must agree on. */
static inline __u64 mdrv_digest(const struct mdrv_contract *contract)
{
	__u64 hash = 0xcbf29ce484222325ULL;
	__u32 n, k;

	for (n = 0; n < contract->types_count; n++) {
		const struct mdrv_type *type = &contract->types[n];

		hash = mdrv_mix(hash, type->bytes);
		for (k = 0; k < type->fields_count; k++)
			hash = mdrv_mix(hash, (__u64)type->fields[k].offset << 32 |
						      type->fields[k].bytes << 8 |
						      type->fields[k].shape);
	}
	hash = mdrv_digest_calls(hash, contract->upcalls, contract->upcalls_count);
	return mdrv_digest_calls(hash, contract->downcalls, contract->downcalls_count);
}

#endif
