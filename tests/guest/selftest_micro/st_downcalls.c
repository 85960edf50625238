// SPDX-License-Identifier: GPL-2.0
/* What the selftest's u-driver asks its k-driver for. */
#include <linux/completion.h>
#include <linux/delay.h>
#include <linux/file.h>
#include <linux/fs.h>
#include <linux/interrupt.h>

#include "st_k.h"

#define MMAP_MOST (2 * HZ)

static struct st_device *device_of(struct mdrv_instance *md)
{
	return mdrv_priv(md);
}

/* Each side writes down what it sees of the other: steps[n] = 10 * steps[n - 1] + n */
static int down_middle(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct st *shared = (struct st *)(unsigned long)args[0];
	int status;

	shared->steps[2] = 10 * shared->steps[1] + 2;
	status = __mdrv_upcall(md, ST_INNER, args[0]);
	shared->steps[4] = 10 * shared->steps[3] + 4;
	return status;
}

static int down_recurse(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	return __mdrv_upcall(md, ST_RECURSE);
}

static int down_look(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	args[0] = device_of(md)->counter;
	return 0;
}

static int down_put(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	device_of(md)->counter = args[0];
	return 0;
}

static int down_pause(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	msleep(min_t(u64, args[0], 1000));
	return 0;
}

/* ---- what has to be given back ---- */

static irqreturn_t on_interrupt(int irq, void *what)
{
	return IRQ_NONE;
}

static void undo_irq(void *what)
{
	free_irq(st_irq, what);
}

static int down_irq(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct st_device *st = device_of(md);
	int err = request_irq(st_irq, on_interrupt, 0, "mdrv_selftest", st);

	return err ?: __mdrv_note(md, undo_irq, st);
}

static void undo_dma(void *what)
{
	struct st_device *st = what;

	dma_pool_free(st_pool, st->memory, st->memory_at);
	st->memory = NULL;
}

static int down_dma(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct st_device *st = device_of(md);

	if (st->memory)
		return -EBUSY;
	st->memory = dma_pool_alloc(st_pool, GFP_KERNEL, &st->memory_at);
	return st->memory ? __mdrv_note(md, undo_dma, st) : -ENOMEM;
}

static void undo_register(void *what)
{
	struct st_device *st = what;

	misc_deregister(&st->misc);
}

static int down_register(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	static const struct file_operations none = { .owner = THIS_MODULE };
	struct st_device *st = device_of(md);
	int err;

	st->misc = (struct miscdevice){
		.minor = MISC_DYNAMIC_MINOR,
		.name = "mdrv_selftest_made",
		.fops = &none,
	};
	err = misc_register(&st->misc);
	return err ?: __mdrv_note(md, undo_register, st);
}

static int down_attempt(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	device_of(md)->shared.attempts++;
	return 0;
}

static int down_claim(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct st_device *st = device_of(md);
	unsigned long flags;
	int err = mdrv_lock_wait(&st->lock, &flags);

	if (!err)
		mdrv_lock_release(&st->lock, flags);
	return err;
}

static int down_echo(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	u8 *byte;

	args[0] = mdrv_arg(&device_of(md)->shared);
	for (byte = buffer->data; byte < (u8 *)buffer->data + buffer->bytes; byte++)
		++*byte;
	return 0;
}

static int down_renew(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct st_node *last = &device_of(md)->nodes[ST_NODES - 1];

	__mdrv_unshare(md, last);
	return __mdrv_share(md, ST_NODE, last);
}

static int down_miscall(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	return mdrv_upcall(md, ST_PLAIN);
}

/* ---- mmap() that lasts as long as its session ---- */

static DECLARE_COMPLETION(st_session_left);
bool st_mapping;
static const struct file_operations *st_session_fops;
static struct file_operations st_slow_fops;

void st_left(struct mdrv_instance *md)
{
	device_of(md)->late += !mdrv_await(md, 0);
	complete(&st_session_left);
}

static int slow_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err = st_session_fops->mmap(file, vma);

	WRITE_ONCE(st_mapping, !err);
	if (!err && !wait_for_completion_timeout(&st_session_left, MMAP_MOST))
		err = -ETIME;
	return err;
}

/* Outside of any upcall a downcall runs in the u-driver's own thread: its files are ours. */
static int down_widen(struct mdrv_instance *md, u64 *args, struct mdrv_buffer *buffer)
{
	struct file *file = fget(args[0]);

	if (!file)
		return -EBADF;
	reinit_completion(&st_session_left);
	st_session_fops = file->f_op;
	st_slow_fops = *st_session_fops;
	st_slow_fops.mmap = slow_mmap;
	file->f_op = &st_slow_fops;
	fput(file);
	return 0;
}

const mdrv_downcall_fn st_downcall_fns[] = {
	[ST_D_MIDDLE] = down_middle, [ST_D_RECURSE] = down_recurse,   [ST_D_LOOK] = down_look,
	[ST_D_PUT] = down_put,	     [ST_D_PAUSE] = down_pause,	      [ST_D_IRQ] = down_irq,
	[ST_D_DMA] = down_dma,	     [ST_D_REGISTER] = down_register, [ST_D_ATTEMPT] = down_attempt,
	[ST_D_RENEW] = down_renew,   [ST_D_MISCALL] = down_miscall,   [ST_D_WIDEN] = down_widen,
	[ST_D_CLAIM] = down_claim,   [ST_D_ECHO] = down_echo,
};
