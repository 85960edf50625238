/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The user's half of the microdriver runtime, as a u-driver sees it.
 *
 * A u-driver opens its instance, gives a function for each upcall, and runs.
 * The functions see shared objects as ordinary structs of their own; what they
 * write there crosses back, as far as the contract allows it.
 */
#ifndef MDU_H
#define MDU_H

#include <stdbool.h>

#include "microdriver.h"

struct mdu;

struct mdu_buffer {
	void *data; /* of MDRV_PAYLOAD bytes at most */
	__u32 bytes;
};

/* Return: 0 or more, or -errno, for the k-driver */
typedef int (*mdu_upcall_fn)(struct mdu *md, __u64 *args, struct mdu_buffer *buffer);

/* Return: NULL, with errno EBUSY (another u-driver is attached), EPROTO (another contract), ... */
struct mdu *mdu_open(const char *node, const struct mdrv_contract *contract,
		     const mdu_upcall_fn *upcalls, void *priv);
void *mdu_priv(const struct mdu *md);

/* Serve one or several instances until one of them expels us. Return: -errno */
int mdu_run(struct mdu *const *mds, unsigned int count);

/*
 * Call the k-driver. In an upcall it runs in the thread that made it; outside
 * of one, in this thread.
 * Return: its status, or -errno. It does not come back if the instance expels us.
 */
int mdu_downcall_args(struct mdu *md, __u32 call, __u64 *args, struct mdu_buffer *buffer);
#define mdu_downcall(md, call, ...) mdu_downcall_args(md, call, MDRV_ARGUMENTS(__VA_ARGS__), NULL)
#define mdu_arg(pointer)	    ((__u64)(unsigned long)(pointer))

int mdu_lock(struct mdu *md, unsigned int number);
int mdu_unlock(struct mdu *md, unsigned int number);

/* A mapped region of the device. Return: NULL, and errno says why */
volatile void *mdu_map(struct mdu *md, unsigned int index, size_t bytes);

/* ---- u-drivers that are generated: all their calls have signatures ---- */

struct mdu_driver {
	const struct mdrv_contract *contract;
	const void *const *functions; /* of the upcalls; they get MDRV_ARGS arguments of 64 bits */
	const struct mdrv_static *statics; /* in the order of both halves */
	__u32 statics_count;
};

/* The instance whose upcall is being served, or that was opened last. */
extern struct mdu *mdu_current;

/* As mdu_open() */
struct mdu *mdu_open_sliced(const char *node, const struct mdu_driver *driver);

/* Call the k-driver by the downcall's signature. Return: the function's result */
__u64 mdu_call(struct mdu *md, __u32 number, const __u64 *args);

/* True if @at leads into something that the halves share, so that it can cross as a reference. */
bool mdu_knows(const void *at);

/*
 * Print in the kernel's log. @level: '0' to '7', MDRV_LEVEL_NONE or
 * MDRV_LEVEL_CONTINUE; @text without a level. A device that the k-driver does not
 * know is left out.
 */
void mdu_print(char level, const void *device, const char *text, size_t bytes);
void mdu_print_netdev(char level, const void *netdev, const char *text, size_t bytes);

/* From close to open, no code of the k-driver runs that the gate is in front of. They nest. */
void mdu_gate_close(void);
void mdu_gate_open(void);

/*
 * A program may define these. mdu_clock() is told the kernel's clocks when the
 * instance is opened; mdu_moment() runs before each upcall and behind each call.
 */
void mdu_clock(__u64 jiffies, __u64 ns);
void mdu_moment(void);

/* Print the contract, in the form that mdu_describe.c describes. */
void mdu_describe(const struct mdrv_contract *contract);

/* Called for an object, or memory, before it is forgotten; a program may have its own. */
void mdu_ends(const void *at, __u64 bytes);

#endif
