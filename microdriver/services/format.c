// SPDX-License-Identifier: GPL-2.0
/*
 * The kernel's vsnprintf(): C's, with more kinds of pointers and fewer liberties.
 * Documentation/core-api/printk-formats.rst describes it.
 *
 * Not as in the kernel: %p gives no number, since a process does not know the hash
 * of the kernel's address; and %ps gives an address, since it knows no symbols.
 * What needs structs of the kernel's (%pd %pg %pOF ...) gives "(einval)".
 */
#define _GNU_SOURCE /* strerrorname_np() */
#include "services.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES	4096UL
#define ERRNO_MAX	4095
#define UNKNOWN_POINTER "(____ptrval____)"
#define NOT_GIVEN	(-1)
#define POINTER_DIGITS	16

#define WIDEST	  ((1 << 23) - 1)
#define PRECISEST ((1 << 15) - 1)
#define HEX_BYTES 64 /* of %*ph, at most */

/* Bits of struct resource's flags */
#define RESOURCE_IO	  0x00000100UL
#define RESOURCE_MEM	  0x00000200UL
#define RESOURCE_IRQ	  0x00000400UL
#define RESOURCE_DMA	  0x00000800UL
#define RESOURCE_BUS	  0x00001000UL
#define RESOURCE_PREFETCH 0x00002000UL
#define RESOURCE_MEM_64	  0x00100000UL
#define RESOURCE_WINDOW	  0x00200000UL
#define RESOURCE_DISABLED 0x10000000UL
#define RESOURCE_UNSET	  0x20000000UL

struct output {
	char *to;
	size_t bytes, at; /* at: characters so far, also those that found no place */
};

struct spec {
	bool left, plus, space, alternate, zeros, is_signed, small;
	int width, precision;
	unsigned int base;
};

static void put(struct output *out, char c)
{
	if (out->at < out->bytes)
		out->to[out->at] = c;
	out->at++;
}

static void pad(struct output *out, char c, int count)
{
	while (count-- > 0)
		put(out, c);
}

static void put_all(struct output *out, const char *text, int count)
{
	while (count-- > 0)
		put(out, *text++);
}

/* ---- numbers ---- */

static int digits_of(char *to, unsigned long long number, unsigned int base, bool small)
{
	const char *digits = small ? "0123456789abcdef" : "0123456789ABCDEF";
	char reversed[24];
	int count = 0, n;

	do {
		reversed[count++] = digits[number % base];
		number /= base;
	} while (number);
	for (n = 0; n < count; n++)
		to[n] = reversed[count - 1 - n];
	return count;
}

static char sign_of(const struct spec *spec, unsigned long long number)
{
	if (!spec->is_signed)
		return 0;
	if ((long long)number < 0)
		return '-';
	if (spec->plus)
		return '+';
	return spec->space ? ' ' : 0;
}

/*
 * Unlike C: zeros fill up the width although a precision is given, zero has its
 * "0x" too, and a precision of 0 still prints a zero.
 */
static void put_number(struct output *out, unsigned long long number, const struct spec *spec)
{
	char digits[24], sign = sign_of(spec, number);
	const char *prefix = "";
	int count, precision, fill;

	if (spec->alternate && spec->base == 16)
		prefix = spec->small ? "0x" : "0X";
	if (spec->alternate && spec->base == 8 && number)
		prefix = "0";
	count = digits_of(digits, sign == '-' ? -number : number, spec->base, spec->small);
	precision = spec->precision > count ? spec->precision : count;
	fill = spec->width - precision - !!sign - (int)strlen(prefix);
	if (!spec->left && !spec->zeros)
		pad(out, ' ', fill);
	if (sign)
		put(out, sign);
	put_all(out, prefix, strlen(prefix));
	if (!spec->left && spec->zeros)
		pad(out, '0', fill);
	pad(out, '0', precision - count);
	put_all(out, digits, count);
	if (spec->left)
		pad(out, ' ', fill);
}

