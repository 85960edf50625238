// SPDX-License-Identifier: GPL-2.0
/*
 * Calls by their signatures: a sliced driver has no code for a call's way
 * through the channel, only a row of a table.
 *
 * An argument is a value, or a pointer that crosses as a reference, or the bytes
 * that it leads to cross in a record of the call. In place of such bytes the
 * kernel's function gets a copy of its own.
 *
 * What a downcall acquires is noted with the downcall that releases it. The
 * u-driver's own release takes the note back.
 */
#include <linux/device.h>
#include <linux/netdevice.h>
#include <linux/overflow.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mdrv_internal.h"

typedef u64 (*mdrv_function)(u64, u64, u64, u64, u64, u64);

/* The arguments of a downcall. */
struct mdrv_passed {
	u64 args[MDRV_ARGS];
	void *copies[MDRV_ARGS]; /* of what crossed with the call; NULL: nothing did */
	u32 bytes[MDRV_ARGS]; /* of the copies */
};

/* Something acquired, by its note. */
struct mdrv_acquired {
	struct mdrv_instance *md;
	const struct mdrv_acquire *acquire;
	u64 args[MDRV_ARGS]; /* of its release */
	u64 attempt; /* at an outermost upcall, in which it was acquired */
	u64 owner; /* the kept object in whose calls it was acquired; 0 */
	u64 place; /* of a lock */
	struct mdrv_irq irq;
};

/* A text that a function of the kernel holds. */
struct mdrv_text {
	struct list_head node; /* in md->kept */
	char text[];
};

/* ---- arguments ---- */

/* A value as its type has it; what a function leaves in the rest of a register does not matter. */
static u64 mdrv_extended(const struct mdrv_argument *argument, u64 value)
{
	u32 unused = argument->bytes < sizeof(value) ? 64 - argument->bytes * BITS_PER_BYTE : 0;

	if (argument->flags & MDRV_SIGNED)
		return (s64)(value << unused) >> unused;
	return value << unused >> unused;
}

/* How many bytes a MDRV_COPY leads to. */
static u64 mdrv_copy_bytes(const struct mdrv_argument *argument, const u64 *args)
{
	u64 count = argument->length == MDRV_NO_LENGTH ? 1 : args[argument->length % MDRV_ARGS];

	u64 bytes;

	return check_mul_overflow(count, (u64)argument->bytes, &bytes) ? ~0ULL : bytes;
}

static bool mdrv_has_pointer(const struct mdrv_argument *argument)
{
	return argument->kind > MDRV_VALUE;
}

static void mdrv_passed_free(struct mdrv_passed *passed)
{
	int n;

	for (n = 0; n < MDRV_ARGS; n++)
		kfree(passed->copies[n]);
}

/* Take over the bytes of an argument. Return: 0, -EPROTO or -ENOMEM */
static int mdrv_pass_copy(struct mdrv_instance *md, const struct mdrv_argument *argument, int n,
			  const u8 *data, u32 bytes, struct mdrv_passed *passed)
{
	if (argument->kind == MDRV_TEXT && (!bytes || data[bytes - 1]))
		return mdrv_refuse(md, "a text without an end");
	if (argument->kind == MDRV_COPY && bytes != mdrv_copy_bytes(argument, passed->args))
		return mdrv_refuse(md, "another number of bytes than the call takes");
	passed->copies[n] = kmemdup(data, max(bytes, 1U), GFP_KERNEL);
	if (!passed->copies[n])
		return -ENOMEM;
	passed->bytes[n] = bytes;
	passed->args[n] = mdrv_arg(passed->copies[n]);
	return 0;
}

