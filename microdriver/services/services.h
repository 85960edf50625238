/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Functions of the kernel, for the user's half of a driver that a tool has cut.
 *
 * That half is compiled from the driver's own source against the kernel's headers,
 * and calls what the kernel exports. What needs nothing of the kernel's state is
 * done here, in the process. All else is a downcall, which the tool generates.
 * names.toml lists what is here, by its file.
 *
 * These files include libc's headers, and cannot include the kernel's. So the
 * functions have plain types of the same size: they follow the kernel's binary
 * interface on x86-64, and the linker does not see the difference.
 *
 * Some names mean something else in libc: snprintf, sprintf, scnprintf, vsnprintf,
 * vscnprintf, vsprintf. They begin with k_ here, and the driver's half is compiled
 * with -Dsnprintf=k_snprintf for each of them ([renamed] in names.toml).
 *
 * The driver's half is compiled for a process, with -fno-stack-protector,
 * -fcf-protection=none, -mno-red-zone (its assembler calls functions) and -fno-pie.
 * It is linked with -no-pie: then variables of the processor, which the headers
 * address by %gs, are ordinary ones.
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

/* What `jiffies` is in the driver's text: up to date, also in a loop that does nothing else */
unsigned long services_jiffies(void);

/* The u-driver cannot go on: say why, and end it. */
void services_die(const char *format, ...) __printf(1, 2) __attribute__((noreturn));

/*
 * Ports of the processor, of 1, 2 or 4 bytes. A process without rights has none:
 * these end it, unless the tool generates others.
 */
__u32 services_port_read(unsigned int port, unsigned int bytes);
void services_port_write(__u32 value, unsigned int port, unsigned int bytes);

/*
 * Memory that both halves use comes from the kernel's half: the tool generates these
 * two, which are asked first. @device: it frees the memory when its driver lets it
 * go; NULL: kfree() does.
 * Return: NULL, and false: that is no such memory
 */
void *services_allocate(size_t bytes, const void *device);
bool services_release(const void *at);

/* Free what devm_kmalloc() and its like gave for devices in so many bytes. */
void services_devm_release(const void *at, size_t bytes);

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
