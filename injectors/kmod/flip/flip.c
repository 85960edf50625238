// SPDX-License-Identifier: GPL-2.0
/*
 * A bit of what the device has written to memory is wrong
 *
 * When the driver takes a buffer back from the device (dma_unmap_*, direction
 * from the device) the device has written it and the driver has not looked
 * yet: then the bit is flipped. Buffers that a driver keeps mapped and only
 * syncs, and coherent memory, are not met: where memory is coherent, syncing
 * calls nothing.
 */
#include <linux/dma-mapping.h>
#include <linux/kprobes.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/timekeeping.h>

#include "arming.h"
#include "slot.h"

struct flip {
	struct kprobe probe;
	struct arming *arming;
	struct pci_dev *device;
	char slot[SLOT_BYTES];
	struct arming_turns turns;
	unsigned long byte, bit;
};

static const struct arming_word flip_words[] = {
	ARMING_WORD(ARMING_TEXT, struct flip, slot, "slot"),
	ARMING_WORD(ARMING_LONG, struct flip, turns.nth, "nth"),
	ARMING_WORD(ARMING_LONG, struct flip, turns.times, "times"),
	ARMING_WORD(ARMING_ULONG, struct flip, byte, "byte"),
	ARMING_WORD(ARMING_ULONG, struct flip, bit, "bit"),
	{}
};

/*
 * Context: kprobe on dma_unmap_page_attrs(device, address, size, direction,
 * attributes), any context that it is called from
 */
static int on_unmap(struct kprobe *probe, struct pt_regs *regs)
{
	struct flip *f = container_of(probe, struct flip, probe);
	void *buffer = phys_to_virt(regs_get_kernel_argument(regs, 1));

	if ((struct device *)regs_get_kernel_argument(regs, 0) != &f->device->dev ||
	    regs_get_kernel_argument(regs, 3) != DMA_FROM_DEVICE)
		return 0;
	if (f->byte >= regs_get_kernel_argument(regs, 2) || !virt_addr_valid(buffer) ||
	    !arming_takes(&f->turns, arming_turn(&f->turns)))
		return 0;
	((u8 *)buffer)[f->byte] ^= BIT(f->bit);
	arming_hit(f->arming, ktime_get_mono_fast_ns(), NULL);
	return 0;
}
NOKPROBE_SYMBOL(on_unmap);

static int flip_start(struct arming *a)
{
	struct flip *f = arming_state(a);
	int err;

	if (!arming_turns_are_sound(&f->turns) || f->bit > 7)
		return -EINVAL;
	f->arming = a;
	f->device = slot_get(f->slot);
	if (!f->device)
		return -ENODEV;
	f->probe.symbol_name = "dma_unmap_page_attrs";
	f->probe.pre_handler = on_unmap;
	err = register_kprobe(&f->probe);
	if (err)
		pci_dev_put(f->device);
	return err;
}

static void flip_stop(struct arming *a)
{
	struct flip *f = arming_state(a);

	unregister_kprobe(&f->probe);
	pci_dev_put(f->device);
}

static const struct arming_fault flip_fault = {
	.words = flip_words,
	.state_size = sizeof(struct flip),
	.start = flip_start,
	.stop = flip_stop,
};
module_arming_fault("flip", flip_fault);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: flip a bit of the memory that a PCI device has written");