static int mdrv_pass_pointer(struct mdrv_instance *md, const struct mdrv_argument *argument, int n,
			     const struct mdrv_message *ask, struct mdrv_passed *passed)
	__must_hold(&md->busy)
{
	bool may_copy = argument->kind == MDRV_TEXT || argument->kind == MDRV_COPY;
	u32 bytes;
	const u8 *data = may_copy ? mdrv_record_of(ask, n, &bytes) : NULL;
	u64 room;
	int err;

	lockdep_assert_held(&md->busy);
	if (data)
		return mdrv_pass_copy(md, argument, n, data, bytes, passed);
	err = mdrv_pointer_of(md, ask->args[n], &passed->args[n], &room);
	if (!err && argument->kind == MDRV_COPY && passed->args[n] &&
	    room < mdrv_copy_bytes(argument, passed->args))
		return mdrv_refuse(md, "a pointer to less than the call takes");
	return err;
}

/* The arguments as the function gets them: the values first, since lengths are among them. */
static int mdrv_pass(struct mdrv_instance *md, const struct mdrv_argument *signature,
		     const struct mdrv_message *ask, struct mdrv_passed *passed)
	__must_hold(&md->busy)
{
	int n, err = 0;

	lockdep_assert_held(&md->busy);
	for (n = 0; n < MDRV_ARGS; n++)
		if (signature[n].kind == MDRV_VALUE)
			passed->args[n] = mdrv_extended(&signature[n], ask->args[n]);
	for (n = 0; n < MDRV_ARGS && !err; n++)
		if (mdrv_has_pointer(&signature[n]))
			err = mdrv_pass_pointer(md, &signature[n], n, ask, passed);
	return err;
}

/* ---- texts that are kept ---- */

static char *mdrv_keep_text(struct mdrv_instance *md, const char *text) __must_hold(&md->busy)
{
	struct mdrv_text *kept;
	size_t bytes = strlen(text) + 1;

	lockdep_assert_held(&md->busy);
	list_for_each_entry(kept, &md->kept, node)
		if (!strcmp(kept->text, text))
			return kept->text;
	kept = kmalloc(struct_size(kept, text, bytes), GFP_KERNEL);
	if (!kept)
		return NULL;
	memcpy(kept->text, text, bytes);
	list_add(&kept->node, &md->kept);
	return kept->text;
}

static int mdrv_keep_texts(struct mdrv_instance *md, const struct mdrv_call *call, u8 keeps,
			   struct mdrv_passed *passed) __must_hold(&md->busy)
{
	int n;

	lockdep_assert_held(&md->busy);
	for (n = 0; n < MDRV_ARGS; n++) {
		if (!(keeps & BIT(n)) || call->signature[n].kind != MDRV_TEXT || !passed->copies[n])
			continue;
		passed->args[n] = mdrv_arg(mdrv_keep_text(md, passed->copies[n]));
		if (!passed->args[n])
			return -ENOMEM;
	}
	return 0;
}

void mdrv_forget_texts(struct mdrv_instance *md)
{
	struct mdrv_text *text, *next;

	lockdep_assert_held(&md->busy);
	list_for_each_entry_safe(text, next, &md->kept, node) {
		list_del(&text->node);
		kfree(text);
	}
}

/* ---- what a downcall acquires, releases and shares ---- */

static u64 mdrv_run(const struct mdrv_service *service, const u64 *args)
{
	mdrv_function function = (mdrv_function)service->function;

	return function(args[0], args[1], args[2], args[3], args[4], args[5]);
}

/* What a MDRV_COPY leads to. It may be a foreign pointer: nobody knows what lies there. */
static u64 mdrv_out_of(const struct mdrv_argument *argument, u64 pointer)
{
	u32 bytes = min_t(u32, argument->bytes, sizeof(u64));
	u64 value = 0;

	if (!pointer || copy_from_kernel_nofault(&value, (void *)(unsigned long)pointer, bytes))
		return 0;
	return value;
}

static u64 mdrv_value_of(const struct mdrv_call *call, u8 source, const u64 *args, u64 result)
{
	if (source < MDRV_ARGS)
		return args[source];
	if (source >= MDRV_OUT0 && source < MDRV_OUT0 + MDRV_ARGS)
		return mdrv_out_of(&call->signature[source - MDRV_OUT0], args[source - MDRV_OUT0]);
	return source == MDRV_FROM_RESULT ? result : 0;
}

