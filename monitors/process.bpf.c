// SPDX-License-Identifier: GPL-2.0
// Start, end and signals of processes by name. Parameters: COMM, the name as two eight-byte words, and
// EXIT_CODE, the offset of a task's member exit_code: <linux/sched.h> would take longer than all else.
#include <uapi/linux/ptrace.h>

enum process_fact { STARTED, EXITED, SIGNALLED };

struct process_event {
	u64 t_ns;
	u32 kind;
	u32 pid;
	s32 value; /* SIGNALLED: the signal; EXITED: the wait status */
	u32 pad;
};

struct process_comm {
	u64 word[2];
};

BPF_RINGBUF_OUTPUT(process_events, 128);
BPF_ARRAY(process_lost, u64, 1);

static inline bool is_udriver(struct process_comm *comm)
{
	return comm->word[0] == COMM_0 && comm->word[1] == COMM_1;
}

TRACEPOINT_PROBE(sched, sched_process_exec)
{
	struct process_event e = { .t_ns = bpf_ktime_get_ns(), .kind = STARTED, .pid = args->pid };
	struct process_comm comm = {};

	bpf_get_current_comm(&comm, sizeof(comm));
	if (!is_udriver(&comm))
		return 0;
	if (process_events.ringbuf_output(&e, sizeof(e), 0))
		process_lost.increment(0);
	return 0;
}

TRACEPOINT_PROBE(sched, sched_process_exit)
{
	struct process_event e = { .t_ns = bpf_ktime_get_ns(), .kind = EXITED };
	u64 id = bpf_get_current_pid_tgid();
	struct process_comm comm = {};

	bpf_get_current_comm(&comm, sizeof(comm));
	if (!is_udriver(&comm) || (u32)id != id >> 32)
		return 0;
	e.pid = id >> 32;
	bpf_probe_read_kernel(&e.value, sizeof(e.value), (void *)bpf_get_current_task() + EXIT_CODE);
	if (process_events.ringbuf_output(&e, sizeof(e), 0))
		process_lost.increment(0);
	return 0;
}

TRACEPOINT_PROBE(signal, signal_generate)
{
	struct process_event e = {
		.t_ns = bpf_ktime_get_ns(), .kind = SIGNALLED, .pid = args->pid, .value = args->sig
	};
	struct process_comm comm = {};

	bpf_probe_read_kernel(&comm, sizeof(comm), args->comm);
	if (!is_udriver(&comm))
		return 0;
	if (process_events.ringbuf_output(&e, sizeof(e), 0))
		process_lost.increment(0);
	return 0;
}
