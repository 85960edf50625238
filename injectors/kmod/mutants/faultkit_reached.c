// SPDX-License-Identifier: GPL-2.0-only
/*
 * faultkit_reached - what a mutated driver calls when control comes to the place of its mutation
 *
 * It does nothing: a breakpoint from outside tells of the call. The parameter "at" is its address.
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
