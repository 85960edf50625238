// SPDX-License-Identifier: GPL-2.0
/* What the services ask of the runtime, noted for a test that loads this as a library. */
#include "services.h"

#include <stdio.h>
#include <string.h>

#define KNOWN_BYTES 64

char recorded[1 << 16]; /* a line each: level, kind, device, text */
unsigned char known[KNOWN_BYTES]; /* what both halves know */
int gate, released;

/* The size of the memory that both halves use */
void *services_allocate(size_t bytes, const void *device)
{
	(void)device;
	return bytes == KNOWN_BYTES - 1 ? known : NULL;
}

bool services_release(const void *at)
{
	if (at == known)
		released++;
	return at == known;
}

static void record(char level, char kind, const void *device, const char *text, size_t bytes)
{
	size_t at = strlen(recorded);

	snprintf(recorded + at, sizeof(recorded) - at, "%c%c%c%.*s\n", level ? level : '-', kind,
		 device ? '*' : ' ', (int)bytes, text);
}

void mdu_print(char level, const void *device, const char *text, size_t bytes)
{
	record(level, 'd', device, text, bytes);
}

void mdu_print_netdev(char level, const void *netdev, const char *text, size_t bytes)
{
	record(level, 'n', netdev, text, bytes);
}

void mdu_gate_close(void)
{
	gate++;
}

void mdu_gate_open(void)
{
	gate--;
}

bool mdu_knows(const void *at)
{
	return (const unsigned char *)at >= known &&
	       (const unsigned char *)at < known + KNOWN_BYTES;
}

/* A wrapper of the kind that drivers write */
int wrapped(char *to, size_t bytes, const char *format, ...)
{
	struct va_format inner = { .format = format };
	va_list args;
	int length;

	va_start(args, format);
	inner.args = &args;
	length = k_snprintf(to, bytes, "<%pV>", &inner);
	va_end(args);
	return length;
}

/* What asm/arch_hweight.h makes of hweight32(): a call that keeps all registers but the result's */
unsigned int counted(unsigned int number)
{
	unsigned long di, si = 2, dx = 3, cx = 4, r8 = 5;
	unsigned int count;

	__asm__("call __sw_hweight32"
		: "=a"(count), "=D"(di), "+S"(si), "+d"(dx), "+c"(cx), "+r"(r8)
		: "1"((unsigned long)number));
	return di == number && si == 2 && dx == 3 && cx == 4 && r8 == 5 ? count : 99;
}
