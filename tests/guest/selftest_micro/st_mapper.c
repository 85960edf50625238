// SPDX-License-Identifier: GPL-2.0
/*
 * A u-driver that clings to the registers: it answers no call. Its exit code is
 * 0 if it reads them although it was expelled, or an error; reading what is not
 * mapped ends it with SIGBUS.
 *
 *	st_mapper keep	maps the registers before it is expelled
 *	st_mapper race	is expelled within mmap()
 *	st_mapper hang	maps nothing, and keeps its file open
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "st_contract.h"

#define NODE "/dev/microdriver/st0"
#define PAGE 4096

static int device;
static struct {
	struct mdrv_message message;
	__u8 payload[MDRV_PAYLOAD];
} said;

static int attach(void)
{
	struct mdrv_attach ask = { .digest = mdrv_digest(&st_contract) };

	device = open(NODE, O_RDWR);
	return device < 0 || ioctl(device, MDRV_IOC_ATTACH, &ask) ? -errno : 0;
}

static volatile __u32 *map(void)
{
	void *at = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, device, 0);

	return at == MAP_FAILED ? NULL : at;
}

/* Ask for mmap() to last until we are expelled. */
static int widen(void)
{
	said.message.kind = MDRV_DOWNCALL;
	said.message.call = ST_D_WIDEN;
	said.message.args[0] = device;
	return ioctl(device, MDRV_IOC_EXCHANGE, &said.message) ? -errno : said.message.status;
}

static void await_expulsion(void)
{
	do
		said.message.kind = MDRV_NOTHING;
	while (!ioctl(device, MDRV_IOC_EXCHANGE, &said.message) || errno == EINTR);
}

static int keep(void)
{
	volatile __u32 *registers = map();

	if (!registers || *registers != ST_REGISTER)
		return errno;
	await_expulsion();
	return *registers == ST_REGISTER ? 0 : EIO;
}

static int race(void)
{
	volatile __u32 *registers;
	int err = widen();

	if (err)
		return -err;
	registers = map();
	if (!registers)
		return errno;
	return *registers == ST_REGISTER ? 0 : EIO;
}

int main(int count, char **words)
{
	int err = attach();

	if (err || count != 2)
		return err ? -err : EINVAL;
	if (!strcmp(words[1], "keep"))
		return keep();
	if (!strcmp(words[1], "race"))
		return race();
	return pause();
}
