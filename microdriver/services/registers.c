// SPDX-License-Identifier: GPL-2.0
/*
 * Registers of the device, which the runtime has mapped into the process. Each
 * access has the width, and the copies have the sequence of widths, that the
 * kernel's functions have on x86-64: devices tell them apart.
 *
 * A cookie of pci_iomap() may be a port's number instead of an address.
 */
#include "services.h"

#define PORTS_BEGIN 0x10000UL /* cookies above are ports */
#define PORTS_MASK  0x0ffffUL
#define PORTS_END   0x40000UL /* cookies from here on are addresses */

static bool is_port(const volatile void *at)
{
	unsigned long cookie = (unsigned long)at;

	if (cookie <= PORTS_BEGIN)
		services_die("%#lx is no register's address", cookie);
	return cookie < PORTS_END;
}

static unsigned int port_of(const volatile void *at)
{
	return (unsigned long)at & PORTS_MASK;
}

#define READS(name, type, result)                                                                  \
	result name(const volatile void *at)                                                       \
	{                                                                                          \
		if (is_port(at))                                                                   \
			return services_port_read(port_of(at), sizeof(type));                      \
		return *(const volatile type *)at;                                                 \
	}

#define WRITES(name, type)                                                                         \
	void name(type value, volatile void *at)                                                   \
	{                                                                                          \
		if (is_port(at))                                                                   \
			services_port_write(value, port_of(at), sizeof(type));                     \
		else                                                                               \
			*(volatile type *)at = value;                                              \
	}

#define READS_SWAPPED(name, read, swap, result)                                                    \
	result name(const volatile void *at)                                                       \
	{                                                                                          \
		return swap(read(at));                                                             \
	}

#define WRITES_SWAPPED(name, write, swap, type)                                                    \
	void name(type value, volatile void *at)                                                   \
	{                                                                                          \
		write(swap(value), at);                                                            \
	}

/* The same register several times */
#define READS_REPEATED(name, read, type)                                                           \
	void name(const volatile void *at, void *to, unsigned long count)                          \
	{                                                                                          \
		for (; count; count--, to = (char *)to + sizeof(type))                             \
			*(type *)to = read(at);                                                    \
	}

#define WRITES_REPEATED(name, write, type)                                                         \
	void name(volatile void *at, const void *from, unsigned long count)                        \
	{                                                                                          \
		for (; count; count--, from = (const char *)from + sizeof(type))                   \
			write(*(const type *)from, at);                                            \
	}

READS(ioread8, __u8, unsigned int)
READS(ioread16, __u16, unsigned int)
READS(ioread32, __u32, unsigned int)
WRITES(iowrite8, __u8)
WRITES(iowrite16, __u16)
WRITES(iowrite32, __u32)

READS_SWAPPED(ioread16be, ioread16, __builtin_bswap16, unsigned int)
READS_SWAPPED(ioread32be, ioread32, __builtin_bswap32, unsigned int)
WRITES_SWAPPED(iowrite16be, iowrite16, __builtin_bswap16, __u16)
WRITES_SWAPPED(iowrite32be, iowrite32, __builtin_bswap32, __u32)

/* A port of 64 bits is two of 32: the name says which is read or written first. */
__u64 ioread64_lo_hi(const volatile void *at)
{
	__u64 low;

	if (!is_port(at))
		return *(const volatile __u64 *)at;
	low = ioread32(at);
	return low | (__u64)ioread32((const volatile char *)at + 4) << 32;
}

__u64 ioread64_hi_lo(const volatile void *at)
{
	__u64 high;

	if (!is_port(at))
		return *(const volatile __u64 *)at;
	high = ioread32((const volatile char *)at + 4);
	return high << 32 | ioread32(at);
}

void iowrite64_lo_hi(__u64 value, volatile void *at)
{
	if (!is_port(at)) {
		*(volatile __u64 *)at = value;
		return;
	}
	iowrite32(value, at);
	iowrite32(value >> 32, (volatile char *)at + 4);
}

void iowrite64_hi_lo(__u64 value, volatile void *at)
{
	if (!is_port(at)) {
		*(volatile __u64 *)at = value;
		return;
	}
	iowrite32(value >> 32, (volatile char *)at + 4);
	iowrite32(value, at);
}

READS_REPEATED(ioread8_rep, ioread8, __u8)
READS_REPEATED(ioread16_rep, ioread16, __u16)
READS_REPEATED(ioread32_rep, ioread32, __u32)
WRITES_REPEATED(iowrite8_rep, iowrite8, __u8)
WRITES_REPEATED(iowrite16_rep, iowrite16, __u16)
WRITES_REPEATED(iowrite32_rep, iowrite32, __u32)

/* ---- copies ---- */

struct copying {
	volatile char *to;
	const volatile char *from;
	size_t bytes;
};

static void move(struct copying *copying, size_t bytes)
{
	if (bytes == 1)
		*copying->to = *copying->from;
	else if (bytes == 2)
		*(volatile __u16 *)copying->to = *(const volatile __u16 *)copying->from;
	else
		*(volatile __u32 *)copying->to = *(const volatile __u32 *)copying->from;
	copying->to += bytes;
	copying->from += bytes;
	copying->bytes -= bytes;
}

/*
 * One and two bytes until the registers, at @aligned, are at a multiple of 4; then
 * four at a time ("rep movsl"); then what is left.
 */
static void copy(volatile void *to, const volatile void *from, size_t bytes, unsigned long aligned)
{
	struct copying copying = { .to = to, .from = from, .bytes = bytes };

	if (bytes && aligned & 1)
		move(&copying, 1);
	if (copying.bytes > 1 && aligned & 2)
		move(&copying, 2);
	while (copying.bytes >= 4)
		move(&copying, 4);
	if (copying.bytes & 2)
		move(&copying, 2);
	if (copying.bytes & 1)
		move(&copying, 1);
}

void memcpy_fromio(void *to, const volatile void *from, size_t bytes)
{
	copy(to, from, bytes, (unsigned long)from);
}

void memcpy_toio(volatile void *to, const void *from, size_t bytes)
{
	copy(to, from, bytes, (unsigned long)to);
}

void memset_io(volatile void *to, int byte, size_t bytes)
{
	__u64 eight = (byte & 0xff) * 0x0101010101010101ULL;

	for (; bytes >= 8; bytes -= 8, to = (volatile char *)to + 8)
		*(volatile __u64 *)to = eight;
	for (; bytes; bytes--, to = (volatile char *)to + 1)
		*(volatile __u8 *)to = byte;
}

void __iowrite32_copy(volatile void *to, const void *from, size_t count)
{
	const __u32 *place = from;
	volatile __u32 *at = to;

	while (count--)
		*at++ = *place++;
}

void __ioread32_copy(void *to, const volatile void *from, size_t count)
{
	const volatile __u32 *at = from;
	__u32 *place = to;

	while (count--)
		*place++ = *at++;
}

void __iowrite64_copy(volatile void *to, const void *from, size_t count)
{
	const __u64 *place = from;
	volatile __u64 *at = to;

	while (count--)
		*at++ = *place++;
}
