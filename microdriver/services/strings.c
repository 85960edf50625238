// SPDX-License-Identifier: GPL-2.0
/* The kernel's functions of strings that libc lacks */
#define _GNU_SOURCE
#include "services.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Return: the length; -E2BIG if it was cut */
ssize_t sized_strscpy(char *to, const char *from, size_t bytes)
{
	size_t length;

	if (!bytes || bytes > INT_MAX)
		return -E2BIG;
	length = strnlen(from, bytes);
	if (length == bytes) {
		memcpy(to, from, bytes - 1);
		to[bytes - 1] = '\0';
		return -E2BIG;
	}
	memcpy(to, from, length + 1);
	return length;
}
