// SPDX-License-Identifier: GPL-2.0-only
/*
 * answers - functions whose answer tells whether a code fault took effect
 *
 * Write a function's name to /dev/answers, and read its answer, a number. Each
 * is as small as the fault that it is made for allows. What must be one
 * certain instruction is one of assembler; everything else is as gcc makes it.
 */
#include <linux/fs.h>
#include <linux/irqflags.h>
#include <linux/math.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#define ALONE	    noinline __attribute__((noipa)) /* neither inlined, nor made for its callers */
#define STACK_WORDS 192

static struct kmem_cache *objects;
static u64 *on_heap;

/* ---- single instructions ---- */

static ALONE s64 known_constant(void)
{
	return 0x1234;
}

/* ecx is assigned to: a and d keep what they are */
static ALONE s64 known_destination(void)
{
	s64 a = 1, c = 2, d = 3;

	asm volatile("movl $7, %%ecx" : "+a"(a), "+c"(c), "+d"(d));
	return a + 10 * c + 100 * d;
}

static ALONE s64 known_sum(void)
{
	s64 sum = 7;

	asm volatile("addq $5, %0" : "+r"(sum));
	return sum;
}

static ALONE s64 known_element(const s64 *table)
{
	s64 element;

	asm volatile("movq 8(%1), %0" : "=r"(element) : "r"(table) : "memory");
	return element;
}

static s64 ask_element(void)
{
	static const s64 table[] = { 100, 101, 102, 103 };

	return known_element(table);
}

/* ---- decisions ---- */

static ALONE s64 known_branch(u64 taken)
{
	s64 answer = 1;

	asm volatile("testq %1, %1; jz 1f; addq $5, %0; 1:" : "+r"(answer) : "r"(taken) : "cc");
	return answer;
}

static s64 ask_branch(void)
{
	return known_branch(0) + 10 * known_branch(1);
}

static ALONE s64 known_rounds(unsigned int limit)
{
	unsigned int n = 0;

	do {
		n++;
		OPTIMIZER_HIDE_VAR(n);
	} while (n < limit);
	return n;
}

static s64 ask_rounds(void)
{
	return known_rounds(10);
}

static ALONE s64 known_steps(void)
{
	s64 rounds = 0;
	int n;

	for (n = 0; n <= 21; n += 3) {
		OPTIMIZER_HIDE_VAR(n);
		rounds++;
	}
	return rounds;
}

/* ---- what a function sets up ---- */

/* the local lives in rbx, a register of the caller's */
static ALONE __used s64 known_local(void)
{
	s64 local = 5;

	asm volatile("" : "+b"(local));
	return local;
}

