/* SPDX-License-Identifier: GPL-2.0 */
/*
 * For the driver's files in the process, behind their own headers, which are the
 * kernel's: no module is made of them, and what only the kernel can do is asked
 * of it.
 */
#ifndef SLICED_SOURCE_H
#define SLICED_SOURCE_H

#undef module_init
#undef module_exit
#undef EXPORT_SYMBOL
#undef EXPORT_SYMBOL_GPL
#undef EXPORT_SYMBOL_NS
#undef EXPORT_SYMBOL_NS_GPL
#undef module_param_named
#undef module_param
#undef module_param_cb
#undef module_param_array_named
#undef module_param_array
#undef module_param_string
#undef module_param_hw
#undef module_param_hw_named
#undef module_param_hw_array
#undef MODULE_INFO
#undef MODULE_PARM_DESC
#undef MODULE_DEVICE_TABLE
#undef MODULE_LICENSE
#undef MODULE_AUTHOR
#undef MODULE_DESCRIPTION
#undef MODULE_VERSION
#undef MODULE_ALIAS
#undef MODULE_FIRMWARE
#undef MODULE_SOFTDEP
#undef MODULE_IMPORT_NS
#define module_init(function)
#define module_exit(function)
#define EXPORT_SYMBOL(name)
#define EXPORT_SYMBOL_GPL(name)
#define EXPORT_SYMBOL_NS(name, space)
#define EXPORT_SYMBOL_NS_GPL(name, space)
#define module_param_named(...)
#define module_param(...)
#define module_param_cb(...)
#define module_param_array_named(...)
#define module_param_array(...)
#define module_param_string(...)
#define module_param_hw(...)
#define module_param_hw_named(...)
#define module_param_hw_array(...)
#define MODULE_INFO(...)
#define MODULE_PARM_DESC(...)
#define MODULE_DEVICE_TABLE(...)
#define MODULE_LICENSE(...)
#define MODULE_AUTHOR(...)
#define MODULE_DESCRIPTION(...)
#define MODULE_VERSION(...)
#define MODULE_ALIAS(...)
#define MODULE_FIRMWARE(...)
#define MODULE_SOFTDEP(...)
#define MODULE_IMPORT_NS(...)
#undef __init
#undef __exit
#undef __initdata
#undef __initconst
#undef __exitdata
#define __init
#define __exit
#define __initdata
#define __initconst
#define __exitdata

/* A process has no timer interrupt that counts them (microdriver/services/time.c). */
unsigned long services_jiffies(void);
#define jiffies services_jiffies()

#define SLICED_ARG(value) ((u64)(unsigned long)(value))

u64 sliced_down(u32 number, const u64 *args);

#include "sliced_calls.h"
#include "sliced_inlines.h"

#endif
