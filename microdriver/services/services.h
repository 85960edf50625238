/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the kernel, for the user's half of a driver that a tool has cut.
 *
 * That half is compiled from the driver's own source against the kernel's headers,
 * and calls what the kernel exports. What needs nothing of the kernel's state is
 * done here, in the process. All else is a downcall, which the tool generates.
 * names.txt lists what is here, and which group it belongs to.
 *
 * These files include libc's headers, and cannot include the kernel's. So the
 * functions have plain types of the same size: they follow the kernel's binary
 * interface on x86-64, and the linker does not see the difference.
 *
 * Some names mean something else in libc. They begin with k_ here: names.txt gives
 * the kernel's name beside it. The driver's half has to be compiled with
 * -Dsnprintf=k_snprintf for each of them (or objcopy --redefine-sym).
 *
 * Options for the driver's half: those of Kbuild, but -fno-stack-protector,
 * -fcf-protection=none, -mindirect-branch=keep, -mfunction-return=keep,
 * -mharden-sls=none, -mcmodel=small, no -pg and no -mfentry; linked with -no-pie.
 */
#ifndef SERVICES_H
#define SERVICES_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <linux/types.h>
#include <sys/types.h>

#include "mdu.h"

#define ARRAY_SIZE(array) (sizeof(array) / sizeof((array)[0]))
#define __noreturn	  __attribute__((noreturn))
#define __alias(name)	  __attribute__((alias(#name)))
/* For functions that assembler calls, as if they used no registers */
#define __keeps_registers  __attribute__((no_caller_saved_registers, target("general-regs-only")))
#define __weak		   __attribute__((weak))
#define __printf(at, from) __attribute__((format(printf, at, from)))

/* What the kernel's configuration and structs are like; the tool generates it. */
struct mdu_layout {
	const char *driver; /* its name, as the kernel has it */
	__u32 hz;
	__u32 link_modes; /* __ETHTOOL_LINK_MODE_MASK_NBITS */
	/* offsets in struct resource */
	__u32 resource_start, resource_end, resource_flags;
};

extern const struct mdu_layout mdu_layout;

/* The u-driver cannot go on: say why, and end it. */
void services_die(const char *format, ...) __printf(1, 2) __attribute__((noreturn));

/*
 * Ports of the processor, of 1, 2 or 4 bytes. A process without rights has none:
 * these end it, unless the tool generates others.
 */
__u32 services_port_read(unsigned int port, unsigned int bytes);
void services_port_write(__u32 value, unsigned int port, unsigned int bytes);

/* Free what devm_kmalloc() and its like gave for @device. */
void services_devm_release(const void *device);

/* ---- format.c, under the names that generated code uses ---- */
int k_vsnprintf(char *to, size_t bytes, const char *format, va_list args);
int k_vscnprintf(char *to, size_t bytes, const char *format, va_list args);
int k_snprintf(char *to, size_t bytes, const char *format, ...);
int k_scnprintf(char *to, size_t bytes, const char *format, ...);
int k_sprintf(char *to, const char *format, ...);
int k_vsprintf(char *to, const char *format, va_list args);

/* sized_strscpy() and what else files here take from each other */
ssize_t sized_strscpy(char *to, const char *from, size_t bytes);
int _printk(const char *format, ...);
extern unsigned long jiffies_64;

/* What %pV takes */
struct va_format {
	const char *format;
	va_list *args;
};

/* The places of WARN() and BUG() in the driver's half: between these, which the linker sets */
struct bug_entry {
	__s32 address, file; /* from here */
	__u16 line, flags;
};

extern struct bug_entry __start___bug_table[] __weak;
extern struct bug_entry __stop___bug_table[] __weak;

#endif
