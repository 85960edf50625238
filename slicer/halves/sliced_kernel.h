/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's half of a sliced driver. Its files include this one behind their
 * own headers: from there on module_init() names a function that runs once the
 * process is there, and no function's code is freed after loading.
 */
#ifndef SLICED_KERNEL_H
#define SLICED_KERNEL_H

#include <linux/module.h>
#include <linux/err.h>
#include "mdrv_kernel.h"
#include "sliced_calls.h"

#ifndef SLICED_LOADS
#undef module_init
#undef module_exit
#undef __init
#undef __exit
#undef __initdata
#undef __initconst
#undef __exitdata
#define module_init(function) int sliced_init(void) __attribute__((alias(#function)));
#define module_exit(function) void sliced_exit(void) __attribute__((alias(#function)));
#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata
#endif

/* An argument of a call as it crosses. */
#define SLICED_ARG(value) ((u64)(unsigned long)(value))

extern struct mdrv_instance *sliced_instance;
extern const struct mdrv_ops sliced_ops;
extern const struct mdrv_contract *const sliced_contract_of_driver;

void *sliced_allocate(struct device *device, size_t bytes);
void sliced_release(const void *at);
void sliced_joined(struct mdrv_instance *md);

/* Call the process. @fails: the value if it does not answer; 1: the error is the value */
u64 sliced_up(u32 number, u32 bytes, const u64 *args, u64 fails);
/* The same, for the first and for the last call about an object that stays known between them */
u64 sliced_up_first(u32 number, u32 bytes, const u64 *args, u64 fails, u64 object);
u64 sliced_up_last(u32 number, u32 bytes, const u64 *args, u64 fails, u64 object);

static inline void sliced_leave(const bool *entered)
{
	if (*entered)
		mdrv_gate_leave(sliced_instance);
}

/* Come back later, with an answer for now, while the process holds a lock. */
#define SLICED_GATE(answer)                                                                        \
	const bool sliced_entered __attribute__((cleanup(sliced_leave))) =                         \
		mdrv_gate_enter(sliced_instance);                                                  \
	if (!sliced_entered)                                                                       \
	return answer

/* Come back later: @passes has the same done when the process holds no lock any more. */
#define SLICED_GATE_LATER(passes, what)                                                            \
	const bool sliced_entered __attribute__((cleanup(sliced_leave))) = passes(what);           \
	if (!sliced_entered)                                                                       \
	return

/* Wait until the process holds no lock. */
#define SLICED_GATE_WAIT()                                                                         \
	const bool sliced_entered __attribute__((cleanup(sliced_leave))) =                         \
		mdrv_gate_wait(sliced_instance)

struct net_device;

/* Pass the gate, or let the device's ndo_set_rx_mode() be called when it opens. */
bool sliced_gate_rx_mode(struct net_device *dev);

#endif
