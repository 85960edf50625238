// SPDX-License-Identifier: GPL-2.0
/* Numbers in texts, and a little arithmetic, as the kernel has them */
#include "services.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define MAC_BYTES 6
#define MAC_CHARS 17

const char hex_asc[] = "0123456789abcdef";
const char hex_asc_upper[] = "0123456789ABCDEF";

int hex_to_bin(unsigned char c)
{
	if (!isxdigit(c))
		return -1;
	return isdigit(c) ? c - '0' : tolower(c) - 'a' + 10;
}

int hex2bin(__u8 *to, const char *from, size_t count)
{
	for (; count; count--, from += 2) {
		if (!isxdigit((unsigned char)from[0]) || !isxdigit((unsigned char)from[1]))
			return -EINVAL;
		*to++ = hex_to_bin(from[0]) << 4 | hex_to_bin(from[1]);
	}
	return 0;
}

char *bin2hex(char *to, const void *from, size_t count)
{
	const unsigned char *at = from;

	for (; count; count--, at++) {
		*to++ = hex_asc[*at >> 4];
		*to++ = hex_asc[*at & 15];
	}
	return to;
}

bool mac_pton(const char *text, __u8 *mac)
{
	__u8 bytes[MAC_BYTES];
	int n;

	if (strnlen(text, MAC_CHARS) < MAC_CHARS)
		return false;
	for (n = 0; n < MAC_BYTES; n++) {
		if (hex2bin(&bytes[n], text + 3 * n, 1))
			return false;
		if (n < MAC_BYTES - 1 && text[3 * n + 2] != ':')
			return false;
	}
	memcpy(mac, bytes, sizeof(bytes));
	return true;
}

/* ---- whole texts: kstrtoint() and so on ---- */

/* The base that a prefix tells, if none is given. Return: behind the prefix of base 16 */
static const char *base_of(const char *text, unsigned int *base)
{
	bool hex = text[0] == '0' && tolower(text[1]) == 'x';

	if (!*base && text[0] != '0')
		*base = 10;
	else if (!*base)
		*base = hex && isxdigit((unsigned char)text[2]) ? 16 : 8;
	return *base == 16 && hex ? text + 2 : text;
}

/* Return: behind the digits. @fits: false if there are too many */
static const char *digits(const char *text, unsigned int base, unsigned long long *number,
			  bool *fits)
{
	*number = 0;
	*fits = true;
	for (;; text++) {
		int digit = hex_to_bin(*text);

		if (digit < 0 || (unsigned int)digit >= base)
			return text;
		if (__builtin_mul_overflow(*number, base, number) ||
		    __builtin_add_overflow(*number, digit, number))
			*fits = false;
	}
}

static int whole_number(const char *text, unsigned int base, unsigned long long *result)
{
	unsigned long long number;
	const char *from, *end;
	bool fits;

	from = base_of(text, &base);
	end = digits(from, base, &number, &fits);
	if (!fits)
		return -ERANGE;
	if (end == from)
		return -EINVAL;
	if (*end == '\n')
		end++;
	if (*end)
		return -EINVAL;
	*result = number;
	return 0;
}

int kstrtoull(const char *text, unsigned int base, unsigned long long *result)
{
	return whole_number(text + (*text == '+'), base, result);
}

int kstrtoll(const char *text, unsigned int base, long long *result)
{
	bool negative = *text == '-';
	unsigned long long number;
	int err = negative ? whole_number(text + 1, base, &number) : kstrtoull(text, base, &number);

	if (err)
		return err;
	if (number > (1ULL << 63) - !negative)
		return -ERANGE;
	*result = negative ? -number : number;
	return 0;
}

static int unsigned_number(const char *text, unsigned int base, unsigned long long most,
			   unsigned long long *number)
{
	int err = kstrtoull(text, base, number);

	return err ? err : *number > most ? -ERANGE : 0;
}

static int signed_number(const char *text, unsigned int base, long long most, long long *number)
{
	int err = kstrtoll(text, base, number);

	return err ? err : *number > most || *number < -most - 1 ? -ERANGE : 0;
}

int _kstrtoul(const char *text, unsigned int base, unsigned long *result)
{
	unsigned long long number;
	int err = unsigned_number(text, base, ULONG_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

int kstrtouint(const char *text, unsigned int base, unsigned int *result)
{
	unsigned long long number;
	int err = unsigned_number(text, base, UINT_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

int kstrtou16(const char *text, unsigned int base, __u16 *result)
{
	unsigned long long number;
	int err = unsigned_number(text, base, USHRT_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

int kstrtou8(const char *text, unsigned int base, __u8 *result)
{
	unsigned long long number;
	int err = unsigned_number(text, base, UCHAR_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

int _kstrtol(const char *text, unsigned int base, long *result)
{
	long long number;
	int err = signed_number(text, base, LONG_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

int kstrtoint(const char *text, unsigned int base, int *result)
{
	long long number;
	int err = signed_number(text, base, INT_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

int kstrtos16(const char *text, unsigned int base, __s16 *result)
{
	long long number;
	int err = signed_number(text, base, SHRT_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

int kstrtos8(const char *text, unsigned int base, __s8 *result)
{
	long long number;
	int err = signed_number(text, base, SCHAR_MAX, &number);

	if (!err)
		*result = number;
	return err;
}

/* 1, y, t, on; 0, n, f, off: what follows is not looked at */
int kstrtobool(const char *text, bool *result)
{
	char first = text ? tolower(*text) : '\0';

	if (first == 'o')
		first = tolower(text[1]) == 'n' ? 'y' : tolower(text[1]) == 'f' ? 'n' : 'o';
	if (!first || !strchr("1yt0nf", first))
		return -EINVAL;
	*result = strchr("1yt", first);
	return 0;
}

/* ---- the start of a text: simple_strtol() and so on ---- */

unsigned long long simple_strtoull(const char *text, char **end, unsigned int base)
{
	const char *from = base_of(text, &base);
	unsigned long long number;
	bool fits;

	from = digits(from, base, &number, &fits);
	if (end)
		*end = (char *)from;
	return number;
}

long long simple_strtoll(const char *text, char **end, unsigned int base)
{
	return *text == '-' ? -simple_strtoull(text + 1, end, base)
			    : simple_strtoull(text, end, base);
}

unsigned long simple_strtoul(const char *text, char **end, unsigned int base)
{
	return simple_strtoull(text, end, base);
}

long simple_strtol(const char *text, char **end, unsigned int base)
{
	return simple_strtoll(text, end, base);
}

/* Return: how many characters; 0 if there is no room */
int num_to_str(char *to, int room, unsigned long long number, unsigned int width)
{
	char text[64];
	int length = k_snprintf(text, sizeof(text), "%*llu", width < 40 ? (int)width : 40, number);

	if (length > room || (long long)width > room)
		return 0;
	memcpy(to, text, length);
	return length;
}

/* ---- arithmetic ---- */

unsigned long gcd(unsigned long a, unsigned long b)
{
	unsigned long rest;

	for (; b; b = rest) {
		rest = a % b;
		a = b;
	}
	return a;
}

unsigned long lcm(unsigned long a, unsigned long b)
{
	return a && b ? a / gcd(a, b) * b : 0;
}

unsigned long int_sqrt(unsigned long square)
{
	unsigned long root = 0, bit;

	for (bit = 1UL << 31; bit; bit >>= 1)
		if ((root | bit) * (root | bit) <= square)
			root |= bit;
	return root;
}
