// SPDX-License-Identifier: GPL-2.0
// Opens of miscellaneous character devices.
#include <uapi/linux/ptrace.h>

struct event {
	u64 t_ns;
	u64 pid;
};

BPF_RINGBUF_OUTPUT(events, 128);
BPF_ARRAY(lost, u64, 1);

int on_open(struct pt_regs *ctx)
{
	struct event e = { .t_ns = bpf_ktime_get_ns(), .pid = bpf_get_current_pid_tgid() >> 32 };

	if (events.ringbuf_output(&e, sizeof(e), 0))
		lost.increment(0);
	return 0;
}
