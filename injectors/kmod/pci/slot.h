/* SPDX-License-Identifier: GPL-2.0 */
/* The PCI device that a fault goes into, by its slot as in /sys/bus/pci/devices. */
#ifndef FAULTKIT_SLOT_H
#define FAULTKIT_SLOT_H

#include <linux/pci.h>

#define SLOT_BYTES 16

struct pci_dev *slot_get(const char *slot);

#endif
