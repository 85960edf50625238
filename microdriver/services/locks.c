// SPDX-License-Identifier: GPL-2.0
/*
 * Spinlocks keep the kernel's half out, whichever lock it is: they close the gate
 * of the instance. Within the process there is one thread, which never waits.
 *
 * Interrupts and preemption are the kernel's: a process has none to switch off.
 */
#include "services.h"

#define LOCKS(name)                                                                                \
	void name(void *lock)                                                                      \
	{                                                                                          \
		(void)lock;                                                                        \
		mdu_gate_close();                                                                  \
	}

#define LOCKS_NESTED(name)                                                                         \
	void name(void *lock, int subclass)                                                        \
	{                                                                                          \
		(void)lock;                                                                        \
		(void)subclass;                                                                    \
		mdu_gate_close();                                                                  \
	}

#define SAVES(name)                                                                                \
	unsigned long name(void *lock)                                                             \
	{                                                                                          \
		(void)lock;                                                                        \
		mdu_gate_close();                                                                  \
		return 0;                                                                          \
	}

#define TRIES(name)                                                                                \
	int name(void *lock)                                                                       \
	{                                                                                          \
		(void)lock;                                                                        \
		mdu_gate_close();                                                                  \
		return 1;                                                                          \
	}

#define UNLOCKS(name)                                                                              \
	void name(void *lock)                                                                      \
	{                                                                                          \
		(void)lock;                                                                        \
		mdu_gate_open();                                                                   \
	}

#define RESTORES(name)                                                                             \
	void name(void *lock, unsigned long flags)                                                 \
	{                                                                                          \
		(void)lock;                                                                        \
		(void)flags;                                                                       \
		mdu_gate_open();                                                                   \
	}

LOCKS(_raw_spin_lock)
LOCKS(_raw_spin_lock_bh)
LOCKS(_raw_spin_lock_irq)
LOCKS_NESTED(_raw_spin_lock_nested)
SAVES(_raw_spin_lock_irqsave)
TRIES(_raw_spin_trylock)
TRIES(_raw_spin_trylock_bh)
UNLOCKS(_raw_spin_unlock)
UNLOCKS(_raw_spin_unlock_bh)
UNLOCKS(_raw_spin_unlock_irq)
RESTORES(_raw_spin_unlock_irqrestore)

LOCKS(_raw_read_lock)
LOCKS(_raw_read_lock_bh)
LOCKS(_raw_read_lock_irq)
SAVES(_raw_read_lock_irqsave)
TRIES(_raw_read_trylock)
UNLOCKS(_raw_read_unlock)
UNLOCKS(_raw_read_unlock_bh)
UNLOCKS(_raw_read_unlock_irq)
RESTORES(_raw_read_unlock_irqrestore)

LOCKS(_raw_write_lock)
LOCKS(_raw_write_lock_bh)
LOCKS(_raw_write_lock_irq)
LOCKS_NESTED(_raw_write_lock_nested)
SAVES(_raw_write_lock_irqsave)
TRIES(_raw_write_trylock)
UNLOCKS(_raw_write_unlock)
UNLOCKS(_raw_write_unlock_bh)
UNLOCKS(_raw_write_unlock_irq)
RESTORES(_raw_write_unlock_irqrestore)

unsigned long _raw_spin_lock_irqsave_nested(void *lock, int subclass)
{
	(void)subclass;
	return _raw_spin_lock_irqsave(lock);
}

void _raw_spin_lock_nest_lock(void *lock, void *map)
{
	(void)map;
	_raw_spin_lock(lock);
}

/* atomic_dec_and_lock(): the lock is taken if, and only if, the counter becomes zero. */
int _atomic_dec_and_lock(int *counter, void *lock)
{
	_raw_spin_lock(lock);
	if (!__atomic_sub_fetch(counter, 1, __ATOMIC_SEQ_CST))
		return 1;
	_raw_spin_unlock(lock);
	return 0;
}

/* ---- preemption ---- */

/*
 * The kernel's headers count it in a variable of the processor's, whose address
 * lies behind the segment register GS. A process has 0 there: this one is meant.
 * The highest bit says that no other task waits for the processor.
 */
static char no_task[1 << 14]; /* all zeros: it has no signals, no flags and no name */
struct {
	void *current_task;
	int preempt_count, cpu_number;
	char other[48];
} pcpu_hot = { .current_task = no_task, .preempt_count = -0x7fffffff - 1 };

/*
 * preempt_enable() calls them when the count becomes zero, which it does not, and
 * expects all registers back.
 */
__asm__(".globl const_pcpu_hot, __SCT__preempt_schedule, __SCT__preempt_schedule_notrace\n"
	".set const_pcpu_hot, pcpu_hot\n"
	".pushsection .text\n"
	"__SCT__preempt_schedule:\n"
	"__SCT__preempt_schedule_notrace:\n"
	"ret\n"
	".popsection\n");

/* Softirqs are counted in the same variable, and disabled by adding to it. */
void __local_bh_enable_ip(unsigned long from, unsigned int count)
{
	(void)from;
	pcpu_hot.preempt_count -= count;
}

void __local_bh_disable_ip(unsigned long from, unsigned int count)
{
	(void)from;
	pcpu_hot.preempt_count += count;
}

/* Where the kernel may put another task in: the process is preempted anyway. */
int __cond_resched(void)
{
	return 0;
}

#define SAME_AS_COND_RESCHED(name) int __alias(__cond_resched) name(void)

SAME_AS_COND_RESCHED(__SCT__cond_resched);
SAME_AS_COND_RESCHED(__SCT__might_resched);

void __might_sleep(const char *file, int line)
{
	(void)file;
	(void)line;
}

void __might_resched(const char *file, int line, unsigned int offsets)
{
	(void)file;
	(void)line;
	(void)offsets;
}

/* RCU: what the kernel frees behind a grace period is never a u-driver's copy. */
void __rcu_read_lock(void) {}

void __rcu_read_unlock(void) {}
