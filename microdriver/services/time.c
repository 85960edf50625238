// SPDX-License-Identifier: GPL-2.0
/*
 * Time: the kernel's clocks are those of the process. A u-driver has no timer
 * interrupt that counts jiffies, so they are worked out from CLOCK_MONOTONIC,
 * which stands still during suspend as they do. The driver's own text asks
 * services_jiffies(), by a macro that the tool puts in front of it. What the
 * kernel's headers read is the variable, which is brought up to date when an upcall
 * begins, behind each downcall (the runtime calls mdu_moment()), and by what pauses.
 *
 * A timer that did so would interrupt the process, which monitors of signals take
 * for a fault.
 */
#include "services.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>

#define NSEC_PER_SEC  1000000000LL
#define NSEC_PER_USEC 1000LL
#define NSEC_PER_MSEC 1000000LL
#define BUSY_NS	      (100 * NSEC_PER_USEC) /* shorter pauses are too short to sleep */
#define LOOPS_SHIFT   32 /* __const_udelay(): in 2^-32 seconds */
#define FOREVER_S     (1000LL * 1000 * 1000)
#define MAX_JIFFIES   (((unsigned long)~0UL >> 1) - 1) /* MAX_JIFFY_OFFSET */

unsigned long jiffies_64;
/* The kernel has two names for it, and so has a u-driver. */
__asm__(".globl jiffies\n"
	".set jiffies, jiffies_64\n");

static __u64 jiffies_then; /* when the clock was ns_then */
static __u64 ns_then;

static __s64 now_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * NSEC_PER_SEC + now.tv_nsec;
}

static __u64 jiffy_ns(void)
{
	return NSEC_PER_SEC / mdu_layout.hz;
}

void mdu_moment(void)
{
	__u64 past = now_ns(CLOCK_MONOTONIC) - ns_then;

	__atomic_store_n(&jiffies_64, jiffies_then + past / jiffy_ns(), __ATOMIC_RELAXED);
}

void mdu_clock(__u64 kernels_jiffies, __u64 ns)
{
	jiffies_then = kernels_jiffies;
	ns_then = ns;
	mdu_moment();
}

unsigned long services_jiffies(void)
{
	mdu_moment();
	return jiffies_64;
}

/*
 * Until mdu_clock() says better: the kernel's count begins 300 seconds before it
 * overflows 32 bits.
 */
static void __attribute__((constructor)) begin_time(void)
{
	if (!mdu_layout.hz)
		services_die("the table of the kernel's layout lacks HZ");
	mdu_clock((__u32)(-300 * (__s32)mdu_layout.hz), 0);
}

/* ---- pauses ---- */

static void pause_ns(__s64 ns)
{
	__s64 until = now_ns(CLOCK_MONOTONIC) + ns;
	struct timespec at = { .tv_sec = until / NSEC_PER_SEC, .tv_nsec = until % NSEC_PER_SEC };

	if (ns < BUSY_NS)
		while (now_ns(CLOCK_MONOTONIC) < until)
			;
	else
		while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
			;
	mdu_moment();
}

void __const_udelay(unsigned long loops)
{
	unsigned long seconds = loops >> LOOPS_SHIFT, rest = loops & ((1UL << LOOPS_SHIFT) - 1);

	pause_ns(seconds * NSEC_PER_SEC + (rest * NSEC_PER_SEC >> LOOPS_SHIFT));
}

void __udelay(unsigned long usecs)
{
	pause_ns(usecs * NSEC_PER_USEC);
}

void __ndelay(unsigned long nsecs)
{
	pause_ns(nsecs);
}

void msleep(unsigned int msecs)
{
	pause_ns(msecs * NSEC_PER_MSEC);
}

/* No signal of the caller's reaches a u-driver. */
unsigned long msleep_interruptible(unsigned int msecs)
{
	msleep(msecs);
	return 0;
}

void usleep_range_state(unsigned long least, unsigned long most, unsigned int state)
{
	(void)most;
	(void)state;
	pause_ns(least * NSEC_PER_USEC);
}

/* Return: 0, what is left of the time: nobody wakes a u-driver earlier */
long schedule_timeout(long timeout)
{
	__s64 longest = FOREVER_S * mdu_layout.hz;

	if (timeout > 0)
		pause_ns((timeout < longest ? timeout : longest) * (__s64)jiffy_ns());
	return 0;
}

long schedule_timeout_interruptible(long timeout)
{
	return schedule_timeout(timeout);
}

long schedule_timeout_killable(long timeout)
{
	return schedule_timeout(timeout);
}

long schedule_timeout_uninterruptible(long timeout)
{
	return schedule_timeout(timeout);
}

long schedule_timeout_idle(long timeout)
{
	return schedule_timeout(timeout);
}

/* ---- units ---- */

static unsigned long rounded_up(unsigned long long value, unsigned long long per)
{
	return (value + per - 1) / per;
}

unsigned long __msecs_to_jiffies(unsigned int msecs)
{
	return (int)msecs < 0 ? MAX_JIFFIES : rounded_up(msecs, 1000 / mdu_layout.hz);
}

unsigned long __usecs_to_jiffies(unsigned int usecs)
{
	return rounded_up(usecs, 1000000 / mdu_layout.hz);
}

unsigned int jiffies_to_msecs(unsigned long j)
{
	return j * (1000 / mdu_layout.hz);
}

unsigned int jiffies_to_usecs(unsigned long j)
{
	return j * (1000000 / mdu_layout.hz);
}

