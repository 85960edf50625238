// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultkit_reached - the witness of a mutation: a mutated driver calls it where it was mutated
 *
 * The function does nothing. A breakpoint that is set from outside the guest
 * reports the call. The parameter "at" is the function's address.
 */
#include <linux/export.h>
#include <linux/module.h>

void faultkit_reached(void);

static unsigned long at = (unsigned long)faultkit_reached;
module_param(at, ulong, 0400);
MODULE_PARM_DESC(at, "Address of faultkit_reached(), to be read only");

/* Context: any */
noinline void faultkit_reached(void)
{
	barrier(); /* so that it is called at all */
}
EXPORT_SYMBOL_GPL(faultkit_reached);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("The witness of mutated drivers");
