/* SPDX-License-Identifier: GPL-2.0 */
/* CPU time, weight and throttling. */
#include "read.h"

static __always_inline void base(struct base *to, struct cgroup *cg)
{
	to->usage = cg->bstat.cputime.sum_exec_runtime;
	to->user = cg->bstat.cputime.utime;
	to->system = cg->bstat.cputime.stime;
	to->prev_user = cg->prev_cputime.utime;
	to->prev_system = cg->prev_cputime.stime;
}

static __always_inline void sched(struct sched *to, char *raw, const void *group)
{
	__u32 n = bpf_core_type_size(struct cfs_bandwidth);

	to->shares = get(task_group, group, shares);
	to->idle = get(task_group, group, idle);
	group += offset(task_group, cfs_bandwidth);
	if (direct) {
		struct cfs_bandwidth *b = cast(cfs_bandwidth, group);

		to->period = b->period;
		to->quota = b->quota;
		to->throttled = b->throttled_time;
		to->burst = b->burst_time;
		to->periods = b->nr_periods;
		to->throttled_periods = b->nr_throttled;
		to->bursts = b->nr_burst;
		return;
	}
	if (n > MAX_RAW || bpf_probe_read_kernel(raw, n, group))
		return;
	to->period = *(s64 *)(raw + offset(cfs_bandwidth, period));
	to->quota = *(u64 *)(raw + offset(cfs_bandwidth, quota));
	to->throttled = *(u64 *)(raw + offset(cfs_bandwidth, throttled_time));
	to->burst = *(u64 *)(raw + offset(cfs_bandwidth, burst_time));
	to->periods = *(int *)(raw + offset(cfs_bandwidth, nr_periods));
	to->throttled_periods = *(int *)(raw + offset(cfs_bandwidth, nr_throttled));
	to->bursts = *(int *)(raw + offset(cfs_bandwidth, nr_burst));
}

struct cpuacct_sum {
	const void *usage, *stat;
	u64 used, user, system;
};

/* Some CPUs. */
static long cpuacct_cpus(__u32 n, struct cpuacct_sum *sum)
{
	for (__u32 k = 0; k < AT_ONCE; k++) {
		__u32 cpu = n * AT_ONCE + k;
		const void *stat;
		u64 *per_cpu;

		if (cpu >= cpus)
			return 1;
		per_cpu = bpf_map_lookup_elem(&cpu_offsets, &cpu);
		if (!per_cpu)
			return 1;
		stat = sum->stat + *per_cpu;
		sum->used += get(kernel_cpustat, sum->usage + *per_cpu, cpustat[0]); /* a single u64 */
		sum->user += get(kernel_cpustat, stat, cpustat[CPUTIME_USER]) + get(kernel_cpustat, stat, cpustat[CPUTIME_NICE]);
		sum->system += get(kernel_cpustat, stat, cpustat[CPUTIME_SYSTEM]) +
			       get(kernel_cpustat, stat, cpustat[CPUTIME_SOFTIRQ]) +
			       get(kernel_cpustat, stat, cpustat[CPUTIME_IRQ]);
	}
	return 0;
}

static __always_inline void cpuacct(struct cpuacct_times *to)
{
	struct cpuacct_sum sum = {.usage = (void *)to->from, .stat = (void *)to->from_stat};

	bpf_loop((cpus + AT_ONCE - 1) / AT_ONCE, cpuacct_cpus, &sum, 0);
	to->usage = sum.used;
	to->user = sum.user;
	to->system = sum.system;
}
