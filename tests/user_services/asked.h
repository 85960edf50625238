/* SPDX-License-Identifier: GPL-2.0 */
/* What the programs here ask of the services, as the kernel's headers declare it. */
#ifndef ASKED_H
#define ASKED_H

#include <stddef.h>
#include <time.h>
#include <linux/types.h>

extern char recorded[]; /* of recorder.c */
int driver(int number); /* of headers.c */
extern unsigned long jiffies;
long schedule_timeout_uninterruptible(long timeout);
unsigned long __msecs_to_jiffies(unsigned int msecs);
unsigned long round_jiffies(unsigned long j);
void __const_udelay(unsigned long loops);
void __udelay(unsigned long usecs);
void msleep(unsigned int msecs);
void usleep_range_state(unsigned long least, unsigned long most, unsigned int state);
__s64 ktime_get(void);
struct timespec ns_to_timespec64(__s64 ns);
void get_random_bytes(void *to, size_t bytes);
__u32 __get_random_u32_below(__u32 ceiling);

#endif