static bool mdrv_has_acquired(u8 when, u64 result)
{
	switch (when) {
	case MDRV_IF_ZERO:
		return !result;
	case MDRV_IF_POINTER:
		return result && !IS_ERR_VALUE(result);
	case MDRV_IF_NOT_NEGATIVE:
		return (s64)result >= 0;
	default:
		return true;
	}
}

/* Call a release; what it frees is shared no longer by then. */
static void mdrv_run_release(struct mdrv_acquired *acquired)
{
	struct mdrv_instance *md = acquired->md;
	const struct mdrv_service *service = &md->ops->services[acquired->acquire->release];
	bool entered = mdrv_chain_enter(md);

	if (service->unshare)
		mdrv_forget(md, (void *)(unsigned long)acquired->args[service->unshare - 1]);
	if (acquired->acquire->irq)
		mdrv_gate_remove(md, &acquired->irq);
	mdrv_chain_leave(md, entered);
	mdrv_run(service, acquired->args);
}

static bool mdrv_is_lock(const void *what, const void *unused)
{
	return ((const struct mdrv_acquired *)what)->acquire->lock;
}

/* A lock goes with the object that it lies in. */
static bool mdrv_is_gone(const struct mdrv_acquired *acquired)
{
	struct mdrv_instance *md = acquired->md;
	bool entered = mdrv_chain_enter(md);
	bool gone = mdrv_is_lock(acquired, NULL) &&
		    !mdrv_object_around(md, acquired->place, sizeof(u64));

	mdrv_chain_leave(md, entered);
	return gone;
}

/* The undo of an acquire; within the chain or outside. */
static void mdrv_undo_acquired(void *what)
{
	if (!mdrv_is_gone(what))
		mdrv_run_release(what);
	kfree(what);
}

/* What is locked when the outermost upcall ends stays so: it is a state, and no lock. */
void mdrv_forget_held(struct mdrv_instance *md)
{
	void *held;

	lockdep_assert_held(&md->busy);
	while ((held = mdrv_note_take(md, mdrv_undo_acquired, mdrv_is_lock, NULL)))
		kfree(held);
}

/* A release, as the u-driver calls it. */
struct mdrv_released {
	u32 number;
	const u64 *args;
};

static bool mdrv_is_of_release(const void *what, const void *key)
{
	const struct mdrv_acquired *acquired = what;
	const struct mdrv_released *released = key;
	int n;

	if (acquired->acquire->release != released->number)
		return false;
	for (n = 0; n < MDRV_ARGS; n++)
		if (acquired->acquire->from[n] != MDRV_ZERO &&
		    acquired->args[n] != released->args[n])
			return false;
	return true;
}

/* A function that must not be called but for what was acquired. */
static bool mdrv_is_release(const struct mdrv_instance *md, u32 number)
{
	const struct mdrv_acquire *acquire;
	u32 n;

	for (n = 0; n < md->contract->downcalls_count; n++) {
		acquire = md->ops->services[n].acquire;
		if (acquire && acquire->release == number && !acquire->lock)
			return true;
	}
	return false;
}

/* The current attempt gives back what another one acquired. */
static void mdrv_note_ending(struct mdrv_instance *md, u64 attempt) __must_hold(&md->busy)
{
	u32 n;

	lockdep_assert_held(&md->busy);
	for (n = 0; n < md->endings; n++)
		if (md->ending[n] == attempt)
			return;
	if (attempt != md->attempts && n < MDRV_ENDING)
		md->ending[md->endings++] = attempt;
}

/* The u-driver releases something itself: take back its note. Return: false: there is none */
static bool mdrv_take_back(struct mdrv_instance *md, u32 number, const u64 *args)
	__must_hold(&md->busy)
{
	const struct mdrv_released released = { .number = number, .args = args };
	struct mdrv_acquired *acquired =
		mdrv_note_take(md, mdrv_undo_acquired, mdrv_is_of_release, &released);

	lockdep_assert_held(&md->busy);
	if (!acquired)
		return false;
	mdrv_note_ending(md, acquired->attempt);
	if (acquired->acquire->irq)
		mdrv_gate_remove(md, &acquired->irq);
	kfree(acquired);
	return true;
}

