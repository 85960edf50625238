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

#define ARRAY_SIZE(array)  (sizeof(array) / sizeof((array)[0]))
#define __noreturn	   __attribute__((noreturn))
#define __alias(name)	   __attribute__((alias(#name)))
#define __weak		   __attribute__((weak))
#define __printf(at, from) __attribute__((format(printf, at, from)))

/* What the kernel's configuration and structs are like; the tool generates it. */
struct mdu_layout {
	__u32 hz;
	/* offsets in struct resource */
	__u32 resource_start, resource_end, resource_flags;
};

extern const struct mdu_layout mdu_layout;

/*
 * Bring jiffies up to date. To be called when an upcall begins, and behind each
 * downcall: a u-driver has no timer interrupt.
 */
void services_begin(void);

/* The kernel had these jiffies when CLOCK_MONOTONIC was @ns. */
void mdu_clock(__u64 jiffies, __u64 ns);

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

/* ---- what these need of the runtime (mdu.h) ---- */
void mdu_print(char level, const void *device, const char *text, size_t bytes);
/* The same for a struct net_device, before whose name the kernel puts its device's. */
void mdu_print_netdev(char level, const void *netdev, const char *text, size_t bytes);
void mdu_gate_close(void);
void mdu_gate_open(void);
bool mdu_knows(const void *at);

/* ---- format.c, under the names that generated code uses ---- */
int k_vsnprintf(char *to, size_t bytes, const char *format, va_list args);
int k_vscnprintf(char *to, size_t bytes, const char *format, va_list args);
int k_snprintf(char *to, size_t bytes, const char *format, ...);
int k_scnprintf(char *to, size_t bytes, const char *format, ...);
int k_sprintf(char *to, const char *format, ...);
int k_vsprintf(char *to, const char *format, va_list args);

/* What %pV takes */
struct va_format {
	const char *format;
	va_list *args;
};

#endif
