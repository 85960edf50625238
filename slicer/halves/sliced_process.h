/* SPDX-License-Identifier: GPL-2.0 */
/* The process's half of a sliced driver: its tables, compiled with the C library's headers. */
#ifndef SLICED_PROCESS_H
#define SLICED_PROCESS_H

#include "mdu.h"
#include "sliced_contract.h"
#include "sliced_way.h"

__u64 sliced_down(__u32 number, const __u64 *args);

#endif
