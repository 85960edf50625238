/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the files of the user's half of the runtime. */
#ifndef MDU_INTERNAL_H
#define MDU_INTERNAL_H

#include "mdu.h"

#define BUCKETS 256
#define PAGE	4096UL

#define MDU_POISON_BYTE	 0x5a
#define MDU_POISON_CALLS 2 /* level of MDU_POISON: at each call */

struct link { /* list_head, as the kernel has it */
	struct link *next, *prev;
};

/* What a pointer of the kernel's leads to, as MDRV_STRING and MDRV_DATA bring it. */
struct copy {
	struct copy *next;
	__u32 field; /* of the object */
	char data[];
};

struct object {
	struct object *next, *next_by_id; /* next: of the same type */
	__u32 id;
	__u64 bytes;
	void *at, *twin; /* the twin: as the k-driver has it, pointers as they cross */
	bool is_static; /* it is a global of the program's */
	bool *hidden; /* of each field: it is poisoned */
	struct copy *copies; /* that fields of it point to */
};

/* Room for a message of any length. */
struct space {
	struct space *next;
	struct mdrv_message message;
};

struct mdu {
	int fd;
	const struct mdrv_contract *contract;
	const mdu_upcall_fn *upcalls;
	const struct mdu_driver *sliced; /* NULL: written by hand */
	void *priv;
	struct object **by_type; /* behind those of the contract: memory */
	struct object *by_id[BUCKETS];
	void *by_address; /* a tree of tsearch() */
	struct copy
		*retired; /* copies that nobody points to any more, until the next upcall begins */
	const struct mdrv_call *up; /* the upcall with a signature that is being served */
	__u32 seq; /* of the upcall that is being served; 0: none */
	__u32 turns; /* downcalls ever made */
	bool whole;
	int poison; /* the level of MDU_POISON */
	__u32 room; /* for the payload of a message */
	struct space *spare;
	__u32 offsets[MDRV_MAPS];
	char *foreign; /* addresses of foreign pointers: nobody may look there */
};

/* mdu.c */
void mdu_die(const struct mdu *md, const char *format, ...)
	__attribute__((format(printf, 2, 3), noreturn));
struct mdrv_message *mdu_message_new(struct mdu *md, __u32 kind, __u32 call);
void mdu_message_free(struct mdu *md, struct mdrv_message *message);
void mdu_begin(struct mdrv_message *message, __u32 kind, __u32 call, __u32 seq);
void mdu_await_result(struct mdu *md, const struct mdrv_call *call, struct mdrv_message *message);

/* mdu_objects.c */
void mdu_objects_init(struct mdu *md);
const struct mdrv_type *mdu_type_of(const struct mdu *md, const struct object *object);
bool mdu_is_memory(const struct object *object);
struct object *mdu_objects_of(const struct mdu *md, __u32 type);
struct object *mdu_object_by_id(struct mdu *md, __u32 id);
void mdu_take_region(struct mdu *md, __u32 id, const __u8 *data, __u32 bytes);
void mdu_take_data(struct mdu *md, struct object *object, __u32 field, const __u8 *data,
		   __u32 bytes);
const char *mdu_copy_of(const struct object *object, __u32 field);
bool mdu_is_there(const struct mdu *md, __u64 ref);
void mdu_forget(struct mdu *md, __u32 id);
void mdu_forget_retired(struct mdu *md);
bool mdu_ref_of(const struct mdu *md, __u64 pointer, __u64 *ref);
__u64 mdu_pointer_of(struct mdu *md, __u64 ref);

/* mdu_poison.c */
void mdu_poison_object(struct mdu *md, struct object *object, const struct mdrv_call *call);
void mdu_poison_all(struct mdu *md, const struct mdrv_call *call);

/* mdu_fields.c */
__u8 *mdu_reserve(struct mdu *md, struct mdrv_message *to, __u32 object, __u16 field, __u32 bytes);
const __u8 *mdu_record_of(const struct mdrv_message *from, int number, __u32 *bytes);
void mdu_pack(struct mdu *md, const struct mdrv_call *call, const struct mdrv_call *up, __u32 mode,
	      struct mdrv_message *to, const struct mdu_buffer *buffer);
void mdu_unpack(struct mdu *md, const struct mdrv_message *from, struct mdu_buffer *buffer);

/* mdu_calls.c */
void mdu_serve_signed(struct mdu *md, struct mdrv_message *message);

#endif
