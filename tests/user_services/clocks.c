// SPDX-License-Identifier: GPL-2.0
/* Facts about time in a u-driver; the first that is not true ends the program. */
#include "asked.h"
#include "services.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define FACT(fact)                                                                                 \
	do {                                                                                       \
		if (!(fact)) {                                                                     \
			printf("not true: %s\n", #fact);                                           \
			exit(1);                                                                   \
		}                                                                                  \
	} while (0)

static long passed(__s64 since)
{
	return (ktime_get() - since) / 1000;
}

static void pauses(void)
{
	__s64 begin = ktime_get();

	__udelay(50);
	FACT(passed(begin) >= 50);
	begin = ktime_get();
	__const_udelay(2000 * 0x10c7UL);
	FACT(passed(begin) >= 2000 && passed(begin) < 10000000);
	begin = ktime_get();
	usleep_range_state(3000, 4000, 0);
	FACT(passed(begin) >= 3000);
	begin = ktime_get();
	FACT(schedule_timeout_uninterruptible(2) == 0);
	FACT(passed(begin) >= 8000);
}

/* A driver's loop, without a pause */
static void busy_loop(void)
{
	unsigned long end = services_jiffies() + 5;

	while ((long)(services_jiffies() - end) < 0)
		;
}

static void clocks(void)
{
	unsigned long before;

	mdu_clock(1000000, ktime_get());
	FACT(jiffies - 1000000 < 250);
	before = jiffies;
	msleep(40);
	FACT(jiffies - before >= 9 && jiffies - before < 2500);
	busy_loop();
	FACT(__msecs_to_jiffies(1) == 1 && __msecs_to_jiffies(1000) == 250);
	FACT(__msecs_to_jiffies(1001) == 251 && __msecs_to_jiffies(-1) == (~0UL >> 1) - 1);
	FACT(ns_to_timespec64(-1).tv_sec == -1 && ns_to_timespec64(-1).tv_nsec == 999999999);
	FACT(ns_to_timespec64(2500000000).tv_sec == 2);
	FACT(round_jiffies(jiffies + 1000) % 250 == 0);
	FACT(round_jiffies(1) == 1); /* in the past */
}

static void chance(void)
{
	unsigned char bytes[64] = { 0 };
	unsigned int n, sum = 0;

	get_random_bytes(bytes, sizeof(bytes));
	for (n = 0; n < sizeof(bytes); n++)
		sum += bytes[n];
	FACT(sum);
	for (n = 0; n < 1000; n++)
		FACT(__get_random_u32_below(3) < 3);
}

int main(void)
{
	FACT(services_jiffies() + 300 * 250 >=
	     1UL << 32); /* before anybody tells: as the kernel begins */
	pauses();
	clocks();
	chance();
	return 0;
}
