/* SPDX-License-Identifier: GPL-2.0 */
/* The process's half of a sliced driver: its tables, compiled with the C library's headers. */
#ifndef SLICED_PROCESS_H
#define SLICED_PROCESS_H

#include "mdu.h"
#include "sliced_contract.h"
#include "sliced_way.h"

__u64 sliced_down(__u32 number, const __u64 *args);
void services_devm_release(const void *at, size_t bytes); /* microdriver/services */

/* Memory of so many bytes is an object that both halves use: the kernel's half allocates it. */
struct sliced_allocation {
	__u32 bytes, call;
	bool managed; /* by a device, which frees it */
};

extern const struct sliced_allocation *const sliced_allocations;
extern const __u32 sliced_allocations_count;
extern const __u32 sliced_release; /* the call that frees such an object */

#endif
