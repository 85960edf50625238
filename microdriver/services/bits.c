// SPDX-License-Identifier: GPL-2.0
/* The kernel's bitmaps: bit n is bit n % 64 of word n / 64. And counts and sums of bits. */
#include "services.h"

#include <string.h>

#define WORD_BITS 64UL

/* The word's bits that belong to a bitmap of so many */
static unsigned long within(unsigned long word, unsigned long n, unsigned long bits)
{
	if ((n + 1) * WORD_BITS <= bits)
		return word;
	return word & ((1UL << bits % WORD_BITS) - 1);
}

static unsigned long words(unsigned long bits)
{
	return (bits + WORD_BITS - 1) / WORD_BITS;
}

/* ---- searches ---- */

enum operation { ONE, ZERO, AND, ANDNOT, OR };

static unsigned long word_of(enum operation operation, const unsigned long *a,
			     const unsigned long *b, unsigned long n)
{
	switch (operation) {
	case ZERO:
		return ~a[n];
	case AND:
		return a[n] & b[n];
	case ANDNOT:
		return a[n] & ~b[n];
	case OR:
		return a[n] | b[n];
	default:
		return a[n];
	}
}

/* Return: the first bit from @from on; @bits if there is none */
static unsigned long find(enum operation operation, const unsigned long *a, const unsigned long *b,
			  unsigned long bits, unsigned long from)
{
	unsigned long n = from / WORD_BITS;
	unsigned long word;

	if (from >= bits)
		return bits;
	word = word_of(operation, a, b, n) & (~0UL << from % WORD_BITS);
	for (;;) {
		word = within(word, n, bits);
		if (word)
			return n * WORD_BITS + __builtin_ctzl(word);
		if (++n >= words(bits))
			return bits;
		word = word_of(operation, a, b, n);
	}
}

/* Return: the bit before which there are @nth others; @bits if there are too few */
static unsigned long find_nth(enum operation operation, const unsigned long *a,
			      const unsigned long *b, unsigned long bits, unsigned long nth)
{
	unsigned long at = find(operation, a, b, bits, 0);

	while (nth-- && at < bits)
		at = find(operation, a, b, bits, at + 1);
	return at;
}

unsigned long _find_next_bit(const unsigned long *a, unsigned long bits, unsigned long from)
{
	return find(ONE, a, NULL, bits, from);
}

unsigned long _find_next_zero_bit(const unsigned long *a, unsigned long bits, unsigned long from)
{
	return find(ZERO, a, NULL, bits, from);
}

unsigned long _find_next_and_bit(const unsigned long *a, const unsigned long *b, unsigned long bits,
				 unsigned long from)
{
	return find(AND, a, b, bits, from);
}

unsigned long _find_next_andnot_bit(const unsigned long *a, const unsigned long *b,
				    unsigned long bits, unsigned long from)
{
	return find(ANDNOT, a, b, bits, from);
}

unsigned long _find_next_or_bit(const unsigned long *a, const unsigned long *b, unsigned long bits,
				unsigned long from)
{
	return find(OR, a, b, bits, from);
}

unsigned long _find_first_bit(const unsigned long *a, unsigned long bits)
{
	return find(ONE, a, NULL, bits, 0);
}

unsigned long _find_first_zero_bit(const unsigned long *a, unsigned long bits)
{
	return find(ZERO, a, NULL, bits, 0);
}

unsigned long _find_first_and_bit(const unsigned long *a, const unsigned long *b,
				  unsigned long bits)
{
	return find(AND, a, b, bits, 0);
}

unsigned long _find_last_bit(const unsigned long *a, unsigned long bits)
{
	unsigned long n = words(bits);
	unsigned long word;

	while (n--) {
		word = within(a[n], n, bits);
		if (word)
			return n * WORD_BITS + WORD_BITS - 1 - __builtin_clzl(word);
	}
	return bits;
}

unsigned long __find_nth_bit(const unsigned long *a, unsigned long bits, unsigned long nth)
{
	return find_nth(ONE, a, NULL, bits, nth);
}

unsigned long __find_nth_and_bit(const unsigned long *a, const unsigned long *b, unsigned long bits,
				 unsigned long nth)
{
	return find_nth(AND, a, b, bits, nth);
}

