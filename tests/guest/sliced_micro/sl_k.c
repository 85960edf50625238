// SPDX-License-Identifier: GPL-2.0
/*
 * sliced_micro - a k-driver that asks the runtime for all that a sliced driver needs
 *
 * Its contract is tables alone. Write "QUESTION" or "QUESTION N" or "QUESTION N M"
 * to /dev/mdrv_sliced: it is asked in the writer's context, and the error, if
 * there is one, is write()'s. Reading gives what was found, as "key=value" words.
 */
#include <linux/device.h>
#include <linux/dma-mapping.h>
#include <linux/irq.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timer.h>
#include <linux/uaccess.h>

#include "sl_k.h"
#include "sl_contract.h"

#define BIG 20000

struct mdrv_instance *sl_md;
struct platform_device *sl_machine;
struct sl sl_state;
int sl_irq;
int sl_passed;

static struct sl_part parts[SL_NODES];
static struct timer_list beat;
static struct sl sl_second; /* as that of another device */
static int refused, made_up;
int sl_waited;
static u64 suspended;
static char said[1024];
static size_t said_bytes;

void sl_say(const char *format, ...)
{
	va_list words;

	va_start(words, format);
	said_bytes += vscnprintf(said + said_bytes, sizeof(said) - said_bytes, format, words);
	va_end(words);
}

/* ---- questions ---- */

static int ask_plain(long n, long m)
{
	int err;
	u64 value = mdrv_sliced(sl_md, SL_UP_INNER, 0, &err, n, mdrv_arg(&sl_state));

	sl_say("value=%llu", value);
	return err;
}

static int ask_values(long n, long m)
{
	int err;
	u64 value = mdrv_sliced(sl_md, SL_UP_VALUES, 0, &err, 0xffffff85, 0xabcd1234, 0x80000000,
				0x123456789abcdef0);

	sl_say("value=%lld", (s64)value);
	return err;
}

static void fill(void)
{
	static const u8 serial[SL_SERIAL] = { 1, 2, 3, 4, 5, 6 };
	int n;

	for (n = 0; n < SL_NODES; n++)
		parts[n] = (struct sl_part){
			.weight = 10 * (n + 1),
			.hidden = 7,
			.next = n + 1 < SL_NODES ? &parts[n + 1] : NULL,
		};
	sl_state = (struct sl){
		.small = 200,
		.middle = -300,
		.before = 11,
		.low = 9,
		.wide = 300,
		.high = 70000,
		.after = 12,
		.large = 1ULL << 40,
		.words = { 1, 2, 3, 4 },
		.title = "a title",
		.serial = serial,
		.part = &parts[0],
		.opaque = &said,
		.failed = ERR_PTR(-EIO),
		.table = sl_statics[SL_S_TABLE].at,
	};
}

static int ask_fields(long n, long m)
{
	int err;
	s32 value;

	fill();
	value = mdrv_sliced(sl_md, SL_UP_FIELDS, 0, &err, mdrv_arg(&sl_state));
	sl_say("value=%d small=%u middle=%d low=%u wide=%u high=%u around=%u,%u large=%llx ", value,
	       sl_state.small, sl_state.middle, sl_state.low, sl_state.wide, sl_state.high,
	       sl_state.before, sl_state.after, sl_state.large);
	sl_say("words=%u%u%u%u part=%d weights=%u,%u,%u hidden=%u opaque=%d failed=%ld table=%d",
	       sl_state.words[0], sl_state.words[1], sl_state.words[2], sl_state.words[3],
	       (int)(sl_state.part - parts), parts[0].weight, parts[1].weight, parts[2].weight,
	       parts[0].hidden, sl_state.opaque == said, PTR_ERR(sl_state.failed),
	       sl_state.table == sl_handler);
	return err;
}

static int ask_lent(long n, long m)
{
	int err;
	u32 value;

	fill();
	value = mdrv_sliced(sl_md, SL_UP_LENT, 0, &err, mdrv_arg(&parts[n]));
	sl_say("sum=%u first=%u", value, parts[n].weight);
	return err;
}

