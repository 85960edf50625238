// SPDX-License-Identifier: GPL-2.0
/*
 * selftest_micro - a k-driver that asks the microdriver runtime for everything
 *
 * Write "QUESTION" or "QUESTION NUMBER" to /dev/mdrv_selftest: it is asked in the
 * writer's context, and the error, if there is one, is write()'s. Reading gives
 * what was found, as "key=value" words; "said" leaves it as it was. There are two
 * instances, st0 and st1.
 */
#include <linux/dma-mapping.h>
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "st_k.h"
#include "st_contract.h"

int st_irq;
struct dma_pool *st_pool;

static struct platform_device *machine;
static struct st_device *devices[2];
static char said[1024];
static size_t said_bytes;

void st_say(const char *format, ...)
{
	va_list words;

	va_start(words, format);
	said_bytes += vscnprintf(said + said_bytes, sizeof(said) - said_bytes, format, words);
	va_end(words);
}

/* ---- questions and answers ---- */

static const struct st_question *const questions[] = { st_calls, st_locks, st_memory };

static const struct st_question *question_of(const char *name)
{
	const struct st_question *question;
	int n;

	for (n = 0; n < ARRAY_SIZE(questions); n++)
		for (question = questions[n]; question->name; question++)
			if (!strcmp(question->name, name))
				return question;
	return NULL;
}

static ssize_t selftest_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	const struct st_question *question;
	char line[64], name[32];
	long n = 0;
	int err;

	if (count >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, user, count))
		return -EFAULT;
	line[count] = '\0';
	if (sscanf(line, "%31s %ld", name, &n) < 1)
		return -EINVAL;
	if (!strcmp(name, "said"))
		return count;
	question = question_of(name);
	if (!question)
		return -EOPNOTSUPP;
	said_bytes = 0;
	err = question->ask(devices[0], n);
	return err ? err : count;
}

static ssize_t selftest_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(user, count, pos, said, said_bytes);
}

static const struct file_operations selftest_fops = {
	.owner = THIS_MODULE,
	.read = selftest_read,
	.write = selftest_write,
};

static struct miscdevice selftest_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mdrv_selftest",
	.fops = &selftest_fops,
	.mode = 0600,
};

/* ---- devices ---- */

static void quiesce(void *what, bool quiet)
{
	struct st_device *st = what;

	st->quiesced += quiet ? 1 : -1;
	st->quiesced_ever += quiet;
}

static int share(struct st_device *st)
{
	int n, err = mdrv_share(st->md, ST, &st->shared);

	INIT_LIST_HEAD((struct list_head *)st->shared.nodes);
	for (n = 0; n < ST_NODES && !err; n++) {
		list_add_tail((struct list_head *)&st->nodes[n].next,
			      (struct list_head *)st->shared.nodes);
		err = mdrv_share(st->md, ST_NODE, &st->nodes[n]);
	}
	return err;
}

static int give_registers(struct st_device *st)
{
	st->registers = (u32 *)get_zeroed_page(GFP_KERNEL);
	if (!st->registers)
		return -ENOMEM;
	*st->registers = ST_REGISTER;
	return mdrv_map_registers(st->md, 0, virt_to_phys(st->registers), PAGE_SIZE);
}

static void remove(struct st_device *st)
{
	if (!st)
		return;
	mdrv_destroy(st->md);
	free_page((unsigned long)st->registers);
	kfree(st);
}

static struct st_device *add(const char *name)
{
	static const struct mdrv_ops ops = { .downcalls = st_downcall_fns, .left = st_left };
	struct st_device *st = kzalloc(sizeof(*st), GFP_KERNEL);
	int err;

	if (!st)
		return ERR_PTR(-ENOMEM);
	st->md = mdrv_create(name, &st_contract, &ops, st);
	if (IS_ERR(st->md)) {
		err = PTR_ERR(st->md);
		kfree(st);
		return ERR_PTR(err);
	}
	mdrv_lock_add(st->md, &st->lock, quiesce, st);
	err = share(st) ?: give_registers(st);
	err = err ?: mdrv_register(st->md);
	if (!err)
		return st;
	remove(st);
	return ERR_PTR(err);
}

static void machine_exit(void)
{
	dma_pool_destroy(st_pool);
	irq_free_descs(st_irq, 1);
	platform_device_unregister(machine);
}

/* A device with an interrupt line that nothing raises, and memory for DMA that nothing does. */
static int __init machine_init(void)
{
	int err;

	machine = platform_device_register_simple("mdrv_selftest", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(machine))
		return PTR_ERR(machine);
	err = dma_coerce_mask_and_coherent(&machine->dev, DMA_BIT_MASK(32));
	if (err)
		goto err_unregister;
	/* nobody's: with an owner, whoever requests it would hold on to the module */
	st_irq = __irq_alloc_descs(-1, 0, 1, NUMA_NO_NODE, NULL, NULL);
	if (st_irq < 0) {
		err = st_irq;
		goto err_unregister;
	}
	irq_set_chip_and_handler(st_irq, &dummy_irq_chip, handle_simple_irq);
	st_pool = dma_pool_create("mdrv_selftest", &machine->dev, 256, 16, 0);
	if (st_pool)
		return 0;
	err = -ENOMEM;
	irq_free_descs(st_irq, 1);
err_unregister:
	platform_device_unregister(machine);
	return err;
}

static int __init selftest_init(void)
{
	int n, err = machine_init();

	if (err)
		return err;
	for (n = 0; n < 2; n++) {
		struct st_device *st = add(n ? "st1" : "st0");

		if (IS_ERR(st)) {
			err = PTR_ERR(st);
			goto err_remove;
		}
		devices[n] = st;
	}
	devices[0]->other = devices[1];
	err = misc_register(&selftest_device);
	if (!err)
		return 0;
err_remove:
	remove(devices[1]);
	remove(devices[0]);
	machine_exit();
	return err;
}
module_init(selftest_init);

static void __exit selftest_exit(void)
{
	misc_deregister(&selftest_device);
	remove(devices[1]);
	remove(devices[0]);
	machine_exit();
}
module_exit(selftest_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("k-driver that asks the microdriver runtime for everything");
