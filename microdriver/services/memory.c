// SPDX-License-Identifier: GPL-2.0
/*
 * Memory that the user's half alone knows, from libc; and what both halves know, for
 * which services_allocate() asks the kernel's half.
 *
 * All memory is zeroed: then no flag has to be understood.
 */
#include "services.h"

#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES    4096UL
#define LEAST_ALIGNED 8
#define ZERO_SIZE     ((void *)16) /* kmalloc(0) */
#define CACHE_TYPES   32 /* more than the kernel has */
#define CACHE_SIZES   14 /* KMALLOC_SHIFT_HIGH + 1 */

/* What the inline part of kmalloc() chooses from; its choice is not looked at. */
void *kmalloc_caches[CACHE_TYPES][CACHE_SIZES];
unsigned long random_kmalloc_seed;

static bool is_power_of_2(size_t bytes)
{
	return !(bytes & (bytes - 1));
}

/* As the kernel's: memory of a power of two is aligned to it. */
static void *own_memory(size_t bytes)
{
	size_t aligned = LEAST_ALIGNED;
	void *at;

	if (!bytes)
		return ZERO_SIZE;
	if (is_power_of_2(bytes) && bytes > LEAST_ALIGNED)
		aligned = bytes;
	else if (bytes > PAGE_BYTES)
		aligned = PAGE_BYTES;
	if (posix_memalign(&at, aligned, bytes))
		return NULL;
	return memset(at, 0, malloc_usable_size(at)); /* also what resize() may give later */
}

void *__weak services_allocate(size_t bytes, const void *device)
{
	(void)bytes;
	(void)device;
	return NULL;
}

bool __weak services_release(const void *at)
{
	(void)at;
	return false;
}

static void *allocate(size_t bytes)
{
	void *shared = services_allocate(bytes, NULL);

	return shared ? shared : own_memory(bytes);
}

static void release(const void *at)
{
	if (!at || at == ZERO_SIZE || services_release(at))
		return;
	if (mdu_knows(at))
		services_die("memory at %p is freed that both halves know", at);
	free((void *)at);
}

static void *resize(const void *old, size_t bytes)
{
	size_t before = 0;
	void *at;

	if (old && mdu_knows(old))
		services_die("memory at %p is resized that both halves know", old);
	if (old && old != ZERO_SIZE)
		before = malloc_usable_size((void *)old);
	if (!bytes) {
		release(old);
		return ZERO_SIZE;
	}
	at = own_memory(bytes);
	if (!at || !before)
		return at;
	memcpy(at, old, before < bytes ? before : bytes);
	release(old);
	return at;
}

#define FREES(name)                                                                                \
	void name(const void *at)                                                                  \
	{                                                                                          \
		release(at);                                                                       \
	}

FREES(kfree)
FREES(kfree_sensitive)
FREES(kfree_const)
FREES(kvfree)
FREES(vfree)
FREES(vfree_atomic)

void kvfree_sensitive(const void *at, size_t bytes)
{
	(void)bytes;
	release(at);
}

void *__kmalloc_noprof(size_t bytes, unsigned int flags)
{
	(void)flags;
	return allocate(bytes);
}

void *__kmalloc_large_noprof(size_t bytes, unsigned int flags)
{
	(void)flags;
	return allocate(bytes);
}

void *__kmalloc_large_node_noprof(size_t bytes, unsigned int flags, int node)
{
	(void)flags;
	(void)node;
	return allocate(bytes);
}

void *__kmalloc_cache_noprof(void *cache, unsigned int flags, size_t bytes)
{
	(void)cache;
	(void)flags;
	return allocate(bytes);
}

void *__kmalloc_cache_node_noprof(void *cache, unsigned int flags, int node, size_t bytes)
{
	(void)cache;
	(void)flags;
	(void)node;
	return allocate(bytes);
}

/* CONFIG_SLAB_BUCKETS: a set of caches of the caller's own */
void *__kmalloc_node_noprof(size_t bytes, void *buckets, unsigned int flags, int node)
{
	(void)buckets;
	(void)flags;
	(void)node;
	return allocate(bytes);
}

void *__kmalloc_node_track_caller_noprof(size_t bytes, void *buckets, unsigned int flags, int node,
					 unsigned long caller)
{
	(void)buckets;
	(void)flags;
	(void)node;
	(void)caller;
	return allocate(bytes);
}

void *__kvmalloc_node_noprof(size_t bytes, void *buckets, unsigned int flags, int node)
{
	(void)buckets;
	(void)flags;
	(void)node;
	return allocate(bytes);
}

void *krealloc_noprof(const void *old, size_t bytes, unsigned int flags)
{
	(void)flags;
	return resize(old, bytes);
}

void *kvrealloc_noprof(const void *old, size_t bytes, unsigned int flags)
{
	(void)flags;
	return resize(old, bytes);
}

size_t ksize(const void *at)
{
	return at && at != ZERO_SIZE ? malloc_usable_size((void *)at) : 0;
}

size_t kmalloc_size_roundup(size_t bytes)
{
	return bytes;
}

/* ---- in whole pages ---- */

static void *pages(size_t bytes)
{
	void *shared = bytes ? services_allocate(bytes, NULL) : NULL;

	if (shared || !bytes)
		return shared;
	return own_memory((bytes + PAGE_BYTES - 1) & -PAGE_BYTES);
}

void *vmalloc_noprof(unsigned long bytes)
{
	return pages(bytes);
}

void *vzalloc_noprof(unsigned long bytes)
{
	return pages(bytes);
}

void *vmalloc_node_noprof(unsigned long bytes, int node)
{
	(void)node;
	return pages(bytes);
}

void *vzalloc_node_noprof(unsigned long bytes, int node)
{
	(void)node;
	return pages(bytes);
}

