/* SPDX-License-Identifier: GPL-2.0 */
/* The parts of a record: where they are read from, and reading them. To find
 * them costs the kernel's struct cgroup, so a record keeps what was found. */
#include "read.h"

/* controller is a cgroup's own state of a controller whose files it shows. */
#define controller(cg, id) visible((cg)->subsys[bpf_core_enum_value(enum cgroup_subsys_id, id)])

static __always_inline u64 visible(struct cgroup_subsys_state *css)
{
	return css && (css->flags & CSS_VISIBLE) ? (u64)css : 0;
}

/* find_controllers is for v1 done once a cgroup: it has its controllers as long
 * as it lives. On v2 they come and go. */
static __always_inline void find_controllers(void *r, struct cgroup *cg)
{
	if (at_sched)
		((struct sched *)(r + at_sched))->from = controller(cg, cpu_cgrp_id);
	if (at_cpuacct) {
		struct cpuacct_times *to = r + at_cpuacct;
		u64 css = controller(cg, cpuacct_cgrp_id);

		to->from = to->from_stat = 0;
		if (css) { /* not with get: the verifier would take them for pointers that can be followed */
			bpf_probe_read_kernel(&to->from, 8, (void *)css + offset(cpuacct, cpuusage));
			bpf_probe_read_kernel(&to->from_stat, 8, (void *)css + offset(cpuacct, cpustat));
		}
	}
	if (at_memory) {
		struct memory *to = r + at_memory;

		to->from = controller(cg, memory_cgrp_id);
		if (at_stat && to->from)
			bpf_probe_read_kernel(&to->from_stat, 8, (void *)to->from + offset(mem_cgroup, vmstats));
	}
	if (at_pids)
		((struct pids *)(r + at_pids))->from = controller(cg, pids_cgrp_id);
	if (at_hugetlb)
		((struct hugetlb *)(r + at_hugetlb))->from = controller(cg, hugetlb_cgrp_id);
	if (at_freezer)
		((struct freezer_from *)(r + at_freezer))->from = controller(cg, freezer_cgrp_id);
	if (at_blkg)
		((struct blkg_from *)(r + at_blkg))->from = controller(cg, io_cgrp_id);
}

static __always_inline void find(void *r, struct cgroup *cg)
{
	((struct record *)r)->node = (u64)cg;
	find_controllers(r, cg);
	if (at_psi)
		((struct psi *)(r + at_psi))->from = (u64)cg->psi;
}

/* measure reads what a record is for. */
static __always_inline void measure(struct walk_control *c, __u32 i, void *r, struct cgroup *cg, char *raw)
{
	u64 from, parts = 0;

	if (at_base)
		base(r + at_base, cg);
	if (at_sched && (from = ((struct sched *)(r + at_sched))->from)) {
		sched(r + at_sched, raw, (void *)from);
		parts |= HAS_SCHED;
	}
	if (at_cpuacct && (from = ((struct cpuacct_times *)(r + at_cpuacct))->from)) {
		cpuacct(r + at_cpuacct);
		parts |= HAS_CPUACCT;
	}
	if (at_memory && (from = ((struct memory *)(r + at_memory))->from)) {
		memory(r + at_memory, raw, (void *)from);
		if (at_memory_v1)
			memory_v1(r + at_memory_v1, (void *)from);
		if (at_stat)
			stat(r + at_stat, (void *)((struct memory *)(r + at_memory))->from_stat);
		parts |= HAS_MEMORY;
	}
	if (at_pids && (from = ((struct pids *)(r + at_pids))->from)) {
		pids(r + at_pids, (void *)from);
		parts |= HAS_PIDS;
	}
	if (at_hugetlb && (from = ((struct hugetlb *)(r + at_hugetlb))->from)) {
		hugetlb(r + at_hugetlb, (void *)from);
		parts |= HAS_HUGETLB;
	}
	if (at_psi && (from = ((struct psi *)(r + at_psi))->from))
		parts |= psi(r + at_psi, (void *)from);
	if (at_tasks && (v2 || c->counting))
		tasks(r + at_tasks, cg, c->counting);
	if (at_freezer && (from = ((struct freezer_from *)(r + at_freezer))->from))
		parts |= freezer((void *)from);
	if (at_blkg && (from = ((struct blkg_from *)(r + at_blkg))->from) && did_io((void *)from))
		parts |= HAS_BLKG;
	if (with_io && (from = controller(cg, io_cgrp_id))) {
		devices(c, i, (void *)from);
		parts |= HAS_IO;
	}
	((struct record *)r)->parts = parts;
}
