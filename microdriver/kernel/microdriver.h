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
#define MDRV_PAYLOAD	3984 /* of a message that is not longer than its parcel's page */
#define MDRV_LARGEST	(1U << 20) /* payload of any message; longer ones take more time */
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
	__u64 value; /* of an answer to a call with a signature: the result */
	__u32 bytes; /* of payload */
	__u32 turn; /* of a downcall: a number of its own in its session; the same in its answer */
	__u8 payload[]; /* records, one behind the other, unaligned */
};

/* checkpatch.pl wants the space before the brace. */
/* clang-format off */
#define MDRV_ARGUMENTS(...) ((__u64[MDRV_ARGS]) { __VA_ARGS__ })
/* clang-format on */

#define MDRV_HEAD offsetof(struct mdrv_message, payload)

/*
 * A new value of a field; the @bytes of the value follow. In place of a field,
 * MDRV_WHOLE stands for the whole object, MDRV_GONE says that the object is
 * shared no longer, and MDRV_REGION announces a memory object, by a struct
 * mdrv_region. Object 0 is the call: field 0 is the buffer of a call without a
 * signature, and field 1 + n is what argument n of a call with one leads to.
 */
struct mdrv_record {
	__u32 object;
	__u16 field;
	__u16 bytes;
};

#define MDRV_WHOLE  0xffff
#define MDRV_GONE   0xfffe
#define MDRV_REGION 0xfffd

/* A memory object: what the u-driver maps in its place. */
struct mdrv_region {
	__u64 bytes;
	__u32 slot; /* it is mapped at (MDRV_MAPS + slot) * MDRV_MAP_STRIDE */
	__u32 offset; /* where in its first page it begins */
};

#define MDRV_NO_SLOT (~0U) /* only addresses are kept free */

/* An object's number, with its type. The u-driver makes its copy at the first use of a number. */
#define MDRV_OBJECT(type, n)	   ((__u32)(type) << 20 | (n))
#define MDRV_OBJECT_TYPE(object)   ((object) >> 20)
#define MDRV_OBJECT_NUMBER(object) ((object) % (1U << 20))
#define MDRV_OBJECTS		   ((1U << 20) - 1) /* of one instance, at a time */

/* What a reference may lead into besides objects, in place of the type in MDRV_OBJECT(). */
#define MDRV_STATIC                                                                                \
	0xfff /* n: a global or a function of both halves, by its place in their tables */
#define MDRV_MEMORY  0xffe /* a range that is never copied: mapped, or addresses only */
#define MDRV_FOREIGN 0xffd /* n: a pointer of the kernel's that only passes through */

#define MDRV_FOREIGNERS 1024 /* foreign pointers that are known at a time */

/* A global or a function that both halves have; of a function, @bytes is 1. */
struct mdrv_static {
	const void *at;
	__u64 bytes;
};

/* A reference: a pointer as it crosses, to an object or into one. 0 is NULL. */
#define MDRV_REFERENCE(id, offset) ((__u64)(id) << 32 | (__u32)(offset))
#define MDRV_REF_OBJECT(ref)	   ((__u32)((ref) >> 32))
#define MDRV_REF_OFFSET(ref)	   ((__u32)(ref))

/* An error pointer crosses as itself. */
#define MDRV_IS_ERROR(ref) ((__u64)(ref) >= (__u64)-4095)

enum mdrv_shape {
	MDRV_SCALAR, /* 1, 2, 4 or 8 bytes, unsigned; the k-driver takes min..max only */
	MDRV_BYTES, /* an array, or anything opaque, as it is */
	MDRV_POINTER, /* to a shared object or into one: translated */
	MDRV_LIST, /* the head of a list of shared objects: crosses as their numbers */
	MDRV_STRING, /* const char *: the characters cross, to the u-driver only */
	MDRV_DATA, /* a pointer to @link bytes: they cross, to the u-driver only */
	MDRV_BITS, /* a bit field: the bits @max of its unit of 1, 2, 4 or 8 bytes */
};

struct mdrv_field {
	const char *name;
	__u32 offset, bytes;
	enum mdrv_shape shape;
	/*
	 * MDRV_LIST: where the members keep their list_head. MDRV_DATA: how many bytes.
	 * MDRV_POINTER: 1 + the pointee's type, or 0: if it leads to nothing known, then
	 * an object of that type is shared there, until the outermost upcall ends.
	 */
	__u32 link;
	__u64 min, max;
};

