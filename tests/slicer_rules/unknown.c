// SPDX-License-Identifier: GPL-2.0
/* A driver with a slot that the slicer has no row for, and with a function that others may call. */

#include <linux/console.h>
#include <linux/module.h>

static void unknown_put(const char *text, unsigned int length)
{
	while (length--)
		text++;
}

static void unknown_write(struct console *console, const char *text, unsigned int length)
{
	unknown_put(text, length);
}

static struct console unknown_console = {
	.name = "unknown",
	.write = unknown_write,
};

int unknown_answer(void);

int unknown_answer(void)
{
	return 42;
}
EXPORT_SYMBOL_GPL(unknown_answer);

static int __init unknown_init(void)
{
	register_console(&unknown_console);
	return 0;
}

static void __exit unknown_exit(void)
{
	unregister_console(&unknown_console);
}

module_init(unknown_init);
module_exit(unknown_exit);

MODULE_DESCRIPTION("A slot that nobody knows");
MODULE_LICENSE("GPL");
