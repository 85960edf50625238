/* SPDX-License-Identifier: GPL-2.0 */
/* Shared by the files of the sliced selftest's k-driver. */
#ifndef SL_K_H
#define SL_K_H

#include <linux/interrupt.h>
#include <linux/platform_device.h>

#include "mdrv_kernel.h"
#include "sl.h"

/* sl_k.c */
extern struct mdrv_instance *sl_md;
extern struct platform_device *sl_machine;
extern struct sl sl_state;
extern int sl_irq;
extern int sl_passed; /* times that somebody has passed the gate */
extern int sl_waited; /* times that somebody has waited for the gate, and passed it */
__printf(1, 2) void sl_say(const char *format, ...);

/* sl_downcalls.c */
extern const struct mdrv_service sl_services[];
extern const struct mdrv_static sl_statics[];
extern struct sl_global sl_global;
extern int sl_held; /* what downcalls have acquired, and nobody has released */
extern u32 sl_held_kinds; /* bit n: by downcall n */
irqreturn_t sl_handler(int irq, void *what);

#endif