static int ask_pointers(long n, long m)
{
	int err;
	void *value;

	fill();
	value = (void *)(unsigned long)mdrv_sliced(sl_md, SL_UP_POINTERS, 0, &err, n,
						   mdrv_arg(&parts[1]), mdrv_arg(&refused));
	sl_say("kind=%d", !value			       ? SL_PTR_NULL
			  : IS_ERR(value)		       ? SL_PTR_ERROR
			  : value == &parts[1].hidden	       ? SL_PTR_OBJECT
			  : value == sl_statics[SL_S_TABLE].at ? SL_PTR_STATIC
			  : value == &refused		       ? SL_PTR_FOREIGN
							       : 99);
	return err;
}

static int ask_buffers(long n, long m)
{
	u8 *bytes = kzalloc(3 * n + 1, GFP_KERNEL);
	int err;
	u64 sum;

	if (!bytes)
		return -ENOMEM;
	memset(bytes, 1, n);
	memset(bytes + n, 2, n);
	memset(bytes + 2 * n, 3, n);
	sum = mdrv_sliced(sl_md, SL_UP_BUFFERS, n, &err, mdrv_arg(bytes), mdrv_arg(bytes + n),
			  mdrv_arg(bytes + 2 * n), n);
	sl_say("sum=%llu read=%u written=%u both=%u last=%u", sum, bytes[0], bytes[n], bytes[2 * n],
	       bytes[3 * n - 1]);
	kfree(bytes);
	return err;
}

static int ask_texts(long n, long m)
{
	u32 numbers[] = { 1, 2, 3 };
	int err;
	u64 value;

	fill();
	value = mdrv_sliced(sl_md, SL_UP_TEXTS, 0, &err, mdrv_arg("four"), mdrv_arg(numbers),
			    ARRAY_SIZE(numbers), 0);
	sl_say("value=%llu numbers=%u,%u,%u", value, numbers[0], numbers[1], numbers[2]);
	return err;
}

static int ask_do(long n, long m)
{
	int err;
	s32 value = mdrv_sliced(sl_md, SL_UP_DO, 0, &err, n, m, mdrv_arg(&sl_state));

	sl_say("value=%d", value);
	return err;
}

/* For the other device. */
static int ask_other(long n, long m)
{
	int err;
	s32 value = mdrv_sliced(sl_md, SL_UP_DO, 0, &err, n, m, mdrv_arg(&sl_second));

	sl_say("value=%d", value);
	return err;
}

static int ask_held(long n, long m)
{
	struct irq_data *irq = irq_get_irq_data(sl_irq);

	sl_say("held=%d kinds=%x disabled=%d", sl_held, sl_held_kinds,
	       irq_has_action(sl_irq) && irqd_irq_disabled(irq));
	return 0;
}

static int ask_undo(long n, long m)
{
	mdrv_undo_all(sl_md);
	return ask_held(n, m);
}

/* The other device goes. */
static int ask_undo_other(long n, long m)
{
	mdrv_sliced_undo(sl_md, &sl_second);
	mdrv_sliced_forget(sl_md, &sl_second);
	return ask_held(n, m);
}

static int ask_state(long n, long m)
{
	sl_say("outer=%u looks=%u level=%d other=%u ring=%d taken=%llu", sl_state.outer,
	       sl_state.looks, sl_global.level, sl_global.other, !!sl_state.ring, sl_state.taken);
	return 0;
}

static int ask_level(long n, long m)
{
	sl_global.level = n;
	return 0;
}

static int ask_unknown(long n, long m)
{
	int err;

	mdrv_sliced(sl_md, SL_UP_UNKNOWN, 0, &err);
	return err;
}

static int ask_forget(long n, long m)
{
	mdrv_sliced_forget(sl_md, &sl_state);
	return mdrv_share_once(sl_md, SL, &sl_state) ?: mdrv_share_once(sl_md, SL, &sl_state);
}

