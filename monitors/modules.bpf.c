// SPDX-License-Identifier: GPL-2.0
// Loading and unloading of kernel modules.
#include <uapi/linux/ptrace.h>

struct modules_event {
	u64 t_ns;
	u64 loaded;
	char name[32];
};

BPF_RINGBUF_OUTPUT(modules_events, 128);
BPF_ARRAY(modules_lost, u64, 1);

TRACEPOINT_PROBE(module, module_load)
{
	struct modules_event e = { .t_ns = bpf_ktime_get_ns(), .loaded = 1 };

	bpf_probe_read_kernel_str(e.name, sizeof(e.name),
				  (void *)args + (args->data_loc_name & 0xffff));
	if (modules_events.ringbuf_output(&e, sizeof(e), 0))
		modules_lost.increment(0);
	return 0;
}

TRACEPOINT_PROBE(module, module_free)
{
	struct modules_event e = { .t_ns = bpf_ktime_get_ns() };

	bpf_probe_read_kernel_str(e.name, sizeof(e.name),
				  (void *)args + (args->data_loc_name & 0xffff));
	if (modules_events.ringbuf_output(&e, sizeof(e), 0))
		modules_lost.increment(0);
	return 0;
}
