// SPDX-License-Identifier: GPL-2.0
// Requests of one device. Parameters: DEV, a block device's kernel number, or IFACE, a network
// interface's name as eight zero-padded bytes.
#include <uapi/linux/ptrace.h>
#ifndef DEV
#include <net/dropreason-core.h>
#endif

enum requests_fact { ISSUED, COMPLETED, RECEIVED };

struct requests_event {
	u64 t_ns;
	u64 id; /* block: first sector; net: the packet buffer's address */
	u64 latency_ns;
	u32 bytes;
	s32 error;
	u32 kind;
	u32 op; /* block: first letter of rwbs */
};

BPF_RINGBUF_OUTPUT(requests_events, 128);
BPF_ARRAY(requests_lost, u64, 1);
BPF_ARRAY(requests_failed, u64, 1);
BPF_HASH(requests_issued, u64, u64);

#ifdef DEV

TRACEPOINT_PROBE(block, block_rq_issue)
{
	struct requests_event e = { .t_ns = bpf_ktime_get_ns(), .id = args->sector, .kind = ISSUED };

	if (args->dev != DEV)
		return 0;
	e.bytes = args->bytes;
	e.op = args->rwbs[0];
	requests_issued.update(&e.id, &e.t_ns);
	if (requests_events.ringbuf_output(&e, sizeof(e), 0))
		requests_lost.increment(0);
	return 0;
}

TRACEPOINT_PROBE(block, block_rq_complete)
{
	struct requests_event e = { .t_ns = bpf_ktime_get_ns(), .id = args->sector, .kind = COMPLETED };
	u64 *start;

	if (args->dev != DEV)
		return 0;
	e.bytes = args->nr_sector << 9;
	e.op = args->rwbs[0];
	e.error = args->error;
	start = requests_issued.lookup(&e.id);
	if (start)
		e.latency_ns = e.t_ns - *start;
	requests_issued.delete(&e.id);
	if (e.error)
		requests_failed.increment(0);
	if (requests_events.ringbuf_output(&e, sizeof(e), 0))
		requests_lost.increment(0);
	return 0;
}

#else

static inline bool is_our_interface(void *args, u32 location)
{
	u64 name = 0;

	bpf_probe_read_kernel_str(&name, sizeof(name), args + (location & 0xffff));
	return name == IFACE;
}

TRACEPOINT_PROBE(net, net_dev_start_xmit)
{
	struct requests_event e = { .t_ns = bpf_ktime_get_ns(), .kind = ISSUED };

	if (!is_our_interface(args, args->data_loc_name))
		return 0;
	e.id = (u64)args->skbaddr;
	e.bytes = args->len;
	requests_issued.update(&e.id, &e.t_ns);
	if (requests_events.ringbuf_output(&e, sizeof(e), 0))
		requests_lost.increment(0);
	return 0;
}

TRACEPOINT_PROBE(skb, consume_skb)
{
	struct requests_event e = { .t_ns = bpf_ktime_get_ns(),
			   .id = (u64)args->skbaddr,
			   .kind = COMPLETED };
	u64 *start = requests_issued.lookup(&e.id);

	if (!start)
		return 0;
	e.latency_ns = e.t_ns - *start;
	requests_issued.delete(&e.id);
	if (requests_events.ringbuf_output(&e, sizeof(e), 0))
		requests_lost.increment(0);
	return 0;
}

TRACEPOINT_PROBE(skb, kfree_skb)
{
	struct requests_event e = { .t_ns = bpf_ktime_get_ns(),
			   .id = (u64)args->skbaddr,
			   .kind = COMPLETED };
	u64 *start = requests_issued.lookup(&e.id);

	if (!start)
		return 0;
	e.latency_ns = e.t_ns - *start;
	e.error = 1;
	requests_issued.delete(&e.id);
	if (requests_events.ringbuf_output(&e, sizeof(e), 0))
		requests_lost.increment(0);
	return 0;
}

TRACEPOINT_PROBE(net, netif_receive_skb)
{
	struct requests_event e = { .t_ns = bpf_ktime_get_ns(), .kind = RECEIVED };

	if (!is_our_interface(args, args->data_loc_name))
		return 0;
	e.id = (u64)args->skbaddr;
	e.bytes = args->len;
	if (requests_events.ringbuf_output(&e, sizeof(e), 0))
		requests_lost.increment(0);
	return 0;
}

#endif