static int ask_gate(long n, long m)
{
	bool entered = mdrv_gate_enter(sl_md);

	sl_say("open=%d passed=%d refused=%d made_up=%d", entered, sl_passed > 0, refused > 0,
	       made_up);
	if (entered)
		mdrv_gate_leave(sl_md);
	return 0;
}

/* Called again, to a new process, if the first one dies. */
static int ask_again(long n, long m)
{
	int err;
	s32 value;

	sl_state.outer = 0;
	mdrv_set_hold(sl_md, n);
	value = mdrv_sliced(sl_md, SL_UP_AGAIN, 0, &err, mdrv_arg(&sl_state));
	mdrv_set_hold(sl_md, 0);
	sl_say("value=%d", value);
	return err;
}

/* What was kept is given back, and the process dies behind the m-th step. */
static int ask_finish(long n, long m)
{
	int err;
	s32 value;

	sl_state.outer = 0;
	mdrv_set_hold(sl_md, n);
	value = mdrv_sliced(sl_md, SL_UP_FINISH, 0, &err, mdrv_arg(&sl_state), m);
	mdrv_set_hold(sl_md, 0);
	sl_say("value=%d begun=%d", value, sl_state.outer);
	return err;
}

/* The private struct is kept where something smaller is known. */
static int ask_overlap(long n, long m)
{
	int err;

	mdrv_sliced_forget(sl_md, &sl_state);
	err = mdrv_share_once(sl_md, SL_PART, &sl_state) ?: ask_fields(n, m);
	mdrv_sliced_forget(sl_md, &sl_state);
	return err;
}

/* Pointers that lead nowhere: nobody may look there, in the kernel either. */
static int ask_wild(long n, long m)
{
	int err;

	sl_state.part = (void *)0xdead000000000100;
	sl_state.title = (void *)16;
	err = ask_plain(n, m);
	sl_state.part = NULL;
	sl_state.title = NULL;
	return err;
}

/* What the process answered while others were frozen. */
static int ask_suspended(long n, long m)
{
	sl_say("value=%llu", suspended);
	return 0;
}

static int ask_await(long n, long m)
{
	return mdrv_await(sl_md, n);
}

static int ask_big(long n, long m)
{
	u8 *bytes = kmalloc(BIG, GFP_KERNEL);
	int err;
	u64 sum;

	if (!bytes || n > BIG) {
		kfree(bytes);
		return -ENOMEM;
	}
	memset(bytes, 1, n);
	sum = mdrv_sliced(sl_md, SL_UP_BIG, n, &err, mdrv_arg(bytes), n);
	sl_say("sum=%llu last=%u", sum, bytes[n - 1]);
	kfree(bytes);
	return err;
}

static const struct question {
	const char *name;
	int (*ask)(long n, long m);
} questions[] = {
	{ "plain", ask_plain },	      { "values", ask_values },
	{ "fields", ask_fields },     { "lent", ask_lent },
	{ "pointers", ask_pointers }, { "buffers", ask_buffers },
	{ "texts", ask_texts },	      { "do", ask_do },
	{ "held", ask_held },	      { "undo", ask_undo },
	{ "state", ask_state },	      { "level", ask_level },
	{ "unknown", ask_unknown },   { "forget", ask_forget },
	{ "gate", ask_gate },	      { "await", ask_await },
	{ "big", ask_big },	      { "suspended", ask_suspended },
	{ "overlap", ask_overlap },   { "wild", ask_wild },
	{ "again", ask_again },	      { "finish", ask_finish },
	{ "other", ask_other },	      { "undo_other", ask_undo_other },
};

static ssize_t sl_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	char line[64], name[32];
	long n = 0, m = 0;
	int at, err;

	if (count >= sizeof(line))
		return -EINVAL;
	if (copy_from_user(line, user, count))
		return -EFAULT;
	line[count] = '\0';
	if (sscanf(line, "%31s %ld %ld", name, &n, &m) < 1)
		return -EINVAL;
	for (at = 0; at < ARRAY_SIZE(questions); at++)
		if (!strcmp(name, questions[at].name)) {
			said_bytes = 0;
			err = questions[at].ask(n, m);
			return err ? err : count;
		}
	return -EOPNOTSUPP;
}

