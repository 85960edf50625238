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
#include <linux/linkage.h>
#include <linux/module.h>
#include <linux/objtool.h>

#include "device.h"

struct lose {
	struct kprobe probe;
	struct arming *arming;
	struct turns turns;
	void __iomem *registers;
	unsigned long offset;
	unsigned int bytes;
};

/* What a handler does that does not run: it returns. */
void faultkit_handler_return(void);
asm(".pushsection .text\n"
    ".type faultkit_handler_return, @function\n" ANNOTATE_NOENDBR
    "faultkit_handler_return:\n" ASM_RET
    ".size faultkit_handler_return, .-faultkit_handler_return\n"
    ".popsection\n");

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

	if (!status || !is_due(&l->turns))
		return 0;
	acknowledge(l, status);
	activated(l->arming);
	regs->ax = IRQ_HANDLED;
	regs->ip = (unsigned long)faultkit_handler_return;
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

static int lose_start(struct arming *a, const char *words)
{
	struct pci_dev *device = device_of(a);
	struct lose *l = state_of(a);
	unsigned int bar;
	int err;

	if (sscanf(words, "%ld %ld %u %lx %u", &l->turns.nth, &l->turns.times, &bar, &l->offset,
		   &l->bytes) != 5)
		return -EINVAL;
	if (!turns_are_sound(&l->turns) || bar >= PCI_STD_NUM_BARS)
		return -EINVAL;
	if (!(l->bytes == 1 || l->bytes == 2 || l->bytes == 4) ||
	    l->offset + l->bytes > pci_resource_len(device, bar))
		return -EINVAL;
	l->arming = a;
	l->probe.addr = handler_of(device);
	l->probe.pre_handler = on_interrupt;
	if (!l->probe.addr)
		return -ENXIO;
	l->registers = pci_iomap(device, bar, 0);
	if (!l->registers)
		return -ENOMEM;
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
	pci_iounmap(device, l->registers);
	return err;
}

static void lose_stop(struct arming *a)
{
	struct lose *l = state_of(a);

	unregister_kprobe(&l->probe);
	pci_iounmap(device_of(a), l->registers);
}

const struct device_fault lose_fault = {
	.name = "lose",
	.state_size = sizeof(struct lose),
	.start = lose_start,
	.stop = lose_stop,
};
