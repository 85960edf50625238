// SPDX-License-Identifier: GPL-2.0
/*
 * All registers read as ones and writes go nowhere: the device is dead
 *
 * The driver's own mapping of the registers is pointed to a page of ones. It
 * lies at 0xd0000, where option ROMs used to be: there the 440FX chipset
 * (PAM registers, 82441FX data sheet, 3.2.12) lets memory be read and drops
 * what is written, so no write can change what is read. QEMU itself reads
 * registers as zeros, not ones, when a device's memory decoding is off.
 *
 * A dead device is silent, too, if asked for: no bus mastering, no INTx.
 *
 * Activation: the processor's accessed bit in the mapping, which it sets at
 * the first read or write. It is looked at once a millisecond.
 */
#include <linux/hrtimer.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <linux/workqueue.h>
#include <asm/set_memory.h>
#include <asm/tlbflush.h>

#include "arming.h"
#include "slot.h"

#define BRIDGE_VENDOR 0x8086
#define BRIDGE_DEVICE 0x1237 /* 82441FX */
#define PAM_D0000     0x5c /* low nibble: 0xd0000 to 0xd3fff */
#define PAM_MASK      0x0f
#define PAM_WRITABLE  0x03
#define PAM_READ_ONLY 0x01
#define ONES	      0xd0000UL
#define LOOK_NS	      NSEC_PER_MSEC
#define MAX_PAGES     512

struct ones {
	struct arming *arming;
	struct pci_dev *device;
	char slot[SLOT_BYTES];
	unsigned long address, pages, silent, for_ms;
	pte_t was[MAX_PAGES];
	u16 command;
	struct hrtimer looker;
	struct delayed_work end;
	struct mutex lock; /* of in */
	bool in;
};

static const struct arming_word ones_words[] = {
	ARMING_WORD(ARMING_TEXT, struct ones, slot, "slot"),
	ARMING_WORD(ARMING_ULONG, struct ones, address, "address"),
	ARMING_WORD(ARMING_ULONG, struct ones, pages, "pages"),
	ARMING_WORD(ARMING_ULONG, struct ones, silent, "silent"),
	ARMING_WORD(ARMING_ULONG, struct ones, for_ms, "for_ms"),
	{}
};

static void flush(void *unused)
{
	__flush_tlb_all();
}

static pte_t *pte_at(const struct ones *o, unsigned long page)
{
	unsigned int level;
	pte_t *pte = lookup_address(o->address + page * PAGE_SIZE, &level);

	return level == PG_LEVEL_4K ? pte : NULL;
}

static int fill_page(struct pci_dev *bridge)
{
	void __iomem *page = ioremap(ONES, PAGE_SIZE);
	int err;
	u8 pam;

	if (!page)
		return -ENOMEM;
	pci_read_config_byte(bridge, PAM_D0000, &pam);
	pci_write_config_byte(bridge, PAM_D0000, (pam & ~PAM_MASK) | PAM_WRITABLE);
	memset_io(page, 0xff, PAGE_SIZE);
	pci_write_config_byte(bridge, PAM_D0000, (pam & ~PAM_MASK) | PAM_READ_ONLY);
	writel(0, page); /* to see that it is dropped */
	err = readl(page) == ~0U ? 0 : -EIO;
	iounmap(page);
	return err;
}

static int fill(void)
{
	struct pci_dev *bridge = pci_get_domain_bus_and_slot(0, 0, PCI_DEVFN(0, 0));
	int err = -ENODEV;

	if (bridge && bridge->vendor == BRIDGE_VENDOR && bridge->device == BRIDGE_DEVICE)
		err = fill_page(bridge);
	pci_dev_put(bridge);
	return err;
}

/* Context: hardirq */
static enum hrtimer_restart on_look(struct hrtimer *timer)
{
	struct ones *o = container_of(timer, struct ones, looker);