void *__vmalloc_noprof(unsigned long bytes, unsigned int flags)
{
	(void)flags;
	return pages(bytes);
}

/* What lies in the kernel's vmalloc area cannot be mapped for DMA: a u-driver maps nothing. */
bool is_vmalloc_addr(const void *at)
{
	(void)at;
	return false;
}

static void *array(size_t count, size_t bytes)
{
	size_t all;

	return __builtin_mul_overflow(count, bytes, &all) ? NULL : pages(all);
}

void *vmalloc_array_noprof(size_t count, size_t bytes)
{
	return array(count, bytes);
}

void *vcalloc_noprof(size_t count, size_t bytes)
{
	return array(count, bytes);
}

void *__vmalloc_array_noprof(size_t count, size_t bytes, unsigned int flags)
{
	(void)flags;
	return array(count, bytes);
}

void *__vcalloc_noprof(size_t count, size_t bytes, unsigned int flags)
{
	(void)flags;
	return array(count, bytes);
}

/* ---- copies ---- */

void *kmemdup_noprof(const void *from, size_t bytes, unsigned int flags)
{
	void *at = allocate(bytes);

	(void)flags;
	return at && bytes ? memcpy(at, from, bytes) : at;
}

void *kvmemdup(const void *from, size_t bytes, unsigned int flags)
{
	return kmemdup_noprof(from, bytes, flags);
}

void *kmemdup_array(const void *from, size_t count, size_t bytes, unsigned int flags)
{
	size_t all;

	return __builtin_mul_overflow(count, bytes, &all) ? NULL : kmemdup_noprof(from, all, flags);
}

/* A copy of @bytes with a zero behind */
char *kmemdup_nul(const char *from, size_t bytes, unsigned int flags)
{
	char *at = from ? own_memory(bytes + 1) : NULL;

	(void)flags;
	return at ? memcpy(at, from, bytes) : NULL;
}

char *kstrdup(const char *from, unsigned int flags)
{
	return from ? kmemdup_nul(from, strlen(from), flags) : NULL;
}

const char *kstrdup_const(const char *from, unsigned int flags)
{
	return kstrdup(from, flags);
}

char *kstrndup(const char *from, size_t longest, unsigned int flags)
{
	return from ? kmemdup_nul(from, strnlen(from, longest), flags) : NULL;
}

char *kvasprintf(unsigned int flags, const char *format, va_list args)
{
	va_list again;
	int bytes;
	char *at;

	(void)flags;
	va_copy(again, args);
	bytes = k_vsnprintf(NULL, 0, format, again);
	va_end(again);
	at = own_memory(bytes + 1UL);
	if (at)
		k_vsnprintf(at, bytes + 1UL, format, args);
	return at;
}

char *kasprintf(unsigned int flags, const char *format, ...)
{
	va_list args;
	char *at;

	va_start(args, format);
	at = kvasprintf(flags, format, args);
	va_end(args);
	return at;
}

const char *kvasprintf_const(unsigned int flags, const char *format, va_list args)
{
	return kvasprintf(flags, format, args);
}

/* ---- memory that goes with a device ---- */

struct kept {
	struct kept *next;
	const void *device;
	void *at;
};

static struct kept *all_kept;

static void *keep(const void *device, void *at)
{
	struct kept *kept;

	if (!at || at == ZERO_SIZE)
		return at;
	kept = malloc(sizeof(*kept));
	if (!kept) {
		release(at);
		return NULL;
	}
	*kept = (struct kept){ .next = all_kept, .device = device, .at = at };
	all_kept = kept;
	return at;
}

/* Forget @at, or all of devices in @bytes from @device on. Return: whether there was something */
static bool let_go(const void *device, size_t bytes, const void *at)
{
	struct kept **link = &all_kept, *kept;
	bool found = false;

	while (*link) {
		kept = *link;
		if ((uintptr_t)kept->device - (uintptr_t)device >= bytes ||
		    (at && kept->at != at)) {
			link = &kept->next;
			continue;
		}
		*link = kept->next;
		if (!at)
			release(kept->at);
		free(kept);
		found = true;
	}
	return found;
}

void services_devm_release(const void *at, size_t bytes)
{
	let_go(at, bytes, NULL);
}

void *devm_kmalloc(const void *device, size_t bytes, unsigned int flags)
{
	void *shared = services_allocate(bytes, device);

	(void)flags;
	return shared ? shared : keep(device, own_memory(bytes));
}

void devm_kfree(const void *device, const void *at)
{
	if (!at || at == ZERO_SIZE)
		return;
	if (!mdu_knows(at) && !let_go(device, 1, at))
		services_die("memory at %p is freed that the device does not have", at);
	release(at);
}

void *devm_krealloc(const void *device, void *old, size_t bytes, unsigned int flags)
{
	(void)flags;
	if (old && old != ZERO_SIZE && !let_go(device, 1, old))
		services_die("memory at %p is resized that the device does not have", old);
	return keep(device, resize(old, bytes));
}

void *devm_kmemdup(const void *device, const void *from, size_t bytes, unsigned int flags)
{
	return keep(device, kmemdup_noprof(from, bytes, flags));
}

char *devm_kstrdup(const void *device, const char *from, unsigned int flags)
{
	return keep(device, kstrdup(from, flags));
}

char *devm_kvasprintf(const void *device, unsigned int flags, const char *format, va_list args)
{
	return keep(device, kvasprintf(flags, format, args));
}

char *devm_kasprintf(const void *device, unsigned int flags, const char *format, ...)
{
	va_list args;
	char *at;

	va_start(args, format);
	at = devm_kvasprintf(device, flags, format, args);
	va_end(args);
	return at;
}
