// SPDX-License-Identifier: GPL-2.0
/* The kernel's functions of strings and bytes that libc lacks */
#define _GNU_SOURCE /* qsort_r() */
#include "services.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES	   4096
#define ETHTOOL_STRING	   32 /* ETH_GSTRING_LEN */
#define NEWLINE_MAY_FOLLOW '\n'

/* What the headers' isdigit() and so on look at: ISO 8859-1 */
#define UPPER 0x01
#define LOWER 0x02
#define DIGIT 0x04
#define CNTRL 0x08
#define PUNCT 0x10
#define SPACE 0x20
#define HEX   0x40
#define BLANK 0x80

const unsigned char _ctype[256] = {
	[0 ... 8] = CNTRL,
	[9 ... 13] = CNTRL | SPACE,
	[14 ... 31] = CNTRL,
	[' '] = SPACE | BLANK,
	['!' ... '/'] = PUNCT,
	['0' ... '9'] = DIGIT,
	[':' ... '@'] = PUNCT,
	['A' ... 'F'] = UPPER | HEX,
	['G' ... 'Z'] = UPPER,
	['[' ... '`'] = PUNCT,
	['a' ... 'f'] = LOWER | HEX,
	['g' ... 'z'] = LOWER,
	['{' ... '~'] = PUNCT,
	[127] = CNTRL,
	[160] = SPACE | BLANK,
	[161 ... 191] = PUNCT,
	[192 ... 214] = UPPER,
	[215] = PUNCT,
	[216 ... 222] = UPPER,
	[223 ... 246] = LOWER,
	[247] = PUNCT,
	[248 ... 255] = LOWER,
};

static bool is_space(char c)
{
	return _ctype[(unsigned char)c] & SPACE;
}

/* ---- copies ---- */

/* Return: the length; -E2BIG if it was cut */
ssize_t sized_strscpy(char *to, const char *from, size_t bytes)
{
	size_t length;

	if (!bytes || bytes > INT_MAX)
		return -E2BIG;
	length = strnlen(from, bytes);
	if (length == bytes) {
		memcpy(to, from, bytes - 1);
		to[bytes - 1] = '\0';
		return -E2BIG;
	}
	memcpy(to, from, length + 1);
	return length;
}

/* Return: the length that the whole would have had */
size_t strlcat(char *to, const char *from, size_t bytes)
{
	size_t before = strlen(to), more = strlen(from), place;

	if (before >= bytes)
		services_die("a string of %zu bytes in room for %zu", before, bytes);
	place = bytes - before - 1;
	if (more < place)
		place = more;
	memcpy(to + before, from, place);
	to[before + place] = '\0';
	return before + more;
}

void memcpy_and_pad(void *to, size_t room, const void *from, size_t bytes, int pad)
{
	if (bytes > room)
		bytes = room;
	memcpy(to, from, bytes);
	memset((char *)to + bytes, pad, room - bytes);
}

void *memset16(__u16 *to, __u16 value, size_t count)
{
	size_t n;

	for (n = 0; n < count; n++)
		to[n] = value;
	return to;
}

void *memset32(__u32 *to, __u32 value, size_t count)
{
	size_t n;

	for (n = 0; n < count; n++)
		to[n] = value;
	return to;
}

void *memset64(__u64 *to, __u64 value, size_t count)
{
	size_t n;

	for (n = 0; n < count; n++)
		to[n] = value;
	return to;
}

/* ---- searches ---- */

/* Return: where the byte is; behind the end if it is not there */
void *memscan(void *at, int byte, size_t bytes)
{
	void *found = memchr(at, byte, bytes);

	return found ? found : (char *)at + bytes;
}

/* Return: the first byte that is another one */
void *memchr_inv(const void *at, int byte, size_t bytes)
{
	const unsigned char *here = at;

	for (; bytes; bytes--, here++)
		if (*here != (unsigned char)byte)
			return (void *)here;
	return NULL;
}

char *strnchr(const char *text, size_t most, int c)
{
	for (; most--; text++) {
		if (*text == (char)c)
			return (char *)text;
		if (!*text)
			break;
	}
	return NULL;
}

char *strnchrnul(const char *text, size_t most, int c)
{
	for (; most && *text && *text != (char)c; most--)
		text++;
	return (char *)text;
}