	for (unsigned long i = 0; i < o->pages; i++) {
		pte_t *pte = pte_at(o, i);

		if (!pte || pte_pfn(*pte) != PHYS_PFN(ONES))
			return HRTIMER_NORESTART; /* mapped anew: it is over */
		if (pte_young(*pte)) {
			arming_hit(o->arming, ktime_get_mono_fast_ns(), NULL);
			return HRTIMER_NORESTART;
		}
	}
	hrtimer_forward_now(timer, ns_to_ktime(LOOK_NS));
	return HRTIMER_RESTART;
}

static int silence(struct ones *o)
{
	u16 quiet;

	pci_read_config_word(o->device, PCI_COMMAND, &o->command);
	quiet = (o->command & ~PCI_COMMAND_MASTER) | PCI_COMMAND_INTX_DISABLE;
	return o->silent ? pci_write_config_word(o->device, PCI_COMMAND, quiet) : 0;
}

/* Does this page hold registers of the device? */
static bool is_registers(const struct ones *o, phys_addr_t page)
{
	for (unsigned int bar = 0; bar < PCI_STD_NUM_BARS; bar++)
		if (pci_resource_len(o->device, bar) &&
		    (pci_resource_start(o->device, bar) & PAGE_MASK) == page)
			return true;
	return false;
}

static int put_in(struct ones *o)
{
	for (unsigned long i = 0; i < o->pages; i++) {
		pte_t *pte = pte_at(o, i);

		if (!pte || pte_none(*pte))
			return -EFAULT;
		o->was[i] = *pte;
	}
	if (!is_registers(o, PFN_PHYS(pte_pfn(o->was[0]))))
		return -ENXIO;
	silence(o);
	for (unsigned long i = 0; i < o->pages; i++)
		set_pte(pte_at(o, i), pte_mkold(pfn_pte(PHYS_PFN(ONES), pte_pgprot(o->was[i]))));
	on_each_cpu(flush, NULL, 1);
	o->in = true;
	return 0;
}

/* Undo it, unless the driver has mapped its registers anew. */
static void take_out(struct ones *o)
{
	bool ours = false;

	mutex_lock(&o->lock);
	for (unsigned long i = 0; i < o->pages && o->in; i++) {
		pte_t *pte = pte_at(o, i);

		if (!pte || pte_pfn(*pte) != PHYS_PFN(ONES))
			continue;
		set_pte(pte, o->was[i]);
		ours = true;
	}
	if (ours) {
		on_each_cpu(flush, NULL, 1);
		if (o->silent)
			pci_write_config_word(o->device, PCI_COMMAND, o->command);
	}
	o->in = false;
	mutex_unlock(&o->lock);
}

static void on_end(struct work_struct *work)
{
	take_out(container_of(to_delayed_work(work), struct ones, end));
}

static int ones_start(struct arming *a)
{
	struct ones *o = arming_state(a);
	int err;

	if (!o->pages || o->pages > MAX_PAGES || o->address & ~PAGE_MASK)
		return -EINVAL;
	o->arming = a;
	o->device = slot_get(o->slot);
	if (!o->device)
		return -ENODEV;
	mutex_init(&o->lock);
	INIT_DELAYED_WORK(&o->end, on_end);
	hrtimer_init(&o->looker, CLOCK_MONOTONIC, HRTIMER_MODE_REL_HARD);
	o->looker.function = on_look;
	err = fill();
	if (!err)
		err = put_in(o);
	if (err) {
		pci_dev_put(o->device);
		return err;
	}
	hrtimer_start(&o->looker, ns_to_ktime(LOOK_NS), HRTIMER_MODE_REL_HARD);
	if (o->for_ms)
		schedule_delayed_work(&o->end, msecs_to_jiffies(o->for_ms));
	return 0;
}

static void ones_stop(struct arming *a)
{
	struct ones *o = arming_state(a);

	cancel_delayed_work_sync(&o->end);
	hrtimer_cancel(&o->looker);
	take_out(o);
	pci_dev_put(o->device);
}

static const struct arming_fault ones_fault = {
	.words = ones_words,
	.state_size = sizeof(struct ones),
	.start = ones_start,
	.stop = ones_stop,
};
module_arming_fault("ones", ones_fault);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("faultkit: all registers of a PCI device read as ones");