/*
 * The same in 8 bytes, as a generator writes it. @link: of MDRV_POINTER. MDRV_DATA:
 * @bytes are those that the pointer leads to. MDRV_BITS: so many @bits from @shift
 * on, in a unit of @bytes. A scalar may have any value. There are no lists.
 */
struct mdrv_small_field {
	__u16 offset, bytes;
	__u8 shape, link, shift, bits;
};

/* The functions below give a field, and an access, whichever way it is written. */
struct mdrv_type {
	const char *name;
	__u32 bytes;
	const struct mdrv_field *fields;
	const struct mdrv_small_field *small; /* in place of fields */
#ifndef __KERNEL__
	const char *const *names; /* of the small fields; NULL: they have none */
#endif
	__u32 fields_count;
	__u32 global; /* 1 + n: its only object is the n-th static; 0 */
};

/* The ways in which a field crosses with a call: the callee reads it, writes it, or both. */
#define MDRV_IN	   1
#define MDRV_OUT   2
#define MDRV_INOUT 3

struct mdrv_access {
	__u16 type, field;
	__u32 mode;
};

/* The same in 4 bytes. */
#define MDRV_SMALL_ACCESS(type, field, mode) ((__u32)(type) << 16 | (field) << 2 | (mode))

/* What an argument or a result is. What a reference may lead into is known. */
enum mdrv_argument_kind {
	MDRV_NOTHING_ARG,
	MDRV_VALUE, /* of @bytes; with MDRV_SIGNED it is extended with its sign */
	MDRV_REF, /* a pointer: crosses as a reference */
	MDRV_TEXT, /* const char *: its characters, unless it leads into something known */
	MDRV_COPY, /* a pointer: as many @bytes (times argument @length), both ways, unless ... */
	MDRV_BORROW, /* of upcalls: to an object of @type, shared until the outermost upcall ends */
	MDRV_KEEP, /* of upcalls: the same, but it stays shared */
	MDRV_BUFFER, /* of upcalls: to as many bytes as the caller says; MDRV_READ, MDRV_WRITE */
};

#define MDRV_NO_LENGTH 0xff

/* Flags of an argument. */
#define MDRV_SIGNED 1
#define MDRV_READ   2 /* the callee reads the buffer */
#define MDRV_WRITE  4 /* the callee writes the buffer */

struct mdrv_argument {
	__u8 kind, length, flags, pad;
	__u16 type;
	__u16 pad2;
	__u32 bytes;
};

#define MDRV_AGAIN 1 /* may be made again, to a new u-driver, if the old one died within it */
/*
 * It gives back what an earlier call acquired. If its u-driver dies before it has
 * begun with that, it is made again; afterwards, the rest is given back for it:
 * the k-driver may still have pointers to what is gone.
 */
#define MDRV_ENDS 2

struct mdrv_call {
	const char *name;
	const struct mdrv_access *accesses;
	const __u32 *small; /* in place of accesses: MDRV_SMALL_ACCESS() */
	__u32 accesses_count;
	__u32 refs; /* bit n: argument n is a pointer to a shared object */
	__u32 deadline_ms; /* of an upcall, by hand with its downcalls; 0: MDRV_DEADLINE_MS */
	__u32 flags;
	const struct mdrv_argument
		*signature; /* of MDRV_ARGS arguments and the result; NULL: by hand */
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
	MDRV_PRINT, /* args: level, reference to a device or 0, its kind; the buffer: the text */
	MDRV_GATE_CLOSE,
	MDRV_GATE_OPEN,
	MDRV_STOCK_END,
};

/* What MDRV_PRINT's reference leads to. */
enum mdrv_device_kind {
	MDRV_DEVICE = 'd', /* a struct device */
	MDRV_NET_DEVICE = 'n', /* a struct net_device */
};

/* MDRV_PRINT's levels are those of the kernel, '0' to '7', and these. */
#define MDRV_LEVEL_NONE	    0
#define MDRV_LEVEL_CONTINUE 'c'

