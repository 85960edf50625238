// SPDX-License-Identifier: GPL-2.0
/*
 * Loading and unloading of the kernel's half of a sliced driver.
 *
 * The driver's own initialisation makes upcalls, as soon as it finds a device.
 * So it runs once a process is there, and not before.
 */
#define SLICED_LOADS
#include "sliced_kernel.h"
#include <linux/device.h>
#include <linux/netdevice.h>
#include <linux/pci.h>
#include <linux/slab.h>

#define HOLD_MS 3000 /* for a new process to come, after the old one died */

struct mdrv_instance *sliced_instance;
static atomic_t sliced_missed; /* a device was found, and no process answered */
static bool sliced_begun; /* used by the joined u-driver's work item, and by the module's end */

int __weak sliced_init(void)
{
	return 0;
}

void __weak sliced_exit(void) {}

static u64 sliced_value(int err, u64 value, u64 fails)
{
	if (!err)
		return value;
	return fails == 1 ? (u64)(s64)err : fails;
}

u64 sliced_up(u32 number, u32 bytes, const u64 *args, u64 fails)
{
	int err;
	u64 value = mdrv_sliced_upcall(sliced_instance, number, bytes, args, &err);

	return sliced_value(err, value, fails);
}

/* @object is known from here on, if the call succeeds: a value other than 0 is an error. */
u64 sliced_up_first(u32 number, u32 bytes, const u64 *args, u64 fails, u64 object)
{
	int err;
	u64 value = mdrv_sliced_upcall(sliced_instance, number, bytes, args, &err);

	if (err)
		atomic_set(&sliced_missed, 1);
	value = sliced_value(err, value, fails);
	if ((s32)value)
		mdrv_sliced_forget(sliced_instance, (void *)(unsigned long)object);
	return value;
}

/* Nobody but the undo log gives back what a process that has died acquired. */
u64 sliced_up_last(u32 number, u32 bytes, const u64 *args, u64 fails, u64 object)
{
	int err;
	u64 value = mdrv_sliced_upcall(sliced_instance, number, bytes, args, &err);

	if (err)
		mdrv_sliced_undo(sliced_instance, (void *)(unsigned long)object);
	mdrv_sliced_forget(sliced_instance, (void *)(unsigned long)object);
	return sliced_value(err, value, fails);
}

static void sliced_rx_mode(void *what)
{
	struct net_device *dev = what;

	netif_addr_lock_bh(dev);
	if (netif_running(dev) && netif_device_present(dev))
		dev->netdev_ops->ndo_set_rx_mode(dev);
	netif_addr_unlock_bh(dev);
}

/* The process opens the gate within a call of the driver's: its device is there until then. */
bool sliced_gate_rx_mode(struct net_device *dev)
{
	return mdrv_gate_enter_or(sliced_instance, sliced_rx_mode, dev);
}

static void sliced_gone(void *at)
{
	mdrv_sliced_forget(sliced_instance, at);
}

/* An object of the process for both halves. @device frees it; NULL: the process does */
void *sliced_allocate(struct device *device, size_t bytes)
{
	void *at;

	if (!device)
		return kzalloc(bytes, GFP_KERNEL);
	at = devm_kzalloc(device, bytes, GFP_KERNEL);
	if (at && devm_add_action_or_reset(device, sliced_gone, at))
		return NULL;
	return at;
}

void sliced_release(const void *at)
{
	kvfree(at);
}

void sliced_joined(struct mdrv_instance *md)
{
	int err;

	if (sliced_begun) {
		if (atomic_xchg(&sliced_missed, 0) && bus_rescan_devices(&pci_bus_type))
			pr_err("%s: no device is looked for again\n", KBUILD_MODNAME);
		return;
	}
	err = sliced_init();
	if (err)
		pr_err("%s: the driver does not begin: %pe\n", KBUILD_MODNAME, ERR_PTR(err));
	else
		sliced_begun = true;
}

static int __init sliced_load(void)
{
	int err;

	sliced_instance = mdrv_create(KBUILD_MODNAME, sliced_contract_of_driver, &sliced_ops, NULL);
	if (IS_ERR(sliced_instance))
		return PTR_ERR(sliced_instance);
	mdrv_set_hold(sliced_instance, HOLD_MS);
	err = mdrv_register(sliced_instance);
	if (err)
		mdrv_destroy(sliced_instance);
	return err;
}
module_init(sliced_load);

static void __exit sliced_unload(void)
{
	if (sliced_begun)
		sliced_exit();
	mdrv_destroy(sliced_instance);
}
module_exit(sliced_unload);
