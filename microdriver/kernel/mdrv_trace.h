/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM microdriver

#if !defined(MDRV_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MDRV_TRACE_H

#include <linux/tracepoint.h>

#include "microdriver.h"

/* A message crosses, in whichever direction its kind says. */
TRACE_EVENT(mdrv_crossing,
	    TP_PROTO(const char *driver, const char *call, const struct mdrv_message *message),
	    TP_ARGS(driver, call, message),
	    TP_STRUCT__entry(__array(char, driver, MDRV_NAME) __array(char, call, MDRV_NAME)
				     __field(u32, kind) __field(u32, number) __field(u32, seq)
					     __field(u32, bytes) __field(s32, status)),
	    TP_fast_assign(strscpy(__entry->driver, driver, MDRV_NAME);
			   strscpy(__entry->call, call, MDRV_NAME); __entry->kind = message->kind;
			   __entry->number = message->call; __entry->seq = message->seq;
			   __entry->bytes = message->bytes; __entry->status = message->status;),
	    TP_printk("%s %s %s seq=%u bytes=%u status=%d", __entry->driver,
		      __print_symbolic(__entry->kind, { MDRV_UPCALL, "upcall" },
				       { MDRV_RETURN, "return" }, { MDRV_DOWNCALL, "downcall" },
				       { MDRV_RESULT, "result" }),
		      __entry->call, __entry->seq, __entry->bytes, __entry->status));

/* A call from the k-driver has come back, or will not. */
TRACE_EVENT(mdrv_upcall_end,
	    TP_PROTO(const char *driver, const char *call, u32 seq, s32 status, u64 ns),
	    TP_ARGS(driver, call, seq, status, ns),
	    TP_STRUCT__entry(__array(char, driver, MDRV_NAME) __array(char, call, MDRV_NAME)
				     __field(u32, seq) __field(s32, status) __field(u64, ns)),
	    TP_fast_assign(strscpy(__entry->driver, driver, MDRV_NAME);
			   strscpy(__entry->call, call, MDRV_NAME); __entry->seq = seq;
			   __entry->status = status; __entry->ns = ns;),
	    TP_printk("%s %s seq=%u status=%d ns=%llu", __entry->driver, __entry->call,
		      __entry->seq, __entry->status, __entry->ns));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE mdrv_trace
#include <trace/define_trace.h>