static void put_hex(struct output *out, unsigned long long number, int width, bool prefix)
{
	struct spec spec = { .base = 16,
			     .small = true,
			     .zeros = true,
			     .alternate = prefix,
			     .width = width,
			     .precision = NOT_GIVEN };

	put_number(out, number, &spec);
}

static void put_decimal(struct output *out, unsigned long long number)
{
	struct spec spec = { .base = 10, .width = NOT_GIVEN, .precision = NOT_GIVEN };

	put_number(out, number, &spec);
}

/* ---- strings ---- */

static void put_text(struct output *out, const char *text, const struct spec *spec)
{
	size_t limit = spec->precision < 0 ? SIZE_MAX : (size_t)spec->precision;
	int count = strnlen(text, limit);

	if (!spec->left)
		pad(out, ' ', spec->width - count);
	put_all(out, text, count);
	if (spec->left)
		pad(out, ' ', spec->width - count);
}

/* Words in the place of a pointer's data */
static void put_words(struct output *out, const char *words, const struct spec *spec)
{
	struct spec limited = *spec;

	if (limited.precision == NOT_GIVEN)
		limited.precision = POINTER_DIGITS;
	put_text(out, words, &limited);
}

static bool is_error(const void *pointer)
{
	return (unsigned long)pointer >= -(unsigned long)ERRNO_MAX;
}

static bool is_readable(struct output *out, const void *pointer, const struct spec *spec)
{
	if (pointer && (unsigned long)pointer >= PAGE_BYTES && !is_error(pointer))
		return true;
	put_words(out, pointer ? "(efault)" : "(null)", spec);
	return false;
}

static void put_string(struct output *out, const char *text, const struct spec *spec)
{
	if (is_readable(out, text, spec))
		put_text(out, text, spec);
}

/* ---- pointers ---- */

static void put_address(struct output *out, const void *pointer, const struct spec *given)
{
	struct spec spec = *given;

	spec.base = 16;
	spec.small = true;
	if (spec.width == NOT_GIVEN) {
		spec.width = POINTER_DIGITS;
		spec.zeros = true;
	}
	put_number(out, (unsigned long)pointer, &spec);
}

static void put_plain_pointer(struct output *out, const void *pointer, const struct spec *spec)
{
	struct spec wide = *spec;

	if (!pointer || is_error(pointer)) {
		put_address(out, pointer, spec);
		return;
	}
	wide.width = POINTER_DIGITS;
	put_words(out, UNKNOWN_POINTER, &wide);
}

static void put_symbol(struct output *out, const void *pointer, const struct spec *spec)
{
	char text[24];

	snprintf(text, sizeof(text), "0x%lx", (unsigned long)pointer);
	put_text(out, text, spec);
}

static void put_error(struct output *out, const void *pointer, const struct spec *spec)
{
	struct spec decimal = *spec;
	int error = (long)pointer;
	const char *name;
	char text[32];

	if (!is_error(pointer)) {
		put_plain_pointer(out, pointer, spec);
		return;
	}
	name = strerrorname_np(-error);
	if (name) {
		snprintf(text, sizeof(text), "-%s", name);
		put_text(out, text, spec);
		return;
	}
	decimal.base = 10;
	decimal.is_signed = true;
	put_number(out, (long long)error, &decimal);
}

static unsigned long resource_field(const void *resource, __u32 offset)
{
	unsigned long value;

	memcpy(&value, (const char *)resource + offset, sizeof(value));
	return value;
}

static const struct kind {
	unsigned long flag;
	const char *name;
	struct spec numbers;
} kinds[] = {
	{ RESOURCE_IO, "io  ", { .base = 16, .width = 6, .alternate = 1, .zeros = 1, .small = 1 } },
	{ RESOURCE_MEM,
	  "mem ",
	  { .base = 16, .width = 10, .alternate = 1, .zeros = 1, .small = 1 } },
	{ RESOURCE_IRQ, "irq ", { .base = 10 } },
	{ RESOURCE_DMA, "dma ", { .base = 10 } },
	{ RESOURCE_BUS, "bus ", { .base = 16, .width = 2, .zeros = 1, .small = 1 } },
	{ 0, "??? ", { .base = 16, .width = 10, .alternate = 1, .zeros = 1, .small = 1 } },
};

