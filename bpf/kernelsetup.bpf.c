//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 */
/* Programs that run once, or once before each walk: where the kernel keeps its
 * per-CPU memory and its tables, and the flush of lazy counters. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>

char LICENSE[] SEC("license") = "GPL";

/* __per_cpu_offset[] has no address in kallsyms without CONFIG_KALLSYMS_ALL.
 * But a per-CPU array's pptrs[0] is a per-CPU pointer, and a look-up of its
 * element on a CPU gives what that pointer means there. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, u64);
} per_cpu SEC(".maps");

struct per_cpu_args {
	__u32 cpu, pad;
	u64 pointer, address; /* out */
};

SEC("syscall")
int per_cpu_address(struct per_cpu_args *args)
{
	__u32 zero = 0;
	u64 pointer;
	void *element = bpf_map_lookup_percpu_elem(&per_cpu, &zero, args->cpu), *array;

	if (!element)
		return 1;
	args->address = (u64)element;
	*(volatile u64 *)&args->pointer = (u64)&per_cpu; /* and back: no longer a map, a number */
	array = (void *)*(volatile u64 *)&args->pointer;
	if (bpf_probe_read_kernel(&pointer, 8, array + bpf_core_field_offset(struct bpf_array, pptrs)))
		return 1;
	args->pointer = pointer;
	return 0;
}

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[4096]);
} page SEC(".maps");

struct peek_args {
	u64 address;
};

/* peek copies a page of kernel memory to the array page; 1 if none is there. */
SEC("syscall")
int peek(struct peek_args *args)
{
	__u32 zero = 0;
	void *to = bpf_map_lookup_elem(&page, &zero);

	return !to || bpf_probe_read_kernel(to, 4096, (void *)args->address);
}

/* init_task finds the address of the kernel's first task, which stands at the
 * beginning of the kernel's data. */
SEC("syscall")
int init_task(struct peek_args *args)
{
	struct task_struct *t = (void *)bpf_get_current_task();

	for (int i = 0; i < 64; i++) {
		if (BPF_CORE_READ(t, pid) == 0) {
			args->address = (u64)t;
			return 0;
		}
		t = BPF_CORE_READ(t, group_leader, real_parent);
	}
	return 1;
}

/* Flushing: the kernel folds per-CPU counters of cgroups on demand. The root of
 * the hierarchy is found from our own task, so cgroup_mutex is not needed. */
extern void cgroup_rstat_flush(struct cgroup *cgrp) __ksym __weak;           /* 6.1 to 6.15 */
extern void css_rstat_flush(struct cgroup_subsys_state *css) __ksym __weak; /* from 6.16 */
extern void bpf_rcu_read_lock(void) __ksym __weak;
extern void bpf_rcu_read_unlock(void) __ksym __weak;

const volatile __u32 flush_unified, flush_memory, flush_io;

#define subsystem(t, id) (t)->cgroups->subsys[bpf_core_enum_value(enum cgroup_subsys_id, id)]

/* One flush of a hierarchy folds everything in it. */
SEC("iter.s/task")
int flush_cgroups(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct cgroup_subsys_state *css;

	if (!t)
		return 0;
	if (flush_unified)
		cgroup_rstat_flush(&t->cgroups->dfl_cgrp->root->cgrp);
	if (flush_memory) {
		css = subsystem(t, memory_cgrp_id);
		if (css)
			cgroup_rstat_flush(&css->cgroup->root->cgrp);
	}
	return 0;
}

/* As above, where the verifier wants pointers read under RCU. */
SEC("iter.s/task")
int flush_cgroups_rcu(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct cgroup_subsys_state *css;
	struct cgroup_root *root = 0, *memory = 0;

	if (!t)
		return 0;
	bpf_rcu_read_lock();
	if (flush_unified)
		root = t->cgroups->dfl_cgrp->root;
	if (flush_memory) {
		css = subsystem(t, memory_cgrp_id);
		if (css)
			memory = css->cgroup->root;
	}
	bpf_rcu_read_unlock();
	if (root)
		cgroup_rstat_flush(&root->cgrp);
	if (memory)
		cgroup_rstat_flush(&memory->cgrp);
	return 0;
}

/* From 6.16 the memory and io controllers have trees of their own. */
SEC("iter.s/task")
int flush_subsystems(struct bpf_iter__task *ctx)
{
	struct task_struct *t = ctx->task;
	struct cgroup_subsys_state *css, *memory = 0, *io = 0;
	struct cgroup_root *root = 0;

	if (!t)
		return 0;
	bpf_rcu_read_lock();
	if (flush_unified)
		root = t->cgroups->dfl_cgrp->root;
	if (flush_memory) {
		css = subsystem(t, memory_cgrp_id);
		if (css)
			memory = css->cgroup->root->cgrp.subsys[bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id)];
	}
	if (flush_io) {
		css = subsystem(t, io_cgrp_id);
		if (css)
			io = css->cgroup->root->cgrp.subsys[bpf_core_enum_value(enum cgroup_subsys_id, io_cgrp_id)];
	}
	bpf_rcu_read_unlock();
	if (root)
		css_rstat_flush(&root->cgrp.self);
	if (memory)
		css_rstat_flush(memory);
	if (io)
		css_rstat_flush(io);
	return 0;
}
