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

#include "device.h"

struct flip {
	struct kprobe probe;
	struct arming *arming;
	struct turns turns;
	unsigned int byte, bit;
};

/*
 * Context: kprobe on dma_unmap_page_attrs(device, address, size, direction,
 * attributes), any context that it is called from
 */
static int on_unmap(struct kprobe *probe, struct pt_regs *regs)
{
	struct flip *f = container_of(probe, struct flip, probe);
	void *buffer = phys_to_virt(regs->si);

	if ((struct device *)regs->di != &device_of(f->arming)->dev || regs->cx != DMA_FROM_DEVICE)
		return 0;
	if (f->byte >= regs->dx || !virt_addr_valid(buffer) || !is_due(&f->turns))
		return 0;
	((u8 *)buffer)[f->byte] ^= BIT(f->bit);
	activated(f->arming);
	return 0;
}
NOKPROBE_SYMBOL(on_unmap);

static int flip_start(struct arming *a, const char *words)
{
	struct flip *f = state_of(a);

	if (sscanf(words, "%ld %ld %u %u", &f->turns.nth, &f->turns.times, &f->byte, &f->bit) != 4)
		return -EINVAL;
	if (!turns_are_sound(&f->turns) || f->bit > 7)
		return -EINVAL;
	f->arming = a;
	f->probe.symbol_name = "dma_unmap_page_attrs";
	f->probe.pre_handler = on_unmap;
	return register_kprobe(&f->probe);
}

static void flip_stop(struct arming *a)
{
	struct flip *f = state_of(a);

	unregister_kprobe(&f->probe);
}

const struct device_fault flip_fault = {
	.name = "flip",
	.state_size = sizeof(struct flip),
	.start = flip_start,
	.stop = flip_stop,
};