static s64 ask_local(void)
{
	s64 answer;

	asm volatile("movl $77, %%ebx; call %P[local]"
		     : "=a"(answer), ASM_CALL_CONSTRAINT
		     : [local] "i"(known_local)
		     : "rbx", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory", "cc");
	return answer;
}

/* `other` lies where the exponent belongs */
static ALONE s64 known_power(u64 unused, unsigned int other)
{
	return int_pow(3, 4);
}

static s64 ask_power(void)
{
	return known_power(0, 2);
}

/* ---- calls of the kernel ---- */

static ALONE s64 known_lock(void)
{
	static DEFINE_MUTEX(lock);
	s64 held;

	mutex_lock(&lock);
	held = mutex_is_locked(&lock);
	mutex_unlock(&lock);
	return held;
}

static ALONE s64 known_unlock(void)
{
	static DEFINE_MUTEX(lock);

	mutex_lock(&lock);
	mutex_unlock(&lock);
	return mutex_is_locked(&lock);
}

static ALONE s64 known_restore(void)
{
	static DEFINE_SPINLOCK(lock);
	unsigned long flags;
	s64 disabled;

	spin_lock_irqsave(&lock, flags);
	spin_unlock_irqrestore(&lock, flags);
	disabled = irqs_disabled();
	local_irq_enable();
	return disabled;
}

static ALONE s64 known_enable(void)
{
	s64 disabled;

	local_irq_disable();
	local_irq_enable();
	disabled = irqs_disabled();
	local_irq_enable();
	return disabled;
}

/* an object that was given back is the next to be given out */
static ALONE s64 known_free(void)
{
	void *first, *second;
	s64 again;

	first = kmem_cache_alloc(objects, GFP_KERNEL);
	kmem_cache_free(objects, first);
	second = kmem_cache_alloc(objects, GFP_KERNEL);
	again = (unsigned long)first == (unsigned long)second;
	kmem_cache_free(objects, second);
	return again;
}

static ALONE s64 known_allocation(void)
{
	u64 *object = kmalloc(sizeof(*object), GFP_KERNEL);

	if (!object)
		return -ENOMEM;
	WRITE_ONCE(*object, 1);
	kfree(object);
	return 0;
}

/* ---- memory ---- */

static ALONE void known_copy(void *to, const void *from, size_t bytes)
{
	memcpy(to, from, bytes);
}

static s64 ask_copy(void)
{
	static const u64 from[] = { 1, 2, 3, 4 };
	static u64 to[4];

	memset(to, 0, sizeof(to));
	known_copy(to, from, 2 * sizeof(*to));
	return to[0] + 10 * to[1] + 100 * to[2] + 1000 * to[3];
}

static ALONE s64 known_read(const u64 *of)
{
	return READ_ONCE(*of);
}

static s64 ask_read(void)
{
	*on_heap = 0x5a5a;
	return known_read(on_heap);
}

/* all words of an array on the stack, added without carry; the eax is where a fault can wait */
static ALONE s64 known_frame(void)
{
	u64 words[STACK_WORDS], answer = 0;
	int n;

	for (n = 0; n < STACK_WORDS; n++)
		WRITE_ONCE(words[n], 0x5a5a);
	asm volatile("movl $0x77, %%eax" : : : "rax", "memory");
	for (n = 0; n < STACK_WORDS; n++)
		answer ^= READ_ONCE(words[n]);
	return answer;
}

/* ---- questions and answers ---- */

static const struct {
	const char *name;
	s64 (*ask)(void);
} questions[] = {
	{ "constant", known_constant },
	{ "destination", known_destination },
	{ "sum", known_sum },
	{ "element", ask_element },
	{ "branch", ask_branch },
	{ "rounds", ask_rounds },
	{ "steps", known_steps },
	{ "local", ask_local },
	{ "power", ask_power },
	{ "lock", known_lock },
	{ "unlock", known_unlock },
	{ "restore", known_restore },
	{ "enable", known_enable },
	{ "free", known_free },
	{ "allocation", known_allocation },
	{ "copy", ask_copy },
	{ "read", ask_read },
	{ "frame", known_frame },
};

static s64 answer;

static ssize_t answers_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	char name[32];
	int n;

	if (count >= sizeof(name))
		return -EINVAL;
	if (copy_from_user(name, user, count))
		return -EFAULT;
	name[count] = '\0';
	for (n = 0; n < ARRAY_SIZE(questions); n++)
		if (!strcmp(name, questions[n].name)) {
			answer = questions[n].ask();
			return count;
		}
	return -ENOENT;
}

static ssize_t answers_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	loff_t start = 0;

	return simple_read_from_buffer(user, count, &start, &answer, sizeof(answer));
}

static const struct file_operations answers_fops = {
	.owner = THIS_MODULE,
	.read = answers_read,
	.write = answers_write,
};

static struct miscdevice answers_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "answers",
	.fops = &answers_fops,
	.mode = 0600,
};

static int __init answers_init(void)
{
	int err = -ENOMEM;

	objects = kmem_cache_create("answers", 64, 0, SLAB_HWCACHE_ALIGN, NULL);
	if (!objects)
		return err;
	on_heap = kzalloc(sizeof(*on_heap), GFP_KERNEL);
	if (!on_heap)
		goto err_destroy;
	err = misc_register(&answers_device);
	if (err)
		goto err_free;
	return 0;

err_free:
	kfree(on_heap);
err_destroy:
	kmem_cache_destroy(objects);
	return err;
}
module_init(answers_init);

static void __exit answers_exit(void)
{
	misc_deregister(&answers_device);
	kfree(on_heap);
	kmem_cache_destroy(objects);
}
module_exit(answers_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("Functions whose answer tells whether a code fault took effect");