static ssize_t sl_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	return simple_read_from_buffer(user, count, pos, said, said_bytes);
}

static const struct file_operations sl_fops = {
	.owner = THIS_MODULE,
	.read = sl_read,
	.write = sl_write,
};

static struct miscdevice sl_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "mdrv_sliced",
	.fops = &sl_fops,
	.mode = 0600,
};

/* ---- the device ---- */

static void on_opened(void *what)
{
	++*(int *)what;
}

/* In the place of a function that may wait. */
static void on_wait(struct work_struct *work)
{
	if (!mdrv_gate_wait(sl_md))
		return;
	sl_waited++;
	mdrv_gate_leave(sl_md);
}

static DECLARE_WORK(waiter, on_wait);

/* In the place of a driver's interrupt or timer: it passes the gate, or does without. */
static void on_beat(struct timer_list *timer)
{
	if (mdrv_gate_enter(sl_md)) {
		sl_passed++;
		mdrv_gate_leave(sl_md);
	} else {
		refused++;
		schedule_work(&waiter);
		if (mdrv_gate_enter_or(sl_md, on_opened, &made_up))
			mdrv_gate_leave(sl_md);
	}
	mod_timer(timer, jiffies + 1);
}

/* Devices are suspended when processes are frozen, but for one. */
static int machine_suspend(struct device *dev)
{
	int err;

	suspended = mdrv_sliced(sl_md, SL_UP_INNER, 0, &err, 40, mdrv_arg(&sl_state));
	return err;
}

static DEFINE_SIMPLE_DEV_PM_OPS(machine_pm_ops, machine_suspend, NULL);

static struct platform_driver machine_driver = {
	.driver = { .name = "mdrv_sliced", .pm = pm_sleep_ptr(&machine_pm_ops) },
};

static int machine_init(void)
{
	int err = platform_driver_register(&machine_driver);

	if (err)
		return err;
	sl_machine = platform_device_register_simple("mdrv_sliced", PLATFORM_DEVID_NONE, NULL, 0);
	if (IS_ERR(sl_machine)) {
		platform_driver_unregister(&machine_driver);
		return PTR_ERR(sl_machine);
	}
	err = dma_coerce_mask_and_coherent(&sl_machine->dev, DMA_BIT_MASK(32));
	if (!err)
		sl_irq = __irq_alloc_descs(-1, 0, 1, NUMA_NO_NODE, NULL, NULL);
	if (err || sl_irq < 0) {
		platform_device_unregister(sl_machine);
		platform_driver_unregister(&machine_driver);
		return err ?: sl_irq;
	}
	irq_set_chip_and_handler(sl_irq, &dummy_irq_chip, handle_simple_irq);
	return 0;
}

static void machine_exit(void)
{
	irq_free_descs(sl_irq, 1);
	platform_device_unregister(sl_machine);
	platform_driver_unregister(&machine_driver);
}

static int __init sliced_init(void)
{
	static const struct mdrv_ops ops = {
		.services = sl_services,
		.statics = sl_statics,
		.statics_count = SL_S_END,
	};
	int err = machine_init();

	if (err)
		return err;
	sl_md = mdrv_create("sliced", &sl_contract, &ops, NULL);
	if (IS_ERR(sl_md)) {
		machine_exit();
		return PTR_ERR(sl_md);
	}
	err = mdrv_register(sl_md) ?: misc_register(&sl_device);
	if (err) {
		mdrv_destroy(sl_md);
		machine_exit();
		return err;
	}
	timer_setup(&beat, on_beat, 0);
	mod_timer(&beat, jiffies + 1);
	return 0;
}
module_init(sliced_init);

static void __exit sliced_exit(void)
{
	misc_deregister(&sl_device);
	timer_shutdown_sync(&beat);
	cancel_work_sync(&waiter);
	mdrv_destroy(sl_md);
	if (sl_held)
		pr_err("sliced_micro: %d are left\n", sl_held);
	machine_exit();
}
module_exit(sliced_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("k-driver with tables alone, to test the microdriver runtime");
