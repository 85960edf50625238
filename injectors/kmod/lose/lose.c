// SPDX-License-Identifier: GPL-2.0
/*
 * Interrupts are lost
 *
 * The driver's handler is called and does not run; in its place the device's
 * interrupt status is read and written back, which acknowledges it (registers
 * whose bits are cleared by writing 1). The device has been served, for all it
 * knows, and lowers its line; the driver never hears of it. To leave the
 * handler out and nothing else would lose nothing: the line stays up, and the
 * handler is called again.
 *
 * A call with an empty status is another device's on a shared line: it is
 * passed on, and not counted.
 */
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/kprobes.h>
#include <linux/module.h>
#include <linux/timekeeping.h>

#include "arming.h"
#include "slot.h"

struct lose {
	struct kprobe probe;
	struct arming *arming;
	struct pci_dev *device;
	char slot[SLOT_BYTES];
	struct arming_turns turns;
	void __iomem *registers;
	unsigned long bar, offset, bytes;
};

static const struct arming_word lose_words[] = {
	ARMING_WORD(ARMING_TEXT, struct lose, slot, "slot"),
	ARMING_WORD(ARMING_LONG, struct lose, turns.nth, "nth"),
	ARMING_WORD(ARMING_LONG, struct lose, turns.times, "times"),
	ARMING_WORD(ARMING_ULONG, struct lose, bar, "bar"),
	ARMING_WORD(ARMING_ULONG, struct lose, offset, "offset"),
	ARMING_WORD(ARMING_ULONG, struct lose, bytes, "bytes"),
	{}
};

static u32 status_of(const struct lose *l)
{
	switch (l->bytes) {
	case 1:
		return ioread8(l->registers + l->offset);
	case 2:
		return ioread16(l->registers + l->offset);
	default:
		return ioread32(l->registers + l->offset);
	}
}

static void acknowledge(const struct lose *l, u32 status)
{
	switch (l->bytes) {
	case 1:
		iowrite8(status, l->registers + l->offset);
		break;
	case 2:
		iowrite16(status, l->registers + l->offset);
		break;
	default:
		iowrite32(status, l->registers + l->offset);
	}
}

/* Context: kprobe on the driver's interrupt handler, hardirq */
static int on_interrupt(struct kprobe *probe, struct pt_regs *regs)
{
	struct lose *l = container_of(probe, struct lose, probe);
	u32 status = status_of(l);

	if (!status || !arming_takes(&l->turns, arming_turn(&l->turns)))
		return 0;
	acknowledge(l, status);
	arming_hit(l->arming, ktime_get_mono_fast_ns(), NULL);
	arming_skip(regs, IRQ_HANDLED);
	return 1;
}
NOKPROBE_SYMBOL(on_interrupt);

/* The handler of the device's driver: its line may be shared. */
static kprobe_opcode_t *handler_of(struct pci_dev *device)
{
	struct irq_data *data = irq_get_irq_data(device->irq);
	struct irqaction *action = NULL;
	struct irq_desc *desc;
	unsigned long flags;

	if (!data || !device->driver)
		return NULL;
	desc = irq_data_to_desc(data);
	raw_spin_lock_irqsave(&desc->lock, flags);
	for (action = desc->action; action; action = action->next)
		if (within_module((unsigned long)action->handler, device->driver->driver.owner))
			break;
	raw_spin_unlock_irqrestore(&desc->lock, flags);
	return action ? (kprobe_opcode_t *)action->handler : NULL;
}

static bool is_sound(const struct lose *l)
{
	if (!arming_turns_are_sound(&l->turns) || l->bar >= PCI_STD_NUM_BARS)
		return false;
	if (l->bytes != 1 && l->bytes != 2 && l->bytes != 4)
		return false;
	return l->offset + l->bytes <= pci_resource_len(l->device, l->bar);
}

static int lose_start(struct arming *a)
{
	struct lose *l = arming_state(a);
	int err = -EINVAL;

	l->arming = a;
	l->device = slot_get(l->slot);
	if (!l->device)
		return -ENODEV;
	if (!is_sound(l))
		goto err_put;
	err = -ENXIO;
	l->probe.addr = handler_of(l->device);
	l->probe.pre_handler = on_interrupt;
	if (!l->probe.addr)
		goto err_put;
	err = -ENOMEM;
	l->registers = pci_iomap(l->device, l->bar, 0);
	if (!l->registers)
		goto err_put;
	err = register_kprobe(&l->probe);
	if (err)
		goto err_unmap;
	if (!kprobe_ftrace(&l->probe)) { /* a jump in its place could not skip the handler */
		err = -EOPNOTSUPP;
		goto err_unregister;
	}
	return 0;

err_unregister:
	unregister_kprobe(&l->probe);
err_unmap:
	pci_iounmap(l->device, l->registers);
err_put:
	pci_dev_put(l->device);
	return err;
}

static void lose_stop(struct arming *a)
{
	struct lose *l = arming_state(a);

	unregister_kprobe(&l->probe);
	pci_iounmap(l->device, l->registers);
	pci_dev_put(l->device);
}

static const struct arming_fault lose_fault = {
	.words = lose_words,
	.state_size = sizeof(struct lose),
	.start = lose_start,
	.stop = lose_stop,
};
module_arming_fault("lose", lose_fault);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: lose interrupts of a PCI device");
