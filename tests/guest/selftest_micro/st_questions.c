// SPDX-License-Identifier: GPL-2.0
/* Questions about calls, and what crosses with them. */
#include <linux/delay.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/slab.h>

#include "st_k.h"

#define TEXT_BYTES 512

static int call(struct st_device *st, u32 number, long n)
{
	return mdrv_upcall(st->md, number, mdrv_arg(&st->shared), n);
}

/* What the call gives is a number, and not an error. */
static int told(int status)
{
	if (status < 0)
		return status;
	st_say("status=%d ", status);
	return 0;
}

static void say_steps(const struct st *shared)
{
	int n;

	for (n = 0; n < ST_STEPS; n++)
		st_say("%u ", shared->steps[n]);
}

static int plain(struct st_device *st, long n)
{
	return told(call(st, ST_PLAIN, n));
}

static int other(struct st_device *st, long n)
{
	return told(call(st->other, ST_PLAIN, n));
}

static int await(struct st_device *st, long timeout_ms)
{
	return mdrv_await(st->md, timeout_ms);
}

/* The same, also for an asker that does not live to see the error. */
static int outlived(struct st_device *st, long n)
{
	st_say("error=%d ", call(st, ST_PLAIN, n));
	return 0;
}

static int hold(struct st_device *st, long hold_ms)
{
	mdrv_set_hold(st->md, hold_ms);
	return 0;
}

static int nested(struct st_device *st, long n)
{
	int err;

	st->shared.steps[0] = 1;
	err = call(st, ST_NESTED, n);
	say_steps(&st->shared);
	return err;
}

static int recurse(struct st_device *st, long n)
{
	return told(call(st, ST_RECURSE, n));
}

static int reverse(struct st_device *st, long n)
{
	int k, err;

	for (k = 0; k < ST_STEPS; k++)
		st->shared.steps[k] = n + k;
	err = call(st, ST_REVERSE, n);
	say_steps(&st->shared);
	return err;
}

static void link_nodes(struct st_device *st)
{
	struct st_node *nodes = st->nodes;

	st->shared.head = &nodes[0];
	nodes[0].peer = &nodes[1];
	nodes[1].peer = &nodes[2];
	nodes[2].value = 7;
	nodes[2].into = &nodes[3].pair.y;
	nodes[3].pair = (struct st_pair){ .x = 1, .y = 41 };
	nodes[0].pair.x = 2;
}

/* head -> peer -> peer, from there into another one; and by the arguments: into one, and nowhere */
static int follow(struct st_device *st, long n)
{
	struct st_node *nodes = st->nodes;
	int err;

	link_nodes(st);
	err = mdrv_upcall(st->md, ST_FOLLOW, mdrv_arg(&st->shared), mdrv_arg(&nodes[4].pair.y));
	err = told(err);
	st_say("head=%td into=%td y3=%u y4=%u x0=%u x3=%u ", st->shared.head - nodes,
	       nodes[2].into - &nodes[0].pair.y, nodes[3].pair.y, nodes[4].pair.y, nodes[0].pair.x,
	       nodes[3].pair.x);
	return err;
}

static int walk(struct st_device *st, long n)
{
	static const u32 values[ST_NODES] = { 2, 3, 5, 7, 1 };
	struct list_head *at;
	int k, err;

	for (k = 0; k < ST_NODES; k++)
		st->nodes[k].value = values[k] + n;
	err = told(call(st, ST_WALK, n));
	list_for_each(at, (struct list_head *)st->shared.nodes)
		st_say("%td ", container_of((void *)at, struct st_node, next) - st->nodes);
	return err;
}

/* Another object comes to lie where one lay. */
static int renew(struct st_device *st, long times)
{
	int err = 0;

	while (times-- && !err) {
		mdrv_unshare(st->md, &st->nodes[4]);
		err = mdrv_share(st->md, ST_NODE, &st->nodes[4]);
	}
	return err;
}

static int write_all(struct st_device *st, long n)
{
	struct st *shared = &st->shared;
	int err;

	shared->written = 100;
	shared->readable = 100;
	shared->elsewhere = 100;
	shared->undeclared = 100;
	shared->limited = 9;
	err = call(st, ST_WRITE, n);
	st_say("written=%u readable=%u elsewhere=%u undeclared=%u limited=%u ", shared->written,
	       shared->readable, shared->elsewhere, shared->undeclared, shared->limited);
	return err;
}

