// SPDX-License-Identifier: GPL-2.0-only
/* What each type of code fault looks for, in C: compiled by a test, never run. */

#define OUTSIDE __attribute__((noipa))

OUTSIDE void mutex_lock(void *lock) {}
OUTSIDE int mutex_trylock(void *lock)
{
	return 0;
}
OUTSIDE void mutex_unlock(void *lock) {}
OUTSIDE void _raw_spin_unlock_irqrestore(void *lock, unsigned long flags) {}
OUTSIDE void kfree(void *object) {}
OUTSIDE void *__kmalloc_noprof(unsigned long size)
{
	return 0;
}
OUTSIDE void memcpy(void *to, const void *from, unsigned long size) {}
OUTSIDE int use(int a, int b, int c)
{
	return 0;
}

int sum(const int *values, int count)
{
	int total = 0;

	for (int n = 0; n < count; n++)
		if (values[n] & 1)
			total += use(values[n], n, total);
	return total;
}

int absolute(int value)
{
	if (value < 0)
		return use(value, 0, 0);
	return value;
}

int classify(int value)
{
	if (value > 99)
		use(value, value, value);
	return use(0, value, 1);
}

int ordered(const int *a, const int *b)
{
	return *a < *b;
}

int equal(const int *a, const int *b)
{
	return *a == *b ? use(1, 1, 1) : 0;
}

int three(void)
{
	return use(1, 2, 3) + 1;
}

int locked(void *lock, int *value)
{
	int old;

	mutex_lock(lock);
	old = (*value)++;
	mutex_unlock(lock);
	return old;
}

int tried(void *lock)
{
	if (!mutex_trylock(lock))
		return -1;
	mutex_unlock(lock);
	return 0;
}

int framed(int value)
{
	volatile int first = value, second = 0;

	use(first, second, 1);
	second = 2;
	return first + second;
}

void restored(void *lock, int *value, unsigned long flags)
{
	*value = 0;
	_raw_spin_unlock_irqrestore(lock, flags);
	*value = 1;
}

void enabled(void)
{
	asm volatile("sti" : : : "memory");
}

void dropped(void **object)
{
	kfree(*object);
}

void *wanted(void)
{
	return __kmalloc_noprof(64);
}

int checked(void **object)
{
	*object = __kmalloc_noprof(32);
	return *object ? 0 : -12;
}

int copied(char *to, const char *from, int size)
{
	memcpy(to, from, size);
	return to[0];
}

void moved(void *to, const void *from, unsigned long words)
{
	asm volatile("rep movsq" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}