static void put_resource_flags(struct output *out, unsigned long flags, bool decode)
{
	static const struct {
		unsigned long flag;
		const char *name;
	} names[] = {
		{ RESOURCE_MEM_64, " 64bit" },
		{ RESOURCE_PREFETCH, " pref" },
		{ RESOURCE_WINDOW, " window" },
		{ RESOURCE_DISABLED, " disabled" },
	};
	size_t n;

	if (!decode) {
		put_all(out, " flags ", 7);
		put_hex(out, flags, 0, true);
		return;
	}
	for (n = 0; n < ARRAY_SIZE(names); n++)
		if (flags & names[n].flag)
			put_all(out, names[n].name, strlen(names[n].name));
}

static void put_resource(struct output *out, const void *resource, const struct spec *spec,
			 bool decode)
{
	char text[128] = "";
	struct output inner = { .to = text, .bytes = sizeof(text) - 1 };
	unsigned long start, end, flags;
	const struct kind *kind = kinds;

	if (!is_readable(out, resource, spec))
		return;
	start = resource_field(resource, mdu_layout.resource_start);
	end = resource_field(resource, mdu_layout.resource_end);
	flags = resource_field(resource, mdu_layout.resource_flags);
	while (kind->flag && !(flags & kind->flag))
		kind++;
	decode = decode && kind->flag;
	put(&inner, '[');
	put_all(&inner, kind->name, 4);
	if (decode && flags & RESOURCE_UNSET) {
		put_all(&inner, "size ", 5);
		put_number(&inner, end - start + 1, &kind->numbers);
	} else {
		put_number(&inner, start, &kind->numbers);
		if (start != end) {
			put(&inner, '-');
			put_number(&inner, end, &kind->numbers);
		}
	}
	put_resource_flags(&inner, flags, decode);
	put(&inner, ']');
	put_text(out, text, spec);
}

static void put_bytes(struct output *out, const unsigned char *at, const struct spec *spec,
		      char how)
{
	char separator = how == 'C' ? ':' : how == 'D' ? '-' : how == 'N' ? 0 : ' ';
	int count = spec->width < 0 ? 1 : spec->width < HEX_BYTES ? spec->width : HEX_BYTES, n;

	if (!spec->width || !is_readable(out, at, spec))
		return;
	for (n = 0; n < count; n++) {
		if (n && separator)
			put(out, separator);
		put_hex(out, at[n], 2, false);
	}
}

static bool bit_of(const unsigned long *bits, int n)
{
	return bits[n / 64] >> n % 64 & 1;
}

/* %*pb: groups of 32 bits in hex, the highest first */
static void put_bitmap(struct output *out, const unsigned long *bits, int count)
{
	int at = count - 1, last = count % 32 ? count % 32 : 32;
	unsigned long group = 0;

	for (; at >= 0; at--) {
		group = group << 1 | bit_of(bits, at);
		if (at % 32)
			continue;
		put_hex(out, group, (last + 3) / 4, false);
		if (at)
			put(out, ',');
		last = 32;
		group = 0;
	}
}

/* %*pbl: ranges, such as 0-3,7 */
static void put_bit_ranges(struct output *out, const unsigned long *bits, int count)
{
	bool first = true;
	int from, to;

	for (from = 0; from < count; from = to + 1) {
		to = from;
		if (!bit_of(bits, from))
			continue;
		while (to + 1 < count && bit_of(bits, to + 1))
			to++;
		if (!first)
			put(out, ',');
		first = false;
		put_decimal(out, from);
		if (to == from)
			continue;
		put(out, '-');
		put_decimal(out, to);
	}
}

static void put_mac(struct output *out, const unsigned char *at, const struct spec *spec,
		    const char *how)
{
	char text[18] = "", separator = how[1] == 'F' ? '-' : ':';
	struct output inner = { .to = text, .bytes = sizeof(text) - 1 };
	int n;

	if (!is_readable(out, at, spec))
		return;
	for (n = 0; n < 6; n++) {
		if (n && how[0] == 'M')
			put(&inner, separator);
		put_hex(&inner, at[how[1] == 'R' ? 5 - n : n], 2, false);
	}
	put_text(out, text, spec);
}