/* All that was acquired in an attempt at an upcall, or ever, for a kept object. */
struct mdrv_belongings {
	u64 owner;
	u64 attempt; /* 0: any */
};

static bool mdrv_is_among(const void *what, const void *key)
{
	const struct mdrv_acquired *acquired = what;
	const struct mdrv_belongings *belongings = key;

	return acquired->owner == belongings->owner &&
	       (!belongings->attempt || acquired->attempt == belongings->attempt);
}

/* Give back, for a u-driver that died in it, all that an upcall with MDRV_ENDS had begun to. */
void mdrv_give_back_rest(struct mdrv_instance *md)
{
	struct mdrv_belongings belongings = { .owner = md->root };
	void *acquired;
	u32 n;

	lockdep_assert_held(&md->busy);
	for (n = 0; n < md->endings; n++) {
		belongings.attempt = md->ending[n];
		while ((acquired =
				mdrv_note_take(md, mdrv_undo_acquired, mdrv_is_among, &belongings)))
			mdrv_undo_acquired(acquired);
	}
}

/**
 * mdrv_sliced_undo() - undo all that was acquired for a device
 * @md: the instance
 * @at: the object that stays known as long as the device has its driver
 *
 * What was acquired for other devices stays. Undone are acquisitions in upcalls about @at,
 * or about something that was shared in those.
 *
 * Context: process, within a chain of @md or outside.
 */
void mdrv_sliced_undo(struct mdrv_instance *md, const void *at)
{
	const struct mdrv_belongings belongings = { .owner = mdrv_arg(at) };
	void *acquired;
	bool entered;

	do {
		entered = mdrv_chain_enter(md);
		acquired = mdrv_note_take(md, mdrv_undo_acquired, mdrv_is_among, &belongings);
		mdrv_chain_leave(md, entered);
		/* outside of the chain, if it can be: others wait for it with locks */
		if (acquired)
			mdrv_undo_acquired(acquired);
	} while (acquired);
}
EXPORT_SYMBOL_GPL(mdrv_sliced_undo);

static int mdrv_share_bar(struct mdrv_instance *md, void *at, const struct pci_dev *dev, u64 bar)
	__must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	if (!dev || bar >= PCI_NUM_RESOURCES)
		return -EINVAL;
	if (pci_resource_flags(dev, bar) & IORESOURCE_IO)
		return mdrv_share_memory(md, MDRV_SHARE_ADDRESSES, at, pci_resource_len(dev, bar),
					 0);
	return mdrv_share_memory(md, MDRV_SHARE_REGISTERS, at, pci_resource_len(dev, bar),
				 pci_resource_start(dev, bar));
}

static int mdrv_share_result(struct mdrv_instance *md, const struct mdrv_call *call,
			     const struct mdrv_sharing *sharing, const u64 *args, u64 result)
	__must_hold(&md->busy)
{
	void *at = (void *)(unsigned long)mdrv_value_of(call, sharing->at, args, result);
	u64 bytes, phys;

	lockdep_assert_held(&md->busy);
	if (IS_ERR_OR_NULL(at))
		return 0;
	if (sharing->kind == MDRV_SHARE_OBJECT)
		return mdrv_share_known(md, sharing->type, at, false);
	bytes = mdrv_value_of(call, sharing->bytes, args, result);
	phys = mdrv_value_of(call, sharing->phys, args, result);
	if (sharing->kind == MDRV_SHARE_BAR)
		return mdrv_share_bar(md, at, (const struct pci_dev *)(unsigned long)bytes, phys);
	return mdrv_share_memory(md, sharing->kind, at, bytes, phys);
}

