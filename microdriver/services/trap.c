// SPDX-License-Identifier: GPL-2.0
/*
 * The end of a u-driver that finds a defect in itself, and functions that are
 * never called: the compiler removes their calls, or fails to.
 */
#include "services.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void services_die(const char *format, ...)
{
	char text[512];
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	fprintf(stderr, "%.*s\n", bytes, text);
	abort();
}

/* ---- ports: where the tool makes no downcalls of them ---- */

__weak __u32 services_port_read(unsigned int port, unsigned int bytes)
{
	services_die("port %#x: %u bytes are read, but a u-driver has no ports", port, bytes);
}

__weak void services_port_write(__u32 value, unsigned int port, unsigned int bytes)
{
	services_die("port %#x: %u bytes are written (%#x), but a u-driver has no ports", port,
		     bytes, value);
}

/* ---- an access outside of an object, which the kernel's headers look for ---- */

void __fortify_panic(__u8 reason, size_t available, size_t wanted)
{
	services_die("fortify: %zu bytes of %zu (reason %u)", wanted, available, reason);
}

void __fortify_report(__u8 reason, size_t available, size_t wanted)
{
	fprintf(stderr, "fortify: %zu bytes of %zu (reason %u)\n", wanted, available, reason);
}

void panic(const char *format, ...)
{
	char text[512];
	va_list args;

	va_start(args, format);
	k_vscnprintf(text, sizeof(text), format, args);
	va_end(args);
	services_die("the driver panics: %s", text);
}

/* What a counter of references warns of: the kernel goes on, with the counter stuck. */
void refcount_warn_saturate(int *counter, int why)
{
	*counter = -0x40000000; /* REFCOUNT_SATURATED */
	_printk("\0014refcount_t: saturated in the u-driver (%d)\n", why);
}

/* Copies from and to users are checked where they are made, in the kernel. */
void __check_object_size(const void *at, unsigned long bytes, bool to_user)
{
	(void)at;
	(void)bytes;
	(void)to_user;
}

#define NEVER(name)                                                                                \
	void name(void)                                                                            \
	{                                                                                          \
		services_die("%s() was called", #name);                                            \
	}

NEVER(____wrong_branch_error)
NEVER(__bad_udelay)
NEVER(__bad_ndelay)
NEVER(__bad_copy_from)
NEVER(__bad_copy_to)
NEVER(__bad_size_call_parameter)
NEVER(__bad_percpu_size)
NEVER(__xchg_wrong_size)
NEVER(__cmpxchg_wrong_size)
NEVER(__xadd_wrong_size)
NEVER(__add_wrong_size)
NEVER(__read_overflow)
NEVER(__read_overflow2)
NEVER(__read_overflow2_field)
NEVER(__write_overflow)
NEVER(__write_overflow_field)
NEVER(__bad_mask)
NEVER(__field_overflow)
NEVER(__warn_flushing_systemwide_wq)

/* ---- a damaged list: the kernel ends there, too ---- */

bool __list_add_valid_or_report(void *new, void *prev, void *next)
{
	services_die("a damaged list: %p is added between %p and %p", new, prev, next);
}

bool __list_del_entry_valid_or_report(void *entry)
{
	services_die("a damaged list: %p is removed", entry);
}