static void put_ip4(struct output *out, const unsigned char *at, const char *how)
{
	bool reversed = how[2] == 'h' || how[2] == 'l';
	struct spec spec = { .base = 10, .zeros = true, .width = how[0] == 'i' ? 3 : 0 };
	int n;

	for (n = 0; n < 4; n++) {
		if (n)
			put(out, '.');
		put_number(out, at[reversed ? 3 - n : n], &spec);
	}
}

static unsigned int ip6_word(const unsigned char *at, int n)
{
	return at[2 * n] << 8 | at[2 * n + 1];
}

/* The longest run of two or more zeros among the first @words: the leftmost of equal ones */
static void longest_zeros(const unsigned char *at, int words, int *begin, int *length)
{
	int n, run;

	*begin = words;
	*length = 1;
	for (n = 0; n < words; n++) {
		for (run = 0; n + run < words && !ip6_word(at, n + run);)
			run++;
		if (run > *length) {
			*begin = n;
			*length = run;
		}
	}
}

static bool ends_in_ip4(const unsigned char *at)
{
	static const unsigned char mapped[12] = { [10] = 0xff, [11] = 0xff };
	static const unsigned char isatap[3] = { 0x00, 0x5e, 0xfe };

	return !memcmp(at, mapped, 12) || ((at[8] & ~2) == 0 && !memcmp(at + 9, isatap, 3));
}

/* RFC 5952 */
static void put_ip6_short(struct output *out, const unsigned char *at)
{
	bool ip4 = ends_in_ip4(at), colon = false;
	int words = ip4 ? 6 : 8, begin, length, n;

	longest_zeros(at, words, &begin, &length);
	for (n = 0; n < words; n++) {
		if (n == begin) {
			put_all(out, "::", 2);
			n += length - 1;
			colon = false;
			continue;
		}
		if (colon)
			put(out, ':');
		put_hex(out, ip6_word(at, n), 0, false);
		colon = true;
	}
	if (!ip4)
		return;
	if (colon)
		put(out, ':');
	put_ip4(out, at + 12, "I4");
}

static void put_ip6(struct output *out, const unsigned char *at, const char *how)
{
	int n;

	if (how[0] == 'I' && how[2] == 'c') {
		put_ip6_short(out, at);
		return;
	}
	for (n = 0; n < 8; n++) {
		if (n && how[0] == 'I')
			put(out, ':');
		put_hex(out, ip6_word(at, n), 4, false);
	}
}

static void put_ip(struct output *out, const unsigned char *at, const struct spec *spec,
		   const char *how)
{
	char text[48] = "";
	struct output inner = { .to = text, .bytes = sizeof(text) - 1 };

	if (!is_readable(out, at, spec))
		return;
	if (how[1] == '4')
		put_ip4(&inner, at, how);
	else if (how[1] == '6')
		put_ip6(&inner, at, how);
	else
		put_all(&inner, "(einval)", 8); /* %pIS: a socket's address */
	put_text(out, text, spec);
}

static void put_uuid(struct output *out, const unsigned char *at, const struct spec *spec, char how)
{
	static const unsigned char big[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15 };
	static const unsigned char little[] = {
		3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15
	};
	const unsigned char *order = how == 'l' || how == 'L' ? little : big;
	char text[37] = "";
	struct output inner = { .to = text, .bytes = sizeof(text) - 1 };
	int n;

	if (!is_readable(out, at, spec))
		return;
	for (n = 0; n < 16; n++) {
		if (n == 4 || n == 6 || n == 8 || n == 10)
			put(&inner, '-');
		put_hex(&inner, at[order[n]], 2, false);
	}
	for (n = 0; text[n] && (how == 'L' || how == 'B'); n++)
		text[n] = toupper(text[n]);
	put_text(out, text, spec);
}

