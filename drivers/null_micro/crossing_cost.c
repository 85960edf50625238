// SPDX-License-Identifier: GPL-2.0
/*
 * How long a call takes: `crossing_cost WHAT SAMPLES` writes so many unsigned
 * 64-bit numbers of nanoseconds. WHAT is "upcall" (of null_micro, as its
 * k-driver measures it), "system_call" (getppid) or "pipe" (a byte to another
 * process and back).
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define WARM_UP 64

static int device, there[2], back[2];

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static uint64_t upcall(void)
{
	uint64_t ns;

	if (read(device, &ns, sizeof(ns)) != sizeof(ns))
		exit(1);
	return ns;
}

static uint64_t system_call(void)
{
	uint64_t began = now_ns();

	syscall(SYS_getppid);
	return now_ns() - began;
}

static uint64_t pipe_round(void)
{
	uint64_t began = now_ns();
	char byte = 0;

	if (write(there[1], &byte, 1) != 1 || read(back[0], &byte, 1) != 1)
		exit(1);
	return now_ns() - began;
}

static void echo(void)
{
	char byte;

	close(there[1]);
	while (read(there[0], &byte, 1) == 1 && write(back[1], &byte, 1) == 1)
		;
	_exit(0);
}

static int prepare(void)
{
	if (pipe(there) || pipe(back))
		return -1;
	switch (fork()) {
	case -1:
		return -1;
	case 0:
		echo();
	}
	return 0;
}

int main(int count, char **words)
{
	long samples = count == 3 ? strtol(words[2], NULL, 10) : 0, n;
	uint64_t (*measure)(void) = NULL;
	uint64_t ns;

	if (samples > 0 && !strcmp(words[1], "upcall")) {
		device = open("/dev/null_micro", O_RDONLY);
		measure = device < 0 ? NULL : upcall;
	} else if (samples > 0 && !strcmp(words[1], "system_call")) {
		measure = system_call;
	} else if (samples > 0 && !strcmp(words[1], "pipe")) {
		measure = prepare() ? NULL : pipe_round;
	}
	if (!measure)
		return 2;
	for (n = -WARM_UP; n < samples; n++) {
		ns = measure();
		if (n >= 0)
			fwrite(&ns, sizeof(ns), 1, stdout);
	}
	return 0;
}