static int sleep(struct st_device *st, long n)
{
	return call(st, ST_SLEEP, n);
}

static int acquire(struct st_device *st, long n)
{
	return call(st, ST_ACQUIRE, n);
}

static int try(struct st_device *st, long n)
{
	return told(call(st, ST_TRY, n));
}

static int try_again(struct st_device *st, long n)
{
	return told(call(st, ST_TRY_AGAIN, n));
}

static int remember(struct st_device *st, long n)
{
	int k;

	for (k = 0; k < ST_NODES; k++)
		st->nodes[k].value = n + k;
	return call(st, ST_REMEMBER, n);
}

static int recall(struct st_device *st, long n)
{
	struct mdrv_buffer buffer = { .bytes = TEXT_BYTES, .mode = MDRV_OUT };
	int err;

	buffer.data = kzalloc(TEXT_BYTES, GFP_KERNEL);
	if (!buffer.data)
		return -ENOMEM;
	err = mdrv_upcall_buffer(st->md, ST_RECALL, &buffer, mdrv_arg(&st->shared));
	st_say("%.*s", buffer.bytes, (char *)buffer.data);
	kfree(buffer.data);
	return err;
}

/*
 * @count heavy objects, of which one fits into a message; with more than that a
 * field of the state changes, too.
 */
static int weigh(struct st_device *st, long count)
{
	struct st_heavy *heavy = kcalloc(count, sizeof(*heavy), GFP_KERNEL);
	int n, err = heavy ? 0 : -ENOMEM;

	if (count > 1)
		st->shared.elsewhere += 1000;
	for (n = 0; n < count && !err; n++) {
		memset(&heavy[n], 1, sizeof(*heavy));
		err = mdrv_share(st->md, ST_HEAVY_TYPE, &heavy[n]);
	}
	err = err ?: told(call(st, ST_WEIGH, count));
	for (n = 0; heavy && n < count; n++)
		mdrv_unshare(st->md, &heavy[n]);
	kfree(heavy);
	return err;
}

static int renew_inside(struct st_device *st, long n)
{
	return mdrv_upcall(st->md, ST_INSIDE, 0, ST_D_RENEW);
}

static int say_mapping(struct st_device *st, long n)
{
	st_say("mapping=%d ", READ_ONCE(st_mapping));
	return 0;
}

static int say_attached(struct st_device *st, long n)
{
	st_say("attached=%d late=%d ", !mdrv_await(st->md, 0), st->late);
	return 0;
}

/* Nobody can take pages from st0's u-driver meanwhile: its session's end lasts as long. */
static int keep_pages(struct st_device *st, long time_ms)
{
	struct file *file = filp_open("/dev/microdriver/st0", O_RDWR, 0);

	if (IS_ERR(file))
		return PTR_ERR(file);
	i_mmap_lock_write(file->f_mapping);
	msleep(time_ms);
	i_mmap_unlock_write(file->f_mapping);
	return filp_close(file, NULL);
}

static int miscall(struct st_device *st, long n)
{
	return mdrv_upcall(st->md, ST_INSIDE, 0, ST_D_MISCALL);
}

/* A pointer to what is not shared cannot cross. */
static int stray(struct st_device *st, long n)
{
	return mdrv_upcall(st->md, ST_NESTED, mdrv_arg(&st->counter));
}

const struct st_question st_calls[] = {
	{ "plain", plain },
	{ "other", other },
	{ "await", await },
	{ "outlived", outlived },
	{ "hold", hold },
	{ "nested", nested },
	{ "recurse", recurse },
	{ "reverse", reverse },
	{ "follow", follow },
	{ "walk", walk },
	{ "renew", renew },
	{ "write", write_all },
	{ "sleep", sleep },
	{ "acquire", acquire },
	{ "try", try },
	{ "try_again", try_again },
	{ "remember", remember },
	{ "recall", recall },
	{ "weigh", weigh },
	{ "stray", stray },
	{ "renew_inside", renew_inside },
	{ "miscall", miscall },
	{ "mapping", say_mapping },
	{ "attached", say_attached },
	{ "keep_pages", keep_pages },
	{},
};
