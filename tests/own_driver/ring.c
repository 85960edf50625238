// SPDX-License-Identifier: GPL-2.0-only
/*
 * ring - a ring of memory blocks behind /dev/ring0
 *
 * One pread() or pwrite() moves one block of a page at a multiple of the page
 * size; offsets wrap round. Each block is kept with a checksum of its content.
 * A read fails with ENODATA if the block was not written since the module was
 * loaded, and with EIO if its content does not match its checksum.
 */
#include <linux/fs.h>
#include <linux/gfp.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/uaccess.h>

#define RING_BLOCKS 64

struct block {
	u64 *content; /* a page, or NULL: not written yet */
	u64 sum;
};

static struct block ring[RING_BLOCKS];
static DEFINE_MUTEX(ring_lock);

static u64 ring_checksum(const u64 *content)
{
	u64 low = 1, high = 0;
	size_t i;

	for (i = 0; i < PAGE_SIZE / sizeof(*content); i++) {
		low += content[i];
		high += low;
	}
	return low ^ high << 1;
}

static bool is_one_block(size_t count, loff_t pos)
{
	return count == PAGE_SIZE && !(pos & ~PAGE_MASK);
}

static struct block *ring_block(loff_t pos)
{
	return &ring[(pos >> PAGE_SHIFT) % RING_BLOCKS];
}

static ssize_t ring_write(struct file *file, const char __user *user, size_t count, loff_t *pos)
{
	struct block fresh, *block = ring_block(*pos);

	if (!is_one_block(count, *pos))
		return -EINVAL;
	fresh.content = (u64 *)__get_free_page(GFP_KERNEL);
	if (!fresh.content)
		return -ENOMEM;
	if (copy_from_user(fresh.content, user, PAGE_SIZE)) {
		free_page((unsigned long)fresh.content);
		return -EFAULT;
	}
	fresh.sum = ring_checksum(fresh.content);

	mutex_lock(&ring_lock);
	swap(*block, fresh);
	mutex_unlock(&ring_lock);

	free_page((unsigned long)fresh.content); /* the old one */
	return count;
}

/* Context: ring_lock is held, so that the content stays where it is */
static int ring_copy(const struct block *block, char __user *user)
{
	if (!block->content)
		return -ENODATA;
	if (ring_checksum(block->content) != block->sum)
		return -EIO;
	if (copy_to_user(user, block->content, PAGE_SIZE))
		return -EFAULT;
	return 0;
}

static ssize_t ring_read(struct file *file, char __user *user, size_t count, loff_t *pos)
{
	int err;

	if (!is_one_block(count, *pos))
		return -EINVAL;
	mutex_lock(&ring_lock);
	err = ring_copy(ring_block(*pos), user);
	mutex_unlock(&ring_lock);
	return err ?: count;
}

static const struct file_operations ring_fops = {
	.owner = THIS_MODULE,
	.read = ring_read,
	.write = ring_write,
};

static struct miscdevice ring_device = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "ring0",
	.fops = &ring_fops,
	.mode = 0600,
};

static int __init ring_init(void)
{
	return misc_register(&ring_device);
}
module_init(ring_init);

static void __exit ring_exit(void)
{
	int i;

	misc_deregister(&ring_device);
	for (i = 0; i < RING_BLOCKS; i++)
		free_page((unsigned long)ring[i].content);
}
module_exit(ring_exit);

MODULE_LICENSE("GPL");
MODULE_DESCRIPTION("A ring of memory blocks behind a character device");
