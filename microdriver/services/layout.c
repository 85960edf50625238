// SPDX-License-Identifier: GPL-2.0
/* The kernel's configuration and structs, unless the tool generates another table: Debian's 6.12 */
#include "services.h"

const struct mdu_layout __weak mdu_layout = {
	.hz = 250,
	.link_modes = 103,
	.resource_start = 0,
	.resource_end = 8,
	.resource_flags = 24,
};
