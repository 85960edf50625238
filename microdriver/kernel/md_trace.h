/* SPDX-License-Identifier: GPL-2.0 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM microdriver

#if !defined(MD_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define MD_TRACE_H

#include <linux/tracepoint.h>

#include "microdriver.h"

/* A message crosses, in whichever direction its kind says. */
TRACE_EVENT(md_crossing,
	    TP_PROTO(const char *driver, const char *call, const struct md_message *message),
	    TP_ARGS(driver, call, message),
	    TP_STRUCT__entry(__array(char, driver, MD_NAME) __array(char, call, MD_NAME)
				     __field(u32, kind) __field(u32, number) __field(u32, seq)
					     __field(u32, bytes) __field(s32, status)),
	    TP_fast_assign(strscpy(__entry->driver, driver, MD_NAME);
			   strscpy(__entry->call, call, MD_NAME); __entry->kind = message->kind;
			   __entry->number = message->call; __entry->seq = message->seq;
			   __entry->bytes = message->bytes; __entry->status = message->status;),
	    TP_printk("%s %s %s seq=%u bytes=%u status=%d", __entry->driver,
		      __print_symbolic(__entry->kind, { MD_UPCALL, "upcall" },
				       { MD_RETURN, "return" }, { MD_DOWNCALL, "downcall" },
				       { MD_RESULT, "result" }),
		      __entry->call, __entry->seq, __entry->bytes, __entry->status));

/* A call from the k-driver has come back, or will not. */
TRACE_EVENT(md_upcall_end,
	    TP_PROTO(const char *driver, const char *call, u32 seq, s32 status, u64 ns),
	    TP_ARGS(driver, call, seq, status, ns),
	    TP_STRUCT__entry(__array(char, driver, MD_NAME) __array(char, call, MD_NAME)
				     __field(u32, seq) __field(s32, status) __field(u64, ns)),
	    TP_fast_assign(strscpy(__entry->driver, driver, MD_NAME);
			   strscpy(__entry->call, call, MD_NAME); __entry->seq = seq;
			   __entry->status = status; __entry->ns = ns;),
	    TP_printk("%s %s seq=%u status=%d ns=%llu", __entry->driver, __entry->call,
		      __entry->seq, __entry->status, __entry->ns));

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE md_trace
#include <trace/define_trace.h>
