/* SPDX-License-Identifier: GPL-2.0 */
/* What is about to be measured, on its way from memory. One cgroup's state is
 * lines and pages away from the next one's, and to measure takes too many
 * instructions for the processor to see the next wait from within this one. So
 * the lines of some records are asked for together. What is loaded is not used:
 * it does no harm where there is nothing. */
#include "read.h"

#define touch(type, p, field) ((void)*(volatile typeof(((struct type *)0)->field) *)&cast(type, (void *)(p))->field)

/* each_from runs what follows for the next records that have a part. */
#define each_from(c, k, part, p)                                             \
	for (int k = 0; k < AT_ONCE; k++)                                    \
		if ((p = from_of(c, k, part)))

static __always_inline u64 from_of(struct walk_control *c, int k, __u32 part)
{
	__u32 i = c->count + k;
	void *r = bpf_map_lookup_elem(&records, &i);

	return r ? *(u64 *)(r + part) : 0;
}

static __always_inline void fetch(struct walk_control *c)
{
	u64 p;

	if (v2 || (at_tasks && c->counting)) /* node comes first in a record, from in a part */
		each_from(c, k, 0, p) {
			touch(cgroup, p, nr_populated_csets);
			if (v2)
				touch(cgroup, p, subsys[0]);
		}
	if (at_sched)
		each_from(c, k, at_sched, p) {
			touch(task_group, p, shares);
			touch(task_group, p, cfs_bandwidth.period);
			touch(task_group, p, cfs_bandwidth.throttled_time);
		}
	for (__u32 cpu = 0; at_cpuacct && cpu < cpus && cpu < AT_ONCE; cpu++) {
		__u32 i = cpu;
		u64 *here = bpf_map_lookup_elem(&cpu_offsets, &i);

		if (!here)
			break;
		each_from(c, k, at_cpuacct, p)
			touch(kernel_cpustat, p + *here, cpustat[0]); /* a single u64 */
		each_from(c, k, at_cpuacct + __builtin_offsetof(struct cpuacct_times, from_stat), p) {
			touch(kernel_cpustat, p + *here, cpustat[CPUTIME_USER]);
			touch(kernel_cpustat, p + *here, cpustat[CPUTIME_IRQ]);
		}
	}
	if (at_memory)
		each_from(c, k, at_memory, p) {
			touch(mem_cgroup, p, memory.usage.counter);
			touch(mem_cgroup, p, memory.watermark);
			touch(mem_cgroup, p, memory.max);
			touch(mem_cgroup, p, swap.usage.counter);
			touch(mem_cgroup, p, swap.watermark);
			touch(mem_cgroup, p, swap.max);
			touch(mem_cgroup, p, memory_events[0].counter);
		}
	if (at_memory_v1)
		each_from(c, k, at_memory, p) {
			if (bpf_core_field_exists(struct mem_cgroup, kmem))
				touch(mem_cgroup, p, kmem.usage.counter);
			if (bpf_core_field_exists(struct mem_cgroup, tcpmem))
				touch(mem_cgroup, p, tcpmem.usage.counter);
			if (bpf_core_field_exists(struct mem_cgroup, soft_limit))
				touch(mem_cgroup, p, soft_limit);
		}
	for (__u32 j = 0; at_stat && j < stat_bytes; j += 128) /* lines come in pairs */
		each_from(c, k, at_memory + __builtin_offsetof(struct memory, from_stat), p)
			touch(memcg_vmstats, p + j, state[0]);
	if (at_pids)
		each_from(c, k, at_pids, p) {
			touch(pids_cgroup, p, counter.counter);
			if (bpf_core_field_exists(struct pids_cgroup, events_local))
				touch(pids_cgroup, p, events_local[1].counter);
		}
	if (at_hugetlb)
		each_from(c, k, at_hugetlb, p) {
			touch(cgroup_subsys_state, p, flags);
			touch(hugetlb_cgroup, p, events[0].counter);
		}
	for (int j = 0; at_hugetlb && j < MAX_HUGETLB && j < hugetlb_sizes; j++)
		each_from(c, k, at_hugetlb, p) {
			p += j * bpf_core_type_size(struct page_counter);
			touch(hugetlb_cgroup, p, hugepage[0].usage.counter);
			touch(hugetlb_cgroup, p, hugepage[0].max);
			touch(hugetlb_cgroup, p, rsvd_hugepage[0].usage.counter);
			touch(hugetlb_cgroup, p, rsvd_hugepage[0].max);
		}
	if (at_psi)
		each_from(c, k, at_psi, p) {
			touch(psi_group, p, enabled);
			touch(psi_group, p, total[0]);
			touch(psi_group, p, total[6]);
		}
	if (at_freezer)
		each_from(c, k, at_freezer, p)
			touch(freezer, p, state);
	if (at_blkg)
		each_from(c, k, at_blkg, p)
			touch(blkcg, p, blkg_list.first);
}
