// SPDX-License-Identifier: GPL-2.0
/*
 * WARN() and BUG() of the driver's half: an illegal instruction, whose place and
 * meaning stand in a table. A warning is printed, and the u-driver goes on; a BUG()
 * ends it.
 */
#define _GNU_SOURCE /* REG_RIP */
#include "services.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

#define IS_WARNING 0x01
#define ONCE	   0x02
#define DONE	   0x04
#define HAS_TEXT   0x08 /* __warn_printk() has printed it */
#define TRAP_BYTES 2 /* of the instruction */
#define CUT_HERE   "\0014------------[ cut here ]------------\n"

static const char *place(const __s32 *from_here)
{
	return (const char *)from_here + *from_here;
}

static struct bug_entry *entry_of(const char *address)
{
	struct bug_entry *entry;

	for (entry = __start___bug_table; entry < __stop___bug_table; entry++)
		if (place(&entry->address) == address)
			return entry;
	return NULL;
}

static void warn(struct bug_entry *entry)
{
	if (entry->flags & ONCE && entry->flags & DONE)
		return;
	entry->flags |= DONE;
	if (!(entry->flags & HAS_TEXT))
		_printk(CUT_HERE);
	_printk("\0014WARNING: PID: %d at %s:%u in the u-driver\n", getpid(), place(&entry->file),
		entry->line);
}

static void on_illegal(int number, siginfo_t *info, void *context)
{
	greg_t *at = &((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
	struct bug_entry *entry = entry_of((const char *)*at);

	(void)info;
	if (!entry) {
		signal(number, SIG_DFL); /* again, and for good */
		return;
	}
	if (!(entry->flags & IS_WARNING)) {
		_printk("\0012kernel BUG at %s:%u in the u-driver!\n", place(&entry->file),
			entry->line);
		services_die("BUG at %s:%u", place(&entry->file), entry->line);
	}
	warn(entry);
	*at += TRAP_BYTES;
}

static void __attribute__((constructor)) begin_warnings(void)
{
	struct sigaction action = { .sa_sigaction = on_illegal,
				    .sa_flags = SA_SIGINFO | SA_NODEFER };

	if (sigaction(SIGILL, &action, NULL))
		services_die("no signals: %s", strerror(errno));
}
