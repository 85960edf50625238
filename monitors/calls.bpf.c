// SPDX-License-Identifier: GPL-2.0
// Entry and return of the k-driver's functions.
#include <uapi/linux/ptrace.h>

struct calls_event {
	u64 t_ns;
	u64 function;
	u64 latency_ns; /* 0: an entry */
};

struct open_call {
	u64 function;
	u64 thread;
};

BPF_RINGBUF_OUTPUT(calls_events, 128);
BPF_ARRAY(calls_lost, u64, 1);
BPF_HASH(calls_open, struct open_call, u64);

int calls_entry(struct pt_regs *ctx)
{
	struct calls_event e = { .t_ns = bpf_ktime_get_ns(), .function = bpf_get_func_ip(ctx) };
	struct open_call call = { .function = e.function, .thread = bpf_get_current_pid_tgid() };

	calls_open.update(&call, &e.t_ns);
	if (calls_events.ringbuf_output(&e, sizeof(e), 0))
		calls_lost.increment(0);
	return 0;
}

int calls_return(struct pt_regs *ctx)
{
	struct calls_event e = { .t_ns = bpf_ktime_get_ns(), .function = bpf_get_func_ip(ctx) };
	struct open_call call = { .function = e.function, .thread = bpf_get_current_pid_tgid() };
	u64 *start = calls_open.lookup(&call);

	if (!start)
		return 0;
	e.latency_ns = e.t_ns - *start;
	calls_open.delete(&call);
	if (calls_events.ringbuf_output(&e, sizeof(e), 0))
		calls_lost.increment(0);
	return 0;
}
