/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The way from a process's code to functions of the kernel's, in machine code:
 * arguments become a table as they lie in registers, whatever their types.
 */
#ifndef SLICED_WAY_H
#define SLICED_WAY_H

#ifndef __x86_64__
#error "the way to the kernel's functions is written for x86-64"
#endif

/* A function of the kernel's; eax holds the number of the call. */
#define SLICED_WAY(name, number)                                                                   \
	__asm__(".text\n"                                                                          \
		".globl " #name "\n"                                                               \
		".type " #name ", @function\n" #name ":\n"                                         \
		"\tmovl $" #number ", %eax\n"                                                      \
		"\tjmp sliced_way\n"                                                               \
		".size " #name ", . - " #name "\n");

/* All of them come here. */
#define SLICED_ENTRY                                                                               \
	__asm__(".text\n"                                                                          \
		".globl sliced_way\n"                                                              \
		".type sliced_way, @function\n"                                                    \
		"sliced_way:\n"                                                                    \
		"\t.cfi_startproc\n"                                                               \
		"\tpushq %rbp\n"                                                                   \
		"\t.cfi_def_cfa_offset 16\n"                                                       \
		"\t.cfi_offset %rbp, -16\n"                                                        \
		"\tmovq %rsp, %rbp\n"                                                              \
		"\t.cfi_def_cfa_register %rbp\n"                                                   \
		"\tsubq $48, %rsp\n"                                                               \
		"\tmovq %rdi, (%rsp)\n"                                                            \
		"\tmovq %rsi, 8(%rsp)\n"                                                           \
		"\tmovq %rdx, 16(%rsp)\n"                                                          \
		"\tmovq %rcx, 24(%rsp)\n"                                                          \
		"\tmovq %r8, 32(%rsp)\n"                                                           \
		"\tmovq %r9, 40(%rsp)\n"                                                           \
		"\tmovl %eax, %edi\n"                                                              \
		"\tmovq %rsp, %rsi\n"                                                              \
		"\tcall sliced_down\n"                                                             \
		"\tleave\n"                                                                        \
		"\t.cfi_def_cfa %rsp, 8\n"                                                         \
		"\tret\n"                                                                          \
		"\t.cfi_endproc\n"                                                                 \
		".size sliced_way, . - sliced_way\n");

/* A function or variable that only the driver's tables name. */
#define SLICED_NO_WAY(name)                                                                        \
	__asm__(".text\n"                                                                          \
		".globl " #name "\n" #name ":\n"                                                   \
		"\tud2\n");

#endif
