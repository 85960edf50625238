/* SPDX-License-Identifier: GPL-2.0 */
/*
 * edu's contract: what its k-driver and its u-driver share, and how they call
 * each other. The device is QEMU's, for teaching; its registers are described
 * in QEMU's docs/specs/edu.
 */
#ifndef EDU_H
#define EDU_H

#include "microdriver.h"

#define EDU_BUFFER_BYTES  4096
#define EDU_USABLE_BYTES  4095 /* QEMU's model ends itself at a transfer of the last byte */
#define EDU_IOC_FACTORIAL _IOWR('E', 1, __u32) /* of /dev/edu0 */

struct edu_stats {
	__u64 transfers, bytes, interrupts; /* counted by the k-driver */
	__u64 factorials; /* and by the u-driver */
};

/* A factorial that somebody wants to know. */
struct edu_request {
	void *next, *prev; /* in edu.requests */
	__u32 n, result;
};

/* The device. Behind it, each half may keep what is its own. */
struct edu {
	__u32 version;
	__u32 ready; /* the device node is there: the k-driver's to say */
	struct edu_stats stats;
	void *requests[2]; /* list of those that wait */
	struct edu_request *current_request;
};

enum edu_type { EDU, EDU_REQUEST };
enum edu_field { EDU_VERSION, EDU_READY, EDU_STATS, EDU_FACTORIALS, EDU_REQUESTS, EDU_CURRENT };
enum edu_request_field { EDU_REQUEST_N, EDU_REQUEST_RESULT };

static const struct mdrv_field edu_fields[] = {
	[EDU_VERSION] = MDRV_FIELD_RANGE(edu, version, 0, 0xff),
	[EDU_READY] = MDRV_FIELD_RANGE(edu, ready, 0, 1),
	[EDU_STATS] = MDRV_FIELD_BYTES(edu, stats),
	[EDU_FACTORIALS] = MDRV_FIELD(edu, stats.factorials),
	[EDU_REQUESTS] = MDRV_FIELD_LIST(edu, requests, edu_request, next),
	[EDU_CURRENT] = MDRV_FIELD_POINTER(edu, current_request),
};

static const struct mdrv_field edu_request_fields[] = {
	[EDU_REQUEST_N] = MDRV_FIELD(edu_request, n),
	[EDU_REQUEST_RESULT] = MDRV_FIELD(edu_request, result),
};

static const struct mdrv_type edu_types[] = {
	[EDU] = MDRV_TYPE(edu, edu_fields),
	[EDU_REQUEST] = MDRV_TYPE(edu_request, edu_request_fields),
};

enum edu_upcall { EDU_PROBE, EDU_FACTORIAL, EDU_REPORT };

static const struct mdrv_access edu_probe[] = {
	{ EDU, EDU_VERSION, MDRV_OUT },
	{ EDU, EDU_READY, MDRV_IN },
};

static const struct mdrv_access edu_factorial[] = {
	{ EDU, EDU_REQUESTS, MDRV_IN },
	{ EDU, EDU_CURRENT, MDRV_IN },
	{ EDU, EDU_FACTORIALS, MDRV_INOUT },
	{ EDU_REQUEST, EDU_REQUEST_N, MDRV_IN },
	{ EDU_REQUEST, EDU_REQUEST_RESULT, MDRV_OUT },
};

static const struct mdrv_access edu_report[] = {
	{ EDU, EDU_VERSION, MDRV_IN },
	{ EDU, EDU_STATS, MDRV_IN },
};

#define EDU_PROBE_MS 5000 /* enabling a PCI device may mean to run ACPI code */

static const struct mdrv_call edu_upcalls[] = {
	[EDU_PROBE] = MDRV_CALL("probe", edu_probe, .refs = 1, .flags = MDRV_AGAIN,
				.deadline_ms = EDU_PROBE_MS),
	[EDU_FACTORIAL] = MDRV_CALL("factorial", edu_factorial, .refs = 1, .flags = MDRV_AGAIN),
	[EDU_REPORT] = MDRV_CALL("report", edu_report, .refs = 1, .flags = MDRV_AGAIN),
};

enum edu_downcall { EDU_ENABLE, EDU_BUFFER, EDU_INTERRUPT, EDU_REGISTER, EDU_WAIT };

static const struct mdrv_access edu_nothing[] = { { EDU, EDU_READY, 0 } };

static const struct mdrv_call edu_downcalls[] = {
	[EDU_ENABLE] = MDRV_CALL("enable", edu_nothing),
	[EDU_BUFFER] = MDRV_CALL("buffer", edu_nothing),
	[EDU_INTERRUPT] = MDRV_CALL("interrupt", edu_nothing),
	[EDU_REGISTER] = MDRV_CALL("register", edu_nothing),
	[EDU_WAIT] = MDRV_CALL("wait", edu_nothing),
};

static const struct mdrv_contract edu_contract = {
	.name = "edu",
	.types = edu_types,
	.types_count = MDRV_COUNT(edu_types),
	.upcalls = edu_upcalls,
	.upcalls_count = MDRV_COUNT(edu_upcalls),
	.downcalls = edu_downcalls,
	.downcalls_count = MDRV_COUNT(edu_downcalls),
};

/* Registers, all 32 bits wide up to 0x7f, 64 bits behind. */
#define EDU_REG_ID	   0x00 /* 0xRRrr00ed: major and minor revision */
#define EDU_REG_LIVENESS   0x04 /* reads as the complement of what was written */
#define EDU_REG_FACTORIAL  0x08
#define EDU_REG_STATUS	   0x20
#define EDU_STATUS_BUSY	   0x01
#define EDU_REG_IRQ_STATUS 0x24
#define EDU_REG_IRQ_ACK	   0x64
#define EDU_REG_DMA_FROM   0x80
#define EDU_REG_DMA_TO	   0x88
#define EDU_REG_DMA_BYTES  0x90
#define EDU_REG_DMA_CMD	   0x98
#define EDU_DMA_START	   0x01
#define EDU_DMA_TO_RAM	   0x02
#define EDU_DMA_IRQ	   0x04
#define EDU_DMA_BUFFER	   0x40000 /* of EDU_BUFFER_BYTES, within the device */
#define EDU_IRQ_DMA	   0x100

#endif