__u64 jiffies_to_nsecs(unsigned long j)
{
	return j * jiffy_ns();
}

__u64 jiffies64_to_nsecs(__u64 j)
{
	return j * jiffy_ns();
}

__u64 jiffies64_to_msecs(__u64 j)
{
	return j * (1000 / mdu_layout.hz);
}

__u64 nsecs_to_jiffies64(__u64 ns)
{
	return ns / jiffy_ns();
}

unsigned long nsecs_to_jiffies(__u64 ns)
{
	return ns / jiffy_ns();
}

/* Timers that may be late go off together, at full seconds. Those in the past stay. */
static unsigned long whole_second(unsigned long j, bool up)
{
	unsigned long hz = mdu_layout.hz, rest = j % hz, whole;

	whole = rest < hz / 4 && !up ? j - rest : j - rest + hz;
	mdu_moment();
	return (long)(jiffies_64 - whole) < 0 ? whole : j;
}

unsigned long round_jiffies(unsigned long j)
{
	return whole_second(j, false);
}

unsigned long round_jiffies_up(unsigned long j)
{
	return whole_second(j, true);
}

unsigned long round_jiffies_relative(unsigned long j)
{
	unsigned long from;

	mdu_moment();
	from = jiffies_64;
	return whole_second(from + j, false) - from;
}

unsigned long round_jiffies_up_relative(unsigned long j)
{
	unsigned long from;

	mdu_moment();
	from = jiffies_64;
	return whole_second(from + j, true) - from;
}

/* ---- clocks: nanoseconds, signed where they are a ktime_t ---- */

enum clock_offset { OFFSET_REAL, OFFSET_BOOT, OFFSET_TAI };

static clockid_t clock_of(int offset)
{
	return offset == OFFSET_REAL   ? CLOCK_REALTIME
	       : offset == OFFSET_BOOT ? CLOCK_BOOTTIME
				       : CLOCK_TAI;
}

__s64 ktime_get(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

__s64 ktime_get_raw(void)
{
	return now_ns(CLOCK_MONOTONIC_RAW);
}

__s64 ktime_get_with_offset(int offset)
{
	return now_ns(clock_of(offset));
}

__s64 ktime_get_coarse_with_offset(int offset)
{
	return now_ns(clock_of(offset));
}

__u64 ktime_get_mono_fast_ns(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

__u64 ktime_get_raw_fast_ns(void)
{
	return now_ns(CLOCK_MONOTONIC_RAW);
}

__u64 ktime_get_boot_fast_ns(void)
{
	return now_ns(CLOCK_BOOTTIME);
}

__u64 ktime_get_real_fast_ns(void)
{
	return now_ns(CLOCK_REALTIME);
}

__s64 ktime_get_seconds(void)
{
	return now_ns(CLOCK_MONOTONIC) / NSEC_PER_SEC;
}

__s64 ktime_get_real_seconds(void)
{
	return now_ns(CLOCK_REALTIME) / NSEC_PER_SEC;
}

/* struct timespec64 is C's struct timespec on 64 bits. */
void ktime_get_ts64(struct timespec *at)
{
	clock_gettime(CLOCK_MONOTONIC, at);
}

void ktime_get_raw_ts64(struct timespec *at)
{
	clock_gettime(CLOCK_MONOTONIC_RAW, at);
}

void ktime_get_real_ts64(struct timespec *at)
{
	clock_gettime(CLOCK_REALTIME, at);
}

void ktime_get_coarse_real_ts64(struct timespec *at)
{
	clock_gettime(CLOCK_REALTIME_COARSE, at);
}

unsigned long long sched_clock(void)
{
	return now_ns(CLOCK_MONOTONIC);
}

/* The nanoseconds are never negative. */
struct timespec ns_to_timespec64(__s64 ns)
{
	struct timespec at = { .tv_sec = ns / NSEC_PER_SEC, .tv_nsec = ns % NSEC_PER_SEC };

	if (at.tv_nsec < 0) {
		at.tv_nsec += NSEC_PER_SEC;
		at.tv_sec--;
	}
	return at;
}

void set_normalized_timespec64(struct timespec *at, __s64 seconds, __s64 ns)
{
	*at = ns_to_timespec64(ns);
	at->tv_sec += seconds;
}

/* ---- chance ---- */

void get_random_bytes(void *to, size_t bytes)
{
	ssize_t got;

	for (; bytes; bytes -= got, to = (char *)to + got) {
		got = getrandom(to, bytes, 0);
		if (got < 0)
			got = 0; /* a signal */
	}
}

__u8 get_random_u8(void)
{
	__u8 number;

	get_random_bytes(&number, sizeof(number));
	return number;
}

__u16 get_random_u16(void)
{
	__u16 number;

	get_random_bytes(&number, sizeof(number));
	return number;
}

__u32 get_random_u32(void)
{
	__u32 number;

	get_random_bytes(&number, sizeof(number));
	return number;
}

__u64 get_random_u64(void)
{
	__u64 number;

	get_random_bytes(&number, sizeof(number));
	return number;
}

__u32 __get_random_u32_below(__u32 ceiling)
{
	__u64 limit = ceiling ? (1ULL << 32) - (1ULL << 32) % ceiling : 1ULL << 32;
	__u32 number;

	do
		number = get_random_u32();
	while (number >= limit);
	return ceiling ? number % ceiling : number;
}