unsigned long __find_nth_andnot_bit(const unsigned long *a, const unsigned long *b,
				    unsigned long bits, unsigned long nth)
{
	return find_nth(ANDNOT, a, b, bits, nth);
}

/* ---- whole bitmaps ---- */

/* Return: whether a bit is left */
static bool combine(enum operation operation, unsigned long *to, const unsigned long *a,
		    const unsigned long *b, unsigned int bits)
{
	unsigned long any = 0;
	unsigned int n;

	for (n = 0; n < words(bits); n++) {
		to[n] = within(word_of(operation, a, b, n), n, bits);
		any |= to[n];
	}
	return any;
}

static unsigned int weight(enum operation operation, const unsigned long *a, const unsigned long *b,
			   unsigned int bits)
{
	unsigned int n, count = 0;

	for (n = 0; n < words(bits); n++)
		count += __builtin_popcountl(within(word_of(operation, a, b, n), n, bits));
	return count;
}

bool __bitmap_and(unsigned long *to, const unsigned long *a, const unsigned long *b,
		  unsigned int bits)
{
	return combine(AND, to, a, b, bits);
}

bool __bitmap_andnot(unsigned long *to, const unsigned long *a, const unsigned long *b,
		     unsigned int bits)
{
	return combine(ANDNOT, to, a, b, bits);
}

/* These do not look where the last word ends, as the kernel's do not. */
void __bitmap_or(unsigned long *to, const unsigned long *a, const unsigned long *b,
		 unsigned int bits)
{
	unsigned int n;

	for (n = 0; n < words(bits); n++)
		to[n] = a[n] | b[n];
}

void __bitmap_xor(unsigned long *to, const unsigned long *a, const unsigned long *b,
		  unsigned int bits)
{
	unsigned int n;

	for (n = 0; n < words(bits); n++)
		to[n] = a[n] ^ b[n];
}

void __bitmap_complement(unsigned long *to, const unsigned long *a, unsigned int bits)
{
	unsigned int n;

	for (n = 0; n < words(bits); n++)
		to[n] = ~a[n];
}

void __bitmap_replace(unsigned long *to, const unsigned long *old, const unsigned long *new,
		      const unsigned long *mask, unsigned int bits)
{
	unsigned int n;

	for (n = 0; n < words(bits); n++)
		to[n] = (old[n] & ~mask[n]) | (new[n] & mask[n]);
}

bool __bitmap_equal(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	unsigned int n;

	for (n = 0; n < words(bits); n++)
		if (within(a[n] ^ b[n], n, bits))
			return false;
	return true;
}

bool __bitmap_intersects(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return weight(AND, a, b, bits);
}

bool __bitmap_subset(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return !weight(ANDNOT, a, b, bits);
}

unsigned int __bitmap_weight(const unsigned long *a, unsigned int bits)
{
	return weight(ONE, a, NULL, bits);
}

unsigned int __bitmap_weight_and(const unsigned long *a, const unsigned long *b, unsigned int bits)
{
	return weight(AND, a, b, bits);
}

unsigned int __bitmap_weight_andnot(const unsigned long *a, const unsigned long *b,
				    unsigned int bits)
{
	return weight(ANDNOT, a, b, bits);
}

void __bitmap_set(unsigned long *map, unsigned int from, int count)
{
	for (; count > 0; count--, from++)
		map[from / WORD_BITS] |= 1UL << from % WORD_BITS;
}

void __bitmap_clear(unsigned long *map, unsigned int from, int count)
{
	for (; count > 0; count--, from++)
		map[from / WORD_BITS] &= ~(1UL << from % WORD_BITS);
}

/* Bit n goes to n - shift, or to n + shift. */
void __bitmap_shift_right(unsigned long *to, const unsigned long *from, unsigned int shift,
			  unsigned int bits)
{
	unsigned int skip = shift / WORD_BITS, rest = shift % WORD_BITS, n;

	for (n = 0; n < words(bits); n++) {
		unsigned long low =
			n + skip < words(bits) ? within(from[n + skip], n + skip, bits) : 0;
		unsigned long high = n + skip + 1 < words(bits)
					     ? within(from[n + skip + 1], n + skip + 1, bits)
					     : 0;

		to[n] = rest ? low >> rest | high << (WORD_BITS - rest) : low;
	}
}