/* %pa: a physical or a DMA address, behind the pointer; %pNF: features of a net device */
static void put_value(struct output *out, const void *at, const struct spec *spec)
{
	__u64 value;

	if (!is_readable(out, at, spec))
		return;
	memcpy(&value, at, sizeof(value));
	put_hex(out, value, 2 + 2 * sizeof(value), true);
}

static void put_format(struct output *out, const struct va_format *inner, const struct spec *spec)
{
	size_t left = out->at < out->bytes ? out->bytes - out->at : 0;
	va_list args;

	if (!is_readable(out, inner, spec))
		return;
	va_copy(args, *inner->args);
	/* one more, for the zero: the caller's own is behind out->bytes */
	out->at += k_vsnprintf(left ? out->to + out->at : NULL, left ? left + 1 : 0, inner->format,
			       args);
	va_end(args);
}

static void put_bits(struct output *out, const void *at, const struct spec *spec, char how)
{
	int count = spec->width > 0 ? spec->width : 0;

	if (!is_readable(out, at, spec))
		return;
	if (how == 'l')
		put_bit_ranges(out, at, count);
	else
		put_bitmap(out, at, count);
}

static void put_pointer(struct output *out, const void *pointer, const struct spec *spec,
			const char *how)
{
	switch (how[0]) {
	case 'S':
	case 's':
	case 'B':
		put_symbol(out, pointer, spec);
		break;
	case 'R':
	case 'r':
		put_resource(out, pointer, spec, how[0] == 'R');
		break;
	case 'h':
		put_bytes(out, pointer, spec, how[1]);
		break;
	case 'b':
		put_bits(out, pointer, spec, how[1]);
		break;
	case 'M':
	case 'm':
		put_mac(out, pointer, spec, how);
		break;
	case 'I':
	case 'i':
		put_ip(out, pointer, spec, how);
		break;
	case 'U':
		put_uuid(out, pointer, spec, how[1]);
		break;
	case 'V':
		put_format(out, pointer, spec);
		break;
	case 'N':
	case 'a':
		put_value(out, pointer, spec);
		break;
	case 'x':
		put_address(out, pointer, spec);
		break;
	case 'e':
		put_error(out, pointer, spec);
		break;
	case 'E':
	case '4':
	case 'd':
	case 'D':
	case 't':
	case 'C':
	case 'g':
	case 'G':
	case 'O':
	case 'f':
	case 'u':
	case 'k':
		put_words(out, "(einval)", spec);
		break;
	default: /* also %pK */
		put_plain_pointer(out, pointer, spec);
	}
}

/* ---- the format ---- */

static const char *flags(const char *at, struct spec *spec)
{
	for (;; at++) {
		switch (*at) {
		case '-':
			spec->left = true;
			break;
		case '+':
			spec->plus = true;
			break;
		case ' ':
			spec->space = true;
			break;
		case '#':
			spec->alternate = true;
			break;
		case '0':
			spec->zeros = true;
			break;
		default:
			return at;
		}
	}
}

static int number_in(const char **at)
{
	long number = 0;

	for (; isdigit((unsigned char)**at); ++*at)
		if (number <= WIDEST)
			number = number * 10 + **at - '0';
	return number < WIDEST ? number : WIDEST;
}

/* h, hh, l, ll, L, z, t: how many bytes an integer has. */
static const char *size(const char *at, size_t *bytes)
{
	*bytes = sizeof(int);
	if (*at == 'h') {
		*bytes = at[1] == 'h' ? 1 : 2;
		return at + (at[1] == 'h' ? 2 : 1);
	}
	if (*at && strchr("lLzt", *at)) {
		*bytes = 8;
		return at + (at[0] == 'l' && at[1] == 'l' ? 2 : 1);
	}
	return at;
}

static unsigned long long narrowed(unsigned long long number, size_t bytes, bool is_signed)
{
	unsigned int unused = 64 - 8 * bytes;

	return is_signed ? (unsigned long long)((long long)(number << unused) >> unused)
			 : number << unused >> unused;
}

