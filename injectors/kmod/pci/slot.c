// SPDX-License-Identifier: GPL-2.0
/* The PCI device that a fault goes into. */
#include "slot.h"

/* Context: process. Return: the device, to be given back by pci_dev_put(), or NULL. */
struct pci_dev *slot_get(const char *slot)
{
	unsigned int domain, bus, device, function;

	if (sscanf(slot, "%x:%x:%x.%x", &domain, &bus, &device, &function) != 4)
		return NULL;
	return pci_get_domain_bus_and_slot(domain, bus, PCI_DEVFN(device, function));
}
