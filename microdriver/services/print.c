// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's functions print goes to the kernel's log, with the level that
 * they were asked for. The text is formed here; the name of the device before it
 * is the kernel's to form, since a u-driver's copy of a device may lack it.
 */
#include "services.h"

#include <string.h>

#define TEXT_BYTES     1024 /* of a record of the kernel's log, at most */
#define START_OF_LEVEL '\001'

/* What an unknown object is called: the text alone is printed. */
static const void *known(const void *object)
{
	return object && mdu_knows(object) ? object : NULL;
}

/* A device's functions give a level as the start of a text. */
static char level_of(const char *level)
{
	return level && level[0] == START_OF_LEVEL ? level[1] : 0;
}

/*
 * The levels at the start of a text are no text. The first number counts; "c" alone
 * says that the text goes on with the record before.
 */
static const char *without_levels(const char *text, char *level)
{
	for (; text[0] == START_OF_LEVEL && text[1]; text += 2)
		if (!*level || (*level == 'c' && text[1] != 'c'))
			*level = text[1];
	return text;
}

/* Return: the length of the text, without its levels and the newline at its end */
static int print(const char *format, va_list args)
{
	char text[TEXT_BYTES], level = 0;
	const char *from;
	size_t bytes;

	k_vscnprintf(text, sizeof(text), format, args);
	from = without_levels(text, &level);
	bytes = strlen(from);
	mdu_print(level, NULL, from, bytes);
	return bytes - (bytes && from[bytes - 1] == '\n');
}

static void print_device(char level, const void *device, const char *format, va_list args)
{
	char text[TEXT_BYTES];
	int bytes = k_vscnprintf(text, sizeof(text), format, args);

	mdu_print(level, known(device), text, bytes);
}

static void print_netdev(char level, const void *netdev, const char *format, va_list args)
{
	char text[TEXT_BYTES];
	int bytes = k_vscnprintf(text, sizeof(text), format, args);

	if (netdev && !mdu_knows(netdev))
		mdu_print(level, NULL, text, bytes);
	else
		mdu_print_netdev(level, netdev, text, bytes);
}

int _printk(const char *format, ...)
{
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = print(format, args);
	va_end(args);
	return bytes;
}

int vprintk(const char *format, va_list args)
{
	return print(format, args);
}

void __warn_printk(const char *format, ...)
{
	va_list args;

	_printk("\0014------------[ cut here ]------------\n");
	va_start(args, format);
	print(format, args);
	va_end(args);
}

void _dev_printk(const char *level, const void *device, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_device(level_of(level), device, format, args);
	va_end(args);
}

/* These two form no name before the text; the device goes into the log's notes only. */
int dev_vprintk_emit(int level, const void *device, const char *format, va_list args)
{
	char text[TEXT_BYTES];
	int bytes = k_vscnprintf(text, sizeof(text), format, args);

	(void)device;
	mdu_print('0' + level, NULL, text, bytes);
	return bytes;
}

int dev_printk_emit(int level, const void *device, const char *format, ...)
{
	va_list args;
	int bytes;

	va_start(args, format);
	bytes = dev_vprintk_emit(level, device, format, args);
	va_end(args);
	return bytes;
}

#define PRINTS_WITH_LEVEL(name, print_it, level)                                                   \
	void name(const void *device, const char *format, ...)                                     \
	{                                                                                          \
		va_list args;                                                                      \
		va_start(args, format);                                                            \
		print_it(level, device, format, args);                                             \
		va_end(args);                                                                      \
	}

PRINTS_WITH_LEVEL(_dev_emerg, print_device, '0')
PRINTS_WITH_LEVEL(_dev_alert, print_device, '1')
PRINTS_WITH_LEVEL(_dev_crit, print_device, '2')
PRINTS_WITH_LEVEL(_dev_err, print_device, '3')
PRINTS_WITH_LEVEL(_dev_warn, print_device, '4')
PRINTS_WITH_LEVEL(_dev_notice, print_device, '5')
PRINTS_WITH_LEVEL(_dev_info, print_device, '6')

PRINTS_WITH_LEVEL(netdev_emerg, print_netdev, '0')
PRINTS_WITH_LEVEL(netdev_alert, print_netdev, '1')
PRINTS_WITH_LEVEL(netdev_crit, print_netdev, '2')
PRINTS_WITH_LEVEL(netdev_err, print_netdev, '3')
PRINTS_WITH_LEVEL(netdev_warn, print_netdev, '4')
PRINTS_WITH_LEVEL(netdev_notice, print_netdev, '5')
PRINTS_WITH_LEVEL(netdev_info, print_netdev, '6')

void netdev_printk(const char *level, const void *netdev, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print_netdev(level_of(level), netdev, format, args);
	va_end(args);
}

/* ---- dynamic debugging: never enabled in a u-driver ---- */

void __dynamic_pr_debug(void *descriptor, const char *format, ...)
{
	(void)descriptor;
	(void)format;
}

void __dynamic_dev_dbg(void *descriptor, const void *device, const char *format, ...)
{
	(void)descriptor;
	(void)device;
	(void)format;
}

void __dynamic_netdev_dbg(void *descriptor, const void *netdev, const char *format, ...)
{
	(void)descriptor;
	(void)netdev;
	(void)format;
}

void __dynamic_ibdev_dbg(void *descriptor, const void *device, const char *format, ...)
{
	(void)descriptor;
	(void)device;
	(void)format;
}
