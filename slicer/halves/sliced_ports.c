// SPDX-License-Identifier: GPL-2.0
/*
 * Ports, for the process: those of PCI devices that this driver has, and no others.
 * A process without rights could reset the machine by some.
 */
#define SLICED_LOADS
#include "sliced_kernel.h"
#include <linux/io.h>
#include <linux/pci.h>

static bool sliced_is_in(const struct pci_dev *dev, unsigned int port, unsigned int bytes)
{
	int bar;

	for (bar = 0; bar < PCI_STD_NUM_BARS; bar++) {
		if (!(pci_resource_flags(dev, bar) & IORESOURCE_IO) || !pci_resource_len(dev, bar))
			continue;
		if (port >= pci_resource_start(dev, bar) &&
		    port + bytes - 1 <= pci_resource_end(dev, bar))
			return true;
	}
	return false;
}

/* Within a call about a device, the device keeps its driver. */
static bool sliced_may_reach(unsigned int port, unsigned int bytes)
{
	struct pci_dev *dev = NULL;

	for_each_pci_dev(dev) {
		const struct device_driver *driver = READ_ONCE(dev->dev.driver);

		if (driver && driver->owner == THIS_MODULE && sliced_is_in(dev, port, bytes)) {
			pci_dev_put(dev);
			return true;
		}
	}
	pr_err_ratelimited("%s: port %#x is none of its devices': its u-driver does not get it\n",
			   KBUILD_MODNAME, port);
	return false;
}

#define SLICED_PORT_IN(name, type)                                                                 \
	type sliced_port_##name(u16 port);                                                         \
	type sliced_port_##name(u16 port)                                                          \
	{                                                                                          \
		return sliced_may_reach(port, sizeof(type)) ? name(port) : (type)~0U;              \
	}
#define SLICED_PORT_OUT(name, type)                                                                \
	void sliced_port_##name(type value, u16 port);                                             \
	void sliced_port_##name(type value, u16 port)                                              \
	{                                                                                          \
		if (sliced_may_reach(port, sizeof(type)))                                          \
			name(value, port);                                                         \
	}

SLICED_PORT_IN(__inb, u8)
SLICED_PORT_IN(__inw, u16)
SLICED_PORT_IN(__inl, u32)
SLICED_PORT_OUT(__outb, u8)
SLICED_PORT_OUT(__outw, u16)
SLICED_PORT_OUT(__outl, u32)