void __bitmap_shift_left(unsigned long *to, const unsigned long *from, unsigned int shift,
			 unsigned int bits)
{
	unsigned int skip = shift / WORD_BITS, rest = shift % WORD_BITS, n;

	for (n = words(bits); n--;) {
		unsigned long high = n >= skip ? from[n - skip] : 0;
		unsigned long low = n >= skip + 1 ? from[n - skip - 1] : 0;

		to[n] = rest ? high << rest | low >> (WORD_BITS - rest) : high;
	}
}

/* A run of @count zeros that begins, with @offset added, at a multiple of @align + 1 */
unsigned long bitmap_find_next_zero_area_off(unsigned long *map, unsigned long bits,
					     unsigned long from, unsigned int count,
					     unsigned long align, unsigned long offset)
{
	unsigned long begin, end, taken;

	for (;; from = taken + 1) {
		begin = find(ZERO, map, NULL, bits, from);
		begin = ((begin + offset + align) & ~align) - offset;
		end = begin + count;
		if (end > bits)
			return end;
		taken = find(ONE, map, NULL, end, begin);
		if (taken >= end)
			return begin;
	}
}

/* ---- link modes of ethtool, whose first 32 bits are the old interface's ---- */

void ethtool_convert_legacy_u32_to_link_mode(unsigned long *to, __u32 old)
{
	memset(to, 0, words(mdu_layout.link_modes) * sizeof(unsigned long));
	to[0] = old;
}

/* Return: false if others are set, too */
bool ethtool_convert_link_mode_to_legacy_u32(__u32 *old, const unsigned long *from)
{
	*old = from[0];
	return find(ONE, from, NULL, mdu_layout.link_modes, 32) >= mdu_layout.link_modes;
}

/* ---- numbers of bits: called by assembler, which expects all registers but the result's ---- */

__keeps_registers unsigned int __sw_hweight32(unsigned int word)
{
	unsigned int count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}

__keeps_registers unsigned long __sw_hweight64(__u64 word)
{
	unsigned long count = 0;

	for (; word; word &= word - 1)
		count++;
	return count;
}

/* ---- checksums ---- */

/* Each byte with its bits in the other order */
__u8 byte_rev_table[256];

static void __attribute__((constructor)) fill_table(void)
{
	int byte, bit;

	for (byte = 0; byte < 256; byte++)
		for (bit = 0; bit < 8; bit++)
			byte_rev_table[byte] |= (byte >> bit & 1) << (7 - bit);
}

static __u32 crc_low_first(__u32 crc, const unsigned char *at, size_t bytes, __u32 polynomial)
{
	int bit;

	for (; bytes; bytes--) {
		crc ^= *at++;
		for (bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? polynomial : 0);
	}
	return crc;
}

static __u32 crc_high_first(__u32 crc, const unsigned char *at, size_t bytes, __u32 polynomial)
{
	int bit;

	for (; bytes; bytes--) {
		crc ^= (__u32)*at++ << 24;
		for (bit = 0; bit < 8; bit++)
			crc = crc << 1 ^ (crc & 1U << 31 ? polynomial : 0);
	}
	return crc;
}

__u32 crc32_le(__u32 crc, const unsigned char *at, size_t bytes)
{
	return crc_low_first(crc, at, bytes, 0xedb88320);
}

__u32 crc32_be(__u32 crc, const unsigned char *at, size_t bytes)
{
	return crc_high_first(crc, at, bytes, 0x04c11db7);
}

__u32 __crc32c_le(__u32 crc, const unsigned char *at, size_t bytes)
{
	return crc_low_first(crc, at, bytes, 0x82f63b78);
}

__u16 crc16(__u16 crc, const __u8 *at, size_t bytes)
{
	return crc_low_first(crc, at, bytes, 0xa001);
}

__u16 crc_ccitt(__u16 crc, const __u8 *at, size_t bytes)
{
	return crc_low_first(crc, at, bytes, 0x8408);
}
