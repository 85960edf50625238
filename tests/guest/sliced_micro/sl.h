/* SPDX-License-Identifier: GPL-2.0 */
/* What the halves of the sliced selftest share: structs, and the numbers of calls. */
#ifndef SL_H
#define SL_H

#include "microdriver.h"

#define SL_RING	  8192 /* bytes of the ring */
#define SL_SERIAL 6
#define SL_WORDS  4
#define SL_SECRET 0x5ec7e7
#define SL_PAGE	  4096
#define SL_NODES  3

struct sl_part {
	__u32 weight;
	__u32 hidden; /* crosses with no call */
	struct sl_part *next;
};

/* In the place of a driver's private struct. */
struct sl {
	__u8 small;
	__s16 middle;
	__u32 before;
	__u32 low : 4, wide : 9, high : 19; /* one unit of 4 bytes */
	__u32 after;
	__u64 large;
	__u8 words[SL_WORDS];
	const char *title;
	const __u8 *serial; /* SL_SERIAL bytes */
	struct sl_part *part;
	void *opaque; /* the kernel's own */
	void *failed; /* an error pointer */
	__u32 *ring;
	__u64 ring_at; /* for the device */
	const void *table; /* a static */
	__u32 looks; /* of the k-driver */
	__u32 outer; /* crosses with the upcall in which others are made */
	__u64 taken; /* locks; crosses with no call */
};

struct sl_global {
	__s32 level;
	__u32 other; /* crosses with no call */
};

enum sl_type { SL, SL_PART, SL_GLOBAL };
enum sl_field {
	SL_F_SMALL,
	SL_F_MIDDLE,
	SL_F_WIDE,
	SL_F_HIGH,
	SL_F_LARGE,
	SL_F_WORDS,
	SL_F_TITLE,
	SL_F_SERIAL,
	SL_F_PART,
	SL_F_OPAQUE,
	SL_F_FAILED,
	SL_F_RING,
	SL_F_RING_AT,
	SL_F_TABLE,
	SL_F_LOOKS,
	SL_F_OUTER,
};

enum sl_part_field { SL_P_WEIGHT, SL_P_NEXT };
enum sl_global_field { SL_G_LEVEL };
enum sl_static { SL_S_GLOBAL, SL_S_TABLE, SL_S_HANDLER, SL_S_END };

enum sl_upcall {
	SL_UP_VALUES, /* s8, u16, s32, u64 -> s64 */
	SL_UP_FIELDS, /* each field is read, and changed */
	SL_UP_LENT, /* part -> the weights of all that are behind it */
	SL_UP_POINTERS, /* what, part -> a pointer of that kind */
	SL_UP_BUFFERS, /* read, written, both, bytes */
	SL_UP_TEXTS, /* text, copy -> length */
	SL_UP_DO, /* what, n: a series of downcalls */
	SL_UP_INNER, /* n, within a downcall */
	SL_UP_UNKNOWN, /* a result that leads to nothing */
	SL_UP_BIG, /* many bytes, there and back */
	SL_UP_AGAIN, /* the interrupt is freed, and the process ends; and once more */
	SL_UP_FINISH, /* the same, in a call that ends something: behind the n-th step */
	SL_UP_END,
};

enum sl_downcall {
	SL_D_VALUES, /* s8, u16, s32, u64 -> s16 */
	SL_D_BOOL, /* -> bool, with garbage above it */
	SL_D_TEXT, /* text -> length */
	SL_D_KEEP, /* text, which is kept -> how often it was told the same */
	SL_D_KEPT, /* -> bytes of the text that was kept first */
	SL_D_COPY, /* bytes, count: turned round -> their sum */
	SL_D_REFERENCE, /* a pointer -> what it is to the k-driver */
	SL_D_POINTER, /* what -> a pointer of that kind */
	SL_D_ALLOCATE, /* -> part; acquired, shared */
	SL_D_FREE, /* part */
	SL_D_RING, /* bytes, where its address for the device goes -> ring; acquired, mapped */
	SL_D_UNRING, /* bytes, ring, its address for the device */
	SL_D_REGISTERS, /* where the physical address goes, bytes -> registers; acquired, mapped */
	SL_D_UNREGISTERS, /* registers */
	SL_D_HIDE, /* bytes -> memory that is not mapped; acquired */
	SL_D_UNHIDE, /* memory */
	SL_D_IRQ, /* number, handler, flags, name, dev -> 0; acquired */
	SL_D_FREE_IRQ, /* number, dev */
	SL_D_TAKE, /* place of a lock -> whether it was taken; acquired */
	SL_D_DROP, /* place of a lock */
	SL_D_LOOK, /* the k-driver looks at the private struct, and changes it */
	SL_D_NEST, /* n: makes the upcall inner */
	SL_D_PAUSE, /* milliseconds */
	SL_D_PASSED, /* -> how often somebody has passed the gate */
	SL_D_WAITED, /* -> whether somebody has waited for the gate, and passed it */
	SL_D_WAIT, /* -> whether it waits for the gate, within the chain */
	SL_D_SAY, /* key, value: for the answer */
	SL_D_WHICH, /* -> the number of the interrupt */
	SL_D_DISABLED, /* -> whether it is disabled */
	SL_D_END,
};

/* What the u-driver is to do. */
enum sl_do {
	SL_DO_VALUES,
	SL_DO_TEXTS,
	SL_DO_COPIES,
	SL_DO_POINTERS,
	SL_DO_MEMORY,
	SL_DO_ACQUIRE, /* all kinds; and release them again, unless it ends behind the n-th */
	SL_DO_KEEP, /* the same, and keep them */
	SL_DO_RELEASE, /* what was kept */
	SL_DO_FIELDS, /* of the upcall, in a downcall */
	SL_DO_NEST,
	SL_DO_GATE,
	SL_DO_GATE_AND_DIE,
	SL_DO_PRINT,
	SL_DO_STRAY, /* a pointer to nothing shared */
	SL_DO_STRAY_FIELD,
	SL_DO_GLOBAL,
	SL_DO_GONE, /* look at memory that was released */
	SL_DO_FOREIGN, /* get so many foreign pointers, and use the first */
	SL_DO_SLEEP, /* milliseconds, in the process */
	SL_DO_SHORT, /* a copy from an object that is too short for it */
	SL_DO_UNNAMED, /* read a field that the call's table does not name */
	SL_DO_LOCK, /* and unlock, unless it ends behind the first step or stops behind the third */
};

/* Kinds of pointers. */
enum sl_pointer { SL_PTR_NULL, SL_PTR_ERROR, SL_PTR_OBJECT, SL_PTR_STATIC, SL_PTR_FOREIGN };

#endif