/* Note what a call has acquired, and share it. Return: 0, or -errno: it is released again */
static int mdrv_note_acquired(struct mdrv_instance *md, const struct mdrv_call *call,
			      const struct mdrv_service *service, const u64 *args, u64 result)
	__must_hold(&md->busy)
{
	const struct mdrv_acquire *acquire = service->acquire;
	struct mdrv_acquired *acquired = NULL;
	int n, err = 0;

	lockdep_assert_held(&md->busy);
	if (acquire && mdrv_has_acquired(acquire->when, result)) {
		acquired = kzalloc(sizeof(*acquired), GFP_KERNEL | __GFP_NOFAIL);
		acquired->md = md;
		acquired->acquire = acquire;
		acquired->attempt = md->attempts;
		acquired->owner = md->root;
		for (n = 0; n < MDRV_ARGS; n++)
			acquired->args[n] = mdrv_value_of(call, acquire->from[n], args, result);
		if (acquire->lock)
			acquired->place = args[acquire->lock - 1];
		if (acquire->irq) {
			acquired->irq.number = args[acquire->irq - 1];
			mdrv_gate_add(md, &acquired->irq);
		}
	}
	if (service->sharing && (acquired || !acquire))
		err = mdrv_share_result(md, call, service->sharing, args, result);
	if (err && acquired)
		mdrv_undo_acquired(acquired);
	else if (acquired)
		err = __mdrv_note(md, mdrv_undo_acquired, acquired);
	return err;
}

/* ---- downcalls ---- */

static int mdrv_pack_copies(const struct mdrv_call *call, const struct mdrv_passed *passed,
			    struct mdrv_message *answer)
{
	u8 *data;
	int n;

	for (n = 0; n < MDRV_ARGS; n++) {
		if (!passed->copies[n] || call->signature[n].kind != MDRV_COPY)
			continue;
		data = mdrv_record_reserve(answer, 0, 1 + n, passed->bytes[n]);
		if (!data)
			return -E2BIG;
		memcpy(data, passed->copies[n], passed->bytes[n]);
	}
	return 0;
}

static int mdrv_result_out(struct mdrv_instance *md, const struct mdrv_argument *result, u64 value,
			   u64 *to) __must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	*to = 0;
	if (result->kind == MDRV_NOTHING_ARG)
		return 0;
	if (mdrv_has_pointer(result))
		return mdrv_ref_of(md, value, to);
	*to = mdrv_extended(result, value);
	return 0;
}

static u64 mdrv_serve_passed(struct mdrv_instance *md, const struct mdrv_call *call, u32 number,
			     struct mdrv_passed *passed) __must_hold(&md->busy)
{
	const struct mdrv_service *service = &md->ops->services[number];
	const struct mdrv_argument *type = &call->signature[MDRV_ARGS];
	u64 result, failed = mdrv_has_pointer(type) ? 0 : (u64)-ENOMEM;

	lockdep_assert_held(&md->busy);
	if (mdrv_keep_texts(md, call, service->keeps, passed))
		return failed;
	/* an upcall is made again: the u-driver that died within it has released this already */
	if (!mdrv_take_back(md, number, passed->args) && md->again && mdrv_is_release(md, number))
		return 0;
	if (service->unshare)
		mdrv_forget(md, (void *)(unsigned long)passed->args[service->unshare - 1]);
	result = mdrv_run(service, passed->args);
	if (type->kind == MDRV_VALUE)
		result = mdrv_extended(type, result);
	return mdrv_note_acquired(md, call, service, passed->args, result) ? failed : result;
}

/* Serve a downcall by its row. Return: -EPROTO: the u-driver talks nonsense; or another error */
int mdrv_serve_signed(struct mdrv_instance *md, const struct mdrv_call *call,
		      const struct mdrv_message *ask, struct mdrv_parcel **answer)
{
	struct mdrv_passed passed = {};
	u64 result;
	int err;

	lockdep_assert_held(&md->busy);
	err = mdrv_pass(md, call->signature, ask, &passed)
		      ?: mdrv_unpack(md, call, md->up, MDRV_IN, ask, NULL);
	if (err)
		goto out;
	result = mdrv_serve_passed(md, call, call - md->contract->downcalls, &passed);
	do {
		struct mdrv_message *to = &(*answer)->message;

		err = mdrv_pack_copies(call, &passed, to)
			      ?: mdrv_result_out(md, &call->signature[MDRV_ARGS], result,
						 &to->value)
			      ?: mdrv_pack(md, call, md->up, MDRV_OUT, to, NULL);
	} while (err == -E2BIG && mdrv_parcel_grow(md, answer));
out:
	mdrv_passed_free(&passed);
	return err;
}

