// SPDX-License-Identifier: GPL-2.0
// Opens of miscellaneous character devices.
#include <uapi/linux/ptrace.h>

struct opens_event {
	u64 t_ns;
	u64 pid;
};

BPF_RINGBUF_OUTPUT(opens_events, 128);
BPF_ARRAY(opens_lost, u64, 1);

int opens_on_open(struct pt_regs *ctx)
{
	struct opens_event e = { .t_ns = bpf_ktime_get_ns(), .pid = bpf_get_current_pid_tgid() >> 32 };

	if (opens_events.ringbuf_output(&e, sizeof(e), 0))
		opens_lost.increment(0);
	return 0;
}