/* What an integer's letter says of it. Return: whether it is one */
static bool integer(char letter, struct spec *spec)
{
	spec->base = letter == 'o' ? 8 : letter == 'x' || letter == 'X' ? 16 : 10;
	spec->small = letter == 'x';
	spec->is_signed = letter == 'd' || letter == 'i';
	return letter && strchr("oxXdiu", letter);
}

static void put_char(struct output *out, char c, const struct spec *spec)
{
	if (!spec->left)
		pad(out, ' ', spec->width - 1);
	put(out, c);
	if (spec->left)
		pad(out, ' ', spec->width - 1);
}

static int between(int value, int least, int most)
{
	return value < least ? least : value > most ? most : value;
}

/* Width and precision, which may be arguments */
static const char *extent(const char *at, struct spec *spec, va_list *args)
{
	if (*at == '*') {
		at++;
		spec->width = between(va_arg(*args, int), -WIDEST, WIDEST);
		spec->left = spec->left || spec->width < 0;
		spec->width = abs(spec->width);
	} else if (isdigit((unsigned char)*at)) {
		spec->width = number_in(&at);
	}
	if (*at != '.')
		return at;
	at++;
	if (*at == '*') {
		at++;
		spec->precision = between(va_arg(*args, int), 0, PRECISEST);
	} else if (isdigit((unsigned char)*at)) {
		spec->precision = between(number_in(&at), 0, PRECISEST);
	}
	return at;
}

/* Return: behind the conversion's letters; NULL: there is no such conversion */
static const char *convert(struct output *out, const char *at, struct spec *spec, va_list *args)
{
	unsigned long long number;
	size_t bytes;

	at = size(at, &bytes);
	if (*at == '%') {
		put(out, '%');
	} else if (*at == 'c') {
		put_char(out, va_arg(*args, int), spec);
	} else if (*at == 's') {
		put_string(out, va_arg(*args, const char *), spec);
	} else if (*at == 'p') {
		put_pointer(out, va_arg(*args, void *), spec, at + 1);
		while (isalnum((unsigned char)at[1]))
			at++;
	} else if (integer(*at, spec)) {
		if (bytes == sizeof(number))
			number = va_arg(*args, unsigned long long);
		else
			number = va_arg(*args, unsigned int);
		put_number(out, narrowed(number, bytes, spec->is_signed), spec);
	} else {
		return NULL;
	}
	return at + 1;
}

int k_vsnprintf(char *to, size_t bytes, const char *format, va_list given)
{
	/* the last byte is the zero's */
	struct output out = { .to = to, .bytes = bytes ? bytes - 1 : 0 };
	const char *at = format;
	va_list args;

	if (bytes > INT_MAX)
		return 0;
	va_copy(args, given); /* a parameter's address is no va_list's */
	while (at && *at) {
		struct spec spec = { .width = NOT_GIVEN, .precision = NOT_GIVEN };

		if (*at != '%') {
			put(&out, *at++);
			continue;
		}
		at = extent(flags(at + 1, &spec), &spec, &args);
		at = convert(&out, at, &spec, &args); /* NULL: the kernel stops there, too */
	}
	va_end(args);
	if (bytes)
		to[out.at < out.bytes ? out.at : out.bytes] = '\0';
	return out.at;
}

int k_vscnprintf(char *to, size_t bytes, const char *format, va_list args)
{
	size_t length = k_vsnprintf(to, bytes, format, args);

	return length < bytes ? length : bytes ? bytes - 1 : 0;
}

int k_snprintf(char *to, size_t bytes, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = k_vsnprintf(to, bytes, format, args);
	va_end(args);
	return length;
}

int k_scnprintf(char *to, size_t bytes, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = k_vscnprintf(to, bytes, format, args);
	va_end(args);
	return length;
}

int k_vsprintf(char *to, const char *format, va_list args)
{
	return k_vsnprintf(to, INT_MAX, format, args);
}

int k_sprintf(char *to, const char *format, ...)
{
	va_list args;
	int length;

	va_start(args, format);
	length = k_vsprintf(to, format, args);
	va_end(args);
	return length;
}