/* ---- printing ---- */

/* A device that the u-driver names, if as much lies there; else NULL */
static void *mdrv_device_of(struct mdrv_instance *md, u64 ref, size_t bytes, int *err)
	__must_hold(&md->busy)
{
	u64 pointer, room;

	lockdep_assert_held(&md->busy);
	*err = mdrv_pointer_of(md, ref, &pointer, &room);
	if (*err || room < bytes || !ref ||
	    MDRV_OBJECT_TYPE(MDRV_REF_OBJECT(ref)) >= md->contract->types_count)
		return NULL;
	return (void *)(unsigned long)pointer;
}

/* Print a text of the u-driver's as it is. Return: 0 or -EPROTO */
int mdrv_print(struct mdrv_instance *md, const u64 *args, const struct mdrv_buffer *text)
{
	char level[] = { KERN_SOH_ASCII, args[0], '\0' };
	bool has_level = (level[1] >= '0' && level[1] <= '7') || level[1] == MDRV_LEVEL_CONTINUE;
	bool net = args[2] == MDRV_NET_DEVICE;
	size_t least = net ? sizeof(struct net_device) : sizeof(struct device);
	int length = strnlen(text->data, text->bytes), err;
	void *device = mdrv_device_of(md, args[1], least, &err);

	lockdep_assert_held(&md->busy);
	if (err)
		return err;
	if (net)
		netdev_printk(has_level ? level : KERN_DEFAULT, device, "%.*s", length,
			      (char *)text->data);
	else if (device)
		_dev_printk(has_level ? level : KERN_DEFAULT, device, "%.*s", length,
			    (char *)text->data);
	else
		_printk("%s%.*s", has_level ? level : "", length, (char *)text->data);
	return 0;
}

/* ---- upcalls ---- */

static int mdrv_out_bytes(struct mdrv_message *to, int n, const void *from, u32 bytes)
{
	u8 *data = mdrv_record_reserve(to, 0, 1 + n, bytes);

	if (!data)
		return -E2BIG;
	memcpy(data, from, bytes);
	return 0;
}

/* A buffer crosses as 1 + its size; its bytes are in a record if the callee reads them. */
static int mdrv_out_buffer(const struct mdrv_argument *argument, int n, struct mdrv_signed *how,
			   struct mdrv_message *to)
{
	const void *from = (void *)(unsigned long)how->args[n];

	if (!from)
		return 0;
	if (how->buffer_bytes > U16_MAX)
		return -EMSGSIZE;
	to->args[n] = 1ULL + how->buffer_bytes;
	if (argument->flags & MDRV_WRITE) {
		how->back |= BIT(n);
		how->bytes[n] = how->buffer_bytes;
	}
	return argument->flags & MDRV_READ ? mdrv_out_bytes(to, n, from, how->buffer_bytes) : 0;
}

/* What crosses by its bytes, unless it leads into something known. */
static int mdrv_out_copy(struct mdrv_instance *md, const struct mdrv_argument *argument, int n,
			 struct mdrv_signed *how, struct mdrv_message *to) __must_hold(&md->busy)
{
	const void *from = (void *)(unsigned long)how->args[n];
	u64 bytes;