struct mdrv_attach {
	__u64 digest; /* of the contract, by mdrv_digest() */
	__u32 whole; /* out: objects cross whole, not by field */
	__u32 offsets[MDRV_MAPS]; /* out: where in its first page each mapped region begins */
	__u32 room; /* the largest payload that the u-driver takes; 0: MDRV_PAYLOAD */
	__u64 jiffies, ns; /* out: the kernel's clocks, read together; ns: CLOCK_MONOTONIC */
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
#define MDRV_FIELD_STRING(type, member)                                                            \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member), .bytes = sizeof(void *), \
		.shape = MDRV_STRING                                                               \
	}
#define MDRV_FIELD_DATA(type, member, count)                                                       \
	{                                                                                          \
		.name = #member, .offset = offsetof(struct type, member), .bytes = sizeof(void *), \
		.shape = MDRV_DATA, .link = count                                                  \
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

static inline struct mdrv_field mdrv_small_field_of(const struct mdrv_small_field *small)
{
	struct mdrv_field field = {
		.offset = small->offset,
		.bytes = small->bytes,
		.shape = (enum mdrv_shape)small->shape,
		.link = small->link,
		.max = ~0ULL,
	};

	if (field.shape == MDRV_DATA) {
		field.link = small->bytes;
		field.bytes = sizeof(void *);
	}
	if (field.shape == MDRV_BITS)
		field.max = (small->bits < 64 ? (1ULL << small->bits) - 1 : ~0ULL) << small->shift;
	return field;
}

/* The n-th field of a type; there are so many. */
static inline struct mdrv_field mdrv_field_of(const struct mdrv_type *type, __u32 n)
{
	struct mdrv_field field;

	if (!type->small)
		return type->fields[n];
	field = mdrv_small_field_of(&type->small[n]);
#ifndef __KERNEL__
	field.name = type->names ? type->names[n] : "?";
#endif
	return field;
}

/* The n-th access of a call; there are so many. */
static inline struct mdrv_access mdrv_access_of(const struct mdrv_call *call, __u32 n)
{
	if (!call->small)
		return call->accesses[n];
	return (struct mdrv_access){
		.type = call->small[n] >> 16,
		.field = (__u16)call->small[n] >> 2,
		.mode = call->small[n] & MDRV_INOUT,
	};
}

static inline __u64 mdrv_mix(__u64 hash, __u64 value)
{
	int n;

	for (n = 0; n < 8; n++, value >>= 8)
		hash = (hash ^ (value & 0xff)) * 0x100000001b3ULL; /* FNV-1a */
	return hash;
}

static inline __u64 mdrv_digest_argument(__u64 hash, const struct mdrv_argument *argument)
{
	hash = mdrv_mix(hash, (__u64)argument->kind << 48 | (__u64)argument->length << 40 |
				      (__u64)argument->flags << 32 | argument->type);
	return mdrv_mix(hash, argument->bytes);
}

static inline __u64 mdrv_digest_field(__u64 hash, const struct mdrv_field *field)
{
	hash = mdrv_mix(hash, (__u64)field->offset << 32 | field->bytes << 8 | field->shape);
	hash = mdrv_mix(hash, field->link);
	return field->shape == MDRV_BITS ? mdrv_mix(hash, field->max) : hash;
}

static inline __u64 mdrv_digest_calls(__u64 hash, const struct mdrv_call *calls, __u32 count)
{
	__u32 n, k;

	for (n = 0; n < count; n++) {
		hash = mdrv_mix(hash, calls[n].refs);
		for (k = 0; calls[n].signature && k <= MDRV_ARGS; k++)
			hash = mdrv_digest_argument(hash, &calls[n].signature[k]);
		for (k = 0; k < calls[n].accesses_count; k++) {
			struct mdrv_access access = mdrv_access_of(&calls[n], k);

			hash = mdrv_mix(hash, (__u64)access.type << 48 | (__u64)access.field << 32 |
						      access.mode);
		}
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

		hash = mdrv_mix(hash, (__u64)type->global << 32 | type->bytes);
		for (k = 0; k < type->fields_count; k++) {
			struct mdrv_field field = mdrv_field_of(type, k);

			hash = mdrv_digest_field(hash, &field);
		}
	}
	hash = mdrv_digest_calls(hash, contract->upcalls, contract->upcalls_count);
	return mdrv_digest_calls(hash, contract->downcalls, contract->downcalls_count);
}

#endif