/* @part within the first @most bytes of @text */
char *strnstr(const char *text, const char *part, size_t most)
{
	size_t bytes = strlen(part);

	for (; most >= bytes; most--, text++)
		if (!memcmp(text, part, bytes))
			return (char *)text;
	return NULL;
}

/* ---- spaces ---- */

char *skip_spaces(const char *text)
{
	while (is_space(*text))
		text++;
	return (char *)text;
}

/* Cut the spaces at the end. Return: behind those at the start */
char *strim(char *text)
{
	size_t length = strlen(text);

	while (length && is_space(text[length - 1]))
		length--;
	text[length] = '\0';
	return skip_spaces(text);
}

char *strreplace(char *text, char old, char new)
{
	char *at;

	for (at = text; *at; at++)
		if (*at == old)
			*at = new;
	return text;
}

/* ---- what users write into files: a newline may follow ---- */

bool sysfs_streq(const char *a, const char *b)
{
	size_t first = strlen(a), second = strlen(b);

	if (first == second + 1 && a[second] == NEWLINE_MAY_FOLLOW)
		first--;
	else if (second == first + 1 && b[first] == NEWLINE_MAY_FOLLOW)
		second--;
	return first == second && !memcmp(a, b, first);
}

int match_string(const char *const *array, size_t count, const char *text)
{
	size_t n;

	for (n = 0; n < count && array[n]; n++)
		if (!strcmp(array[n], text))
			return n;
	return -EINVAL;
}

int __sysfs_match_string(const char *const *array, size_t count, const char *text)
{
	size_t n;

	for (n = 0; n < count && array[n]; n++)
		if (sysfs_streq(array[n], text))
			return n;
	return -EINVAL;
}

/* ---- what users read; the text begins at a page in the kernel, here anywhere ---- */

int sysfs_emit_at(char *page, int at, const char *format, ...)
{
	va_list args;
	int bytes;

	if (at < 0 || at >= PAGE_BYTES)
		return 0;
	va_start(args, format);
	bytes = k_vscnprintf(page + at, PAGE_BYTES - at, format, args);
	va_end(args);
	return bytes;
}

int sysfs_emit(char *page, const char *format, ...)
{
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = k_vscnprintf(page, PAGE_BYTES, format, args);
	va_end(args);
	return bytes;
}

void ethtool_sprintf(__u8 **at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	k_vsnprintf((char *)*at, ETHTOOL_STRING, format, args);
	va_end(args);
	*at += ETHTOOL_STRING;
}

void ethtool_puts(__u8 **at, const char *text)
{
	sized_strscpy((char *)*at, text, ETHTOOL_STRING);
	*at += ETHTOOL_STRING;
}

ssize_t memory_read_from_buffer(void *to, size_t count, long long *position, const void *from,
				size_t available)
{
	long long at = *position;

	if (at < 0)
		return -EINVAL;
	if ((unsigned long long)at >= available)
		return 0;
	if (count > available - at)
		count = available - at;
	memcpy(to, (const char *)from + at, count);
	*position = at + count;
	return count;
}

/* ---- order ---- */

/* The kernel's exchanges elements by @swap, if there is one. */
struct order {
	int (*compare)(const void *a, const void *b);
	int (*compare_for)(const void *a, const void *b, const void *priv);
	const void *priv;
};

static int compared(const void *a, const void *b, void *given)
{
	const struct order *order = given;

	return order->compare ? order->compare(a, b) : order->compare_for(a, b, order->priv);
}

void sort(void *base, size_t count, size_t bytes, int (*compare)(const void *a, const void *b),
	  void (*swap)(void *a, void *b, int bytes))
{
	struct order order = { .compare = compare };

	if (swap)
		services_die("an order with a function that exchanges elements is not supported");
	qsort_r(base, count, bytes, compared, &order);
}

void sort_r(void *base, size_t count, size_t bytes,
	    int (*compare)(const void *a, const void *b, const void *priv),
	    void (*swap)(void *a, void *b, int bytes, const void *priv), const void *priv)
{
	struct order order = { .compare_for = compare, .priv = priv };

	if (swap)
		services_die("an order with a function that exchanges elements is not supported");
	qsort_r(base, count, bytes, compared, &order);
}
