/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What probes need to know of the processor and the kernel has no common name for
 *
 * The kernel's half of faultkit/model/processor.py. All other C files use the
 * kernel's own names, such as regs_get_kernel_argument().
 */
#ifndef FAULTKIT_PROCESSOR_H
#define FAULTKIT_PROCESSOR_H

#include <linux/linkage.h>
#include <linux/objtool.h>
#include <linux/ptrace.h>

#ifndef CONFIG_X86_64
#error "faultkit knows x86-64 alone: this file needs another processor's facts"
#endif

#define PROCESSOR_ARGUMENTS   6 /* that a function takes in registers */
#define PROCESSOR_SYSTEM_CALL "__x64_sys_" /* how names of system calls begin */
#define PROCESSOR_RETURN      ASM_RET

/*
 * Where does the call return to that has just been entered?
 * Context: the function's first instruction; the address is on top of the stack
 */
static __always_inline unsigned long processor_caller(struct pt_regs *regs)
{
	return *(unsigned long *)kernel_stack_pointer(regs);
}

/* The register of a function's argument, from 1. Context: the function's first instruction. */
static __always_inline unsigned long *processor_argument(struct pt_regs *regs, long n)
{
	unsigned long *registers[PROCESSOR_ARGUMENTS] = { &regs->di, &regs->si, &regs->dx,
							  &regs->cx, &regs->r8, &regs->r9 };

	return registers[n - 1];
}

#endif
