// SPDX-License-Identifier: GPL-2.0
/* WARN(), WARN_ON_ONCE() and BUG() as the kernel's headers lower them on x86-64 */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "asked.h"

#define WARNING	 1
#define ONCE	 2
#define HAS_TEXT 8

/* An illegal instruction, and its entry in the table: address, file, line, flags */
#define TRAP(line, flags)                                                                          \
	__asm__ volatile("1: ud2\n"                                                                \
			 ".pushsection __bug_table, \"aw\"\n"                                      \
			 "2: .long 1b - .\n"                                                       \
			 ".long %c0 - .\n"                                                         \
			 ".word %c1\n"                                                             \
			 ".word %c2\n"                                                             \
			 ".popsection\n"                                                           \
			 :                                                                         \
			 : "i"(file), "i"(line), "i"(flags))

static const char file[] = "driver.c";

static void tell(int number)
{
	(void)number;
	printf("%s", recorded);
	recorded[0] = '\0';
	fflush(stdout);
}

int main(void)
{
	int n;

	signal(SIGABRT, tell);
	TRAP(10, WARNING);
	for (n = 0; n < 3; n++)
		TRAP(11, WARNING | ONCE | HAS_TEXT);
	tell(0);
	printf("went on\n");
	TRAP(13, 0);
	return 0;
}
