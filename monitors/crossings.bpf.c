// SPDX-License-Identifier: GPL-2.0
// Messages between the halves of microdrivers, by the tracepoints of mdrv_trace.h.
#include <uapi/linux/ptrace.h>

#define CROSSINGS_NAME 24 /* bytes of a name that are kept */

struct crossings_event {
	u64 t_ns;
	u64 latency_ns; /* of an upcall that has ended; else 0 */
	u32 kind; /* enum mdrv_kind; 0: an upcall has ended */
	u32 seq;
	u32 bytes;
	s32 status;
	char instance[CROSSINGS_NAME];
	char call[CROSSINGS_NAME];
};

BPF_RINGBUF_OUTPUT(crossings_events, 128);
BPF_ARRAY(crossings_lost, u64, 1);

static inline void crossings_tell(struct crossings_event *e, const char *instance, const char *call)
{
	bpf_probe_read_kernel_str(e->instance, CROSSINGS_NAME, instance);
	bpf_probe_read_kernel_str(e->call, CROSSINGS_NAME, call);
	if (crossings_events.ringbuf_output(e, sizeof(*e), 0))
		crossings_lost.increment(0);
}

TRACEPOINT_PROBE(microdriver, mdrv_crossing)
{
	struct crossings_event e = {
		.t_ns = bpf_ktime_get_ns(),
		.kind = args->kind,
		.seq = args->seq,
		.bytes = args->bytes,
		.status = args->status,
	};

	crossings_tell(&e, args->driver, args->call);
	return 0;
}

TRACEPOINT_PROBE(microdriver, mdrv_upcall_end)
{
	struct crossings_event e = {
		.t_ns = bpf_ktime_get_ns(),
		.latency_ns = args->ns,
		.seq = args->seq,
		.status = args->status,
	};

	crossings_tell(&e, args->driver, args->call);
	return 0;
}
