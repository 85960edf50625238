// SPDX-License-Identifier: GPL-2.0
/* Runs headers.c, whose own headers are the kernel's. */
#include <stdio.h>

#include "asked.h"

int main(int count, char **args)
{
	(void)args;
	printf("line %d\n%s", driver(count + 2),
	       recorded); /* 3, which the compiler does not know */
	return 0;
}
