//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 */
/* sender notes, for every UDP packet to a watched port, the cgroup of the task
 * that sends it: the receiver finds it by the packet's source. It runs in the
 * sender's context, before the packet is queued anywhere. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "flow.h"

char LICENSE[] SEC("license") = "GPL";

enum { IPPROTO_UDP = 17 };

/* include/uapi/linux/bpf.h: the first fields, whose places are fixed. */
struct __sk_buff {
	__u32 len, pkt_type, mark, queue_mapping, protocol;
};

/* Hierarchies, as in sender.go, and a bit for each that is cgroup v1's. */
enum { UNIFIED, MEMORY, CPU, PIDS };
const volatile __u32 legacy;

static __always_inline u64 id_of(struct cgroup *cgrp, int hierarchy)
{
	u64 id;

	if (!cgrp || !BPF_CORE_READ(cgrp, level))
		return 0; /* the root says nothing */
	id = BPF_CORE_READ(cgrp, kn, id);
	if (id >> 48)
		return 0;
	return (u64)hierarchy << 48 | id;
}

/* cgroup_at is the set's cgroup of a controller. */
static __always_inline struct cgroup *cgroup_at(struct css_set *set, __u32 subsys)
{
	struct cgroup_subsys_state *css = 0;

	bpf_probe_read_kernel(&css, sizeof(css), (void *)set + bpf_core_field_offset(struct css_set, subsys) + subsys * sizeof(css));
	return BPF_CORE_READ(css, cgroup);
}

/* cgroup_of asks the hierarchies of cgroup v1 first, where there are any: runtimes
 * put containers there, and leave them in their own service's cgroup, or in the
 * root, of an additional v2 hierarchy. */
static __always_inline u64 cgroup_of(struct task_struct *task)
{
	struct css_set *set = BPF_CORE_READ(task, cgroups);
	u64 id = 0;

#define TRY(name, hierarchy)                                                                       \
	if (!id && legacy & 1 << hierarchy && bpf_core_enum_value_exists(enum cgroup_subsys_id, name)) \
		id = id_of(cgroup_at(set, bpf_core_enum_value(enum cgroup_subsys_id, name)), hierarchy);
	TRY(memory_cgrp_id, MEMORY)
	TRY(cpu_cgrp_id, CPU)
	TRY(pids_cgrp_id, PIDS)
#undef TRY
	return id ? id : id_of(BPF_CORE_READ(set, dfl_cgrp), UNIFIED);
}

SEC("cgroup_skb/egress")
int sender(struct __sk_buff *skb)
{
	u64 src[2] = {}, hash, *slot, id;
	__u16 ports[2];
	__u32 word, offset, port;
	__u8 head[20], next;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, 0, head, 20) || head[9] != IPPROTO_UDP)
			return 1;
		offset = (head[0] & 15) * 4;
		src[1] = mapped(*(__u32 *)&head[12]);
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if (bpf_skb_load_bytes(skb, 6, &next, 1) || next != IPPROTO_UDP)
			return 1; /* extension headers: such a sender stays unknown */
		if (bpf_skb_load_bytes(skb, 8, src, 16))
			return 1;
		offset = 40;
	} else {
		return 1;
	}
	if (bpf_skb_load_bytes(skb, offset, ports, 4))
		return 1;
	port = bpf_ntohs(ports[1]);
	if (!is_watched(port))
		return 1;
	hash = flow(src, bpf_ntohs(ports[0]), port);
	word = hash % SLOTS;
	slot = bpf_map_lookup_elem(&senders, &word);
	if (!slot)
		return 1;
	id = cgroup_of((struct task_struct *)bpf_get_current_task());
	*(volatile u64 *)slot = id ? hash >> TAG << TAG | id : 0;
	return 1;
}
