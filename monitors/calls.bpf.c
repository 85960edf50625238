// SPDX-License-Identifier: GPL-2.0
// Entry and return of the k-driver's functions.
#include <uapi/linux/ptrace.h>

struct event {
	u64 t_ns;
	u64 function;
	u64 latency_ns; /* 0: an entry */
};

struct call {
	u64 function;
	u64 thread;
};

BPF_RINGBUF_OUTPUT(events, 128);
BPF_ARRAY(lost, u64, 1);
BPF_HASH(open, struct call, u64);

int on_entry(struct pt_regs *ctx)
{
	struct event e = { .t_ns = bpf_ktime_get_ns(), .function = bpf_get_func_ip(ctx) };
	struct call call = { .function = e.function, .thread = bpf_get_current_pid_tgid() };

	open.update(&call, &e.t_ns);
	if (events.ringbuf_output(&e, sizeof(e), 0))
		lost.increment(0);
	return 0;
}

int on_return(struct pt_regs *ctx)
{
	struct event e = { .t_ns = bpf_ktime_get_ns(), .function = bpf_get_func_ip(ctx) };
	struct call call = { .function = e.function, .thread = bpf_get_current_pid_tgid() };
	u64 *start = open.lookup(&call);

	if (!start)
		return 0;
	e.latency_ns = e.t_ns - *start;
	open.delete(&call);
	if (events.ringbuf_output(&e, sizeof(e), 0))
		lost.increment(0);
	return 0;
}
