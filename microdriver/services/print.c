// SPDX-License-Identifier: GPL-2.0
/*
 * What the kernel's functions print goes to the kernel's log, with the level that
 * they were asked for. The text is formed here; the name of the device before it
 * is the kernel's to form, since a u-driver's copy of a device may lack it.
 */
#include "services.h"

#include <errno.h>
#include <string.h>

#define EPROBE_DEFER   517 /* the kernel's own */
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

/* ---- a probe that fails ---- */

/* EPROBE_DEFER is no failure, and of a lack of memory the kernel itself tells. */
static int failed(char level, const void *device, int err, const char *format, va_list args)
{
	struct va_format inner = { .format = format };
	char text[TEXT_BYTES];
	va_list copy;
	int bytes;

	if (err == -EPROBE_DEFER || err == -ENOMEM)
		return err;
	va_copy(copy, args);
	inner.args = &copy;
	bytes = k_scnprintf(text, sizeof(text), "error %pe: %pV", (void *)(long)err, &inner);
	va_end(copy);
	mdu_print(level, known(device), text, bytes);
	return err;
}

int dev_err_probe(const void *device, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	failed('3', device, err, format, args);
	va_end(args);
	return err;
}

int dev_warn_probe(const void *device, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	failed('4', device, err, format, args);
	va_end(args);
	return err;
}

const char *dev_driver_string(const void *device)
{
	(void)device;
	return mdu_layout.driver;
}

/* ---- at most so many in a while ---- */

struct ratelimit_state {
	__u32 lock;
	int interval, burst, printed, missed;
	unsigned int flags;
	unsigned long begin;
};

#define MESSAGE_ON_RELEASE 1

/* Return: whether this one may be printed */
int ___ratelimit(struct ratelimit_state *state, const char *function)
{
	unsigned long now = services_jiffies();

	if (!state->interval)
		return 1;
	if (!state->begin)
		state->begin = now;
	if ((long)(state->begin + state->interval - now) < 0) {
		if (state->missed && !(state->flags & MESSAGE_ON_RELEASE)) {
			_printk("\0014%s: %d callbacks suppressed\n", function, state->missed);
			state->missed = 0;
		}
		state->begin = now;
		state->printed = 0;
	}
	if (state->burst <= state->printed) {
		state->missed++;
		return 0;
	}
	state->printed++;
	return 1;
}

/* The kernel has one state for all its network's messages; a u-driver has its own. */
int net_ratelimit(void)
{
	static struct ratelimit_state state = { .burst = 10 };

	state.interval = 5 * mdu_layout.hz;
	return ___ratelimit(&state, __func__);
}

int __printk_ratelimit(const char *function)
{
	static struct ratelimit_state state = { .burst = 10 };

	state.interval = 5 * mdu_layout.hz;
	return ___ratelimit(&state, function);
}

/* ---- bytes as lines of hex ---- */

enum prefix { PREFIX_NONE, PREFIX_ADDRESS, PREFIX_OFFSET };

#define ROW_BYTES  32
#define LINE_BYTES (ROW_BYTES * 3 + 2 + ROW_BYTES + 1)

/* A group of bytes is one number, the lowest byte last. */
static int group(char *to, const unsigned char *at, int bytes)
{
	int n;

	for (n = 0; n < bytes; n++)
		k_sprintf(to + 2 * n, "%02x", at[bytes - 1 - n]);
	return 2 * bytes;
}

static bool is_printable(unsigned char c)
{
	return c >= ' ' && c <= '~';
}

/* Return: the length of the whole line */
int hex_dump_to_buffer(const void *from, size_t bytes, int row, int grouped, char *to, size_t room,
		       bool ascii)
{
	const unsigned char *at = from;
	char line[LINE_BYTES + 1];
	int length = 0, column;
	size_t n;

	row = row == ROW_BYTES ? ROW_BYTES : ROW_BYTES / 2;
	if (bytes > (size_t)row)
		bytes = row;
	if ((grouped != 2 && grouped != 4 && grouped != 8) || bytes % grouped)
		grouped = 1;
	column = row * 2 + row / grouped + 1;
	for (n = 0; n < bytes; n += grouped) {
		if (n)
			line[length++] = ' ';
		length += group(line + length, at + n, grouped);
	}
	for (; bytes && ascii && length < column;)
		line[length++] = ' ';
	for (n = 0; n < bytes && ascii; n++)
		line[length++] = is_printable(at[n]) ? at[n] : '.';
	line[length] = '\0';
	if (room)
		sized_strscpy(to, line, room);
	return length;
}

void print_hex_dump(const char *level, const char *prefix, int kind, int row, int grouped,
		    const void *from, size_t bytes, bool ascii)
{
	char line[LINE_BYTES];
	size_t n;

	row = row == ROW_BYTES ? ROW_BYTES : ROW_BYTES / 2;
	for (n = 0; n < bytes; n += row) {
		const char *at = (const char *)from + n;

		hex_dump_to_buffer(at, bytes - n, row, grouped, line, sizeof(line), ascii);
		if (kind == PREFIX_ADDRESS)
			_printk("%s%s%p: %s\n", level, prefix, at, line);
		else if (kind == PREFIX_OFFSET)
			_printk("%s%s%.8x: %s\n", level, prefix, (unsigned int)n, line);
		else
			_printk("%s%s%s\n", level, prefix, line);
	}
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