	lockdep_assert_held(&md->busy);
	if (mdrv_ref_of_known(md, how->args[n], &to->args[n]) != -ENOENT)
		return 0;
	bytes = argument->kind == MDRV_TEXT ? strlen(from) + 1
					    : mdrv_copy_bytes(argument, how->args);
	if (bytes > U16_MAX)
		return -EMSGSIZE;
	if (argument->kind == MDRV_COPY) {
		how->back |= BIT(n);
		how->bytes[n] = bytes;
	}
	return mdrv_out_bytes(to, n, from, bytes);
}

static int mdrv_out_argument(struct mdrv_instance *md, const struct mdrv_argument *argument, int n,
			     struct mdrv_signed *how, struct mdrv_message *to)
	__must_hold(&md->busy)
{
	lockdep_assert_held(&md->busy);
	to->args[n] = 0;
	switch (argument->kind) {
	case MDRV_NOTHING_ARG:
		return 0;
	case MDRV_VALUE:
		to->args[n] = mdrv_extended(argument, how->args[n]);
		return 0;
	case MDRV_BUFFER:
		return mdrv_out_buffer(argument, n, how, to);
	case MDRV_TEXT:
	case MDRV_COPY:
		return mdrv_out_copy(md, argument, n, how, to);
	case MDRV_BORROW:
	case MDRV_KEEP:
		return mdrv_ref_lent(md, argument->type, how->args[n],
				     argument->kind == MDRV_BORROW, &to->args[n]);
	default:
		return mdrv_ref_of(md, how->args[n], &to->args[n]);
	}
}

/* The kept object that an upcall is about: an argument, or its owner. Return: 0: there is none */
u64 mdrv_root_of(struct mdrv_instance *md, const struct mdrv_call *call,
		 const struct mdrv_signed *how)
{
	const struct mdrv_object *object;
	int n;

	lockdep_assert_held(&md->busy);
	for (n = 0; how && n < MDRV_ARGS; n++) {
		if (call->signature[n].kind == MDRV_KEEP)
			return how->args[n];
		object = mdrv_has_pointer(&call->signature[n])
				 ? mdrv_object_around(md, how->args[n], 1)
				 : NULL;
		if (object && object->owner)
			return object->owner;
	}
	return md->root;
}

/* The arguments of an upcall as they cross. Return: 0 or -errno */
int mdrv_signed_out(struct mdrv_instance *md, const struct mdrv_call *call, struct mdrv_signed *how,
		    struct mdrv_message *to)
{
	int n, err = 0;

	lockdep_assert_held(&md->busy);
	how->back = 0;
	for (n = 0; n < MDRV_ARGS && !err; n++)
		err = mdrv_out_argument(md, &call->signature[n], n, how, to);
	return err;
}

/* Check an upcall's answer, and get its result. Return: 0 or -EPROTO */
int mdrv_signed_check(struct mdrv_instance *md, const struct mdrv_call *call,
		      struct mdrv_signed *how, const struct mdrv_message *from)
{
	const struct mdrv_argument *result = &call->signature[MDRV_ARGS];
	u64 room;
	u32 bytes;
	int n;

	lockdep_assert_held(&md->busy);
	if (from->status > 0)
		return mdrv_refuse(md, "a status, where the call has a result");
	if (from->status)
		return 0;
	for (n = 0; n < MDRV_ARGS; n++)
		if (how->back & BIT(n) &&
		    (!mdrv_record_of(from, n, &bytes) || bytes != how->bytes[n]))
			return mdrv_refuse(md, "a buffer that does not come back as it went");
	how->value = result->kind == MDRV_VALUE ? mdrv_extended(result, from->value) : 0;
	if (mdrv_has_pointer(result))
		return mdrv_pointer_of(md, from->value, &how->value, &room);
	return 0;
}

/* Take over the bytes that came back with a checked answer. */
void mdrv_signed_take(const struct mdrv_signed *how, const struct mdrv_message *from)
{
	const u8 *data;
	u32 bytes;
	int n;

	for (n = 0; n < MDRV_ARGS; n++) {
		data = how->back & BIT(n) ? mdrv_record_of(from, n, &bytes) : NULL;
		if (data)
			memcpy((void *)(unsigned long)how->args[n], data, bytes);
	}
}
