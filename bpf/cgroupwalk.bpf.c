//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 */
/* One run visits the cgroups of one hierarchy in pre-order and writes a record
 * of each into a mapped array, which the collector reads in place.
 *
 * The iterator holds cgroup_mutex while a read lasts. So a run ends itself when
 * its time is up and leaves its place in control.path; the next run goes on
 * from there. Siblings stand in order of their serial numbers, so the place is
 * good even if the cgroup it names is gone. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "cgroupwalk.h"

char LICENSE[] SEC("license") = "GPL";

/* Where the parts of a record begin, 0 for a part that this hierarchy has not.
 * Known when the program is loaded, so the verifier drops the unused ones. */
const volatile __u32 at_base, at_sched, at_cpuacct, at_memory, at_memory_v1, at_pids, at_psi,
	at_tasks, at_hugetlb, at_stat;
const volatile __u32 with_io;
const volatile __u32 stat_bytes; /* state[] and events[] of struct memcg_vmstats */
const volatile __u32 hugetlb_sizes;
const volatile __u32 v2, pids_local;
const volatile __u32 cpus;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk_control);
} control SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct record);
} records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, MAX_NAMES);
	__type(key, __u32);
	__type(value, struct name);
} names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct io);
} ios SEC(".maps");

/* __per_cpu_offset[] of the kernel, for cpuacct. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} cpu_offsets SEC(".maps");

/* Kernel structs on their way into a record. One for all: cgroup_mutex is held. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, char[MAX_RAW]);
} scratch SEC(".maps");

#define offset(type, field) bpf_core_field_offset(struct type, field)

/* counter copies a struct page_counter with one read: its fields stand apart. */
static __always_inline void counter(struct counter *to, char *raw, const void *from)
{
	__u32 n = bpf_core_type_size(struct page_counter);

	if (n > MAX_RAW || bpf_probe_read_kernel(raw, n, from))
		return;
	to->usage = *(long *)(raw + offset(page_counter, usage));
	to->watermark = *(unsigned long *)(raw + offset(page_counter, watermark));
	to->failcnt = *(unsigned long *)(raw + offset(page_counter, failcnt));
	to->max = *(unsigned long *)(raw + offset(page_counter, max));
	to->high = *(unsigned long *)(raw + offset(page_counter, high));
	to->low = *(unsigned long *)(raw + offset(page_counter, low));
	to->min = *(unsigned long *)(raw + offset(page_counter, min));
}

/* controller is a cgroup's own state of a controller whose files it shows. */
#define controller(cg, id) visible((cg)->subsys[bpf_core_enum_value(enum cgroup_subsys_id, id)])

static __always_inline void *visible(struct cgroup_subsys_state *css)
{
	return css && (css->flags & CSS_VISIBLE) ? css : 0;
}

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

	bpf_probe_read_kernel(&to->shares, 8, group + offset(task_group, shares));
	bpf_probe_read_kernel(&to->idle, 4, group + offset(task_group, idle));
	if (n > MAX_RAW || bpf_probe_read_kernel(raw, n, group + offset(task_group, cfs_bandwidth)))
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

static long cpuacct_cpu(__u32 cpu, struct cpuacct_sum *sum)
{
	u64 stat[10], used = 0;
	u64 *per_cpu = bpf_map_lookup_elem(&cpu_offsets, &cpu);

	if (!per_cpu)
		return 1;
	bpf_probe_read_kernel(&used, 8, sum->usage + *per_cpu);
	sum->used += used;
	if (bpf_probe_read_kernel(stat, sizeof(stat), sum->stat + *per_cpu))
		return 0;
	sum->user += stat[CPUTIME_USER] + stat[CPUTIME_NICE];
	sum->system += stat[CPUTIME_SYSTEM] + stat[CPUTIME_SOFTIRQ] + stat[CPUTIME_IRQ];
	return 0;
}

static __always_inline void cpuacct(struct cpuacct_times *to, const void *ca)
{
	struct cpuacct_sum sum = {};

	bpf_probe_read_kernel(&sum.usage, 8, ca + offset(cpuacct, cpuusage));
	bpf_probe_read_kernel(&sum.stat, 8, ca + offset(cpuacct, cpustat));
	bpf_loop(cpus, cpuacct_cpu, &sum, 0);
	to->usage = sum.used;
	to->user = sum.user;
	to->system = sum.system;
}

static __always_inline void memory(struct memory *to, char *raw, const void *m)
{
	counter(&to->memory, raw, m + offset(mem_cgroup, memory));
	counter(&to->swap, raw, m + offset(mem_cgroup, swap));
	if (bpf_core_field_exists(struct mem_cgroup, zswap_max))
		bpf_probe_read_kernel(&to->zswap_max, 8, m + offset(mem_cgroup, zswap_max));
	bpf_probe_read_kernel(to->events, sizeof(to->events), m + offset(mem_cgroup, memory_events));
}

static __always_inline void memory_v1(struct memory_v1 *to, const void *m)
{
	if (bpf_core_field_exists(struct mem_cgroup, kmem))
		bpf_probe_read_kernel(&to->kernel, 8,
				      m + offset(mem_cgroup, kmem) + offset(page_counter, usage));
	if (bpf_core_field_exists(struct mem_cgroup, tcpmem))
		bpf_probe_read_kernel(&to->tcp, 8,
				      m + offset(mem_cgroup, tcpmem) + offset(page_counter, usage));
	if (bpf_core_field_exists(struct mem_cgroup, soft_limit))
		bpf_probe_read_kernel(&to->soft_limit, 8, m + offset(mem_cgroup, soft_limit));
}

static __always_inline void stat(void *to, const void *m)
{
	const void *vmstats = 0;

	bpf_probe_read_kernel(&vmstats, 8, m + offset(mem_cgroup, vmstats));
	if (stat_bytes)
		bpf_probe_read_kernel(to, stat_bytes, vmstats);
}

static __always_inline void pids(struct pids *to, const void *p)
{
	__u32 events;

	bpf_probe_read_kernel(&to->current, 8, p + offset(pids_cgroup, counter));
	bpf_probe_read_kernel(&to->max, 8, p + offset(pids_cgroup, limit));
	if (bpf_core_field_exists(struct pids_cgroup, watermark))
		bpf_probe_read_kernel(&to->peak, 8, p + offset(pids_cgroup, watermark));
	if (bpf_core_field_exists(struct pids_cgroup, events_limit))
		events = offset(pids_cgroup, events_limit);
	else if (!v2 || pids_local)
		events = offset(pids_cgroup, events_local) +
			 8 * bpf_core_enum_value(enum pidcg_event, PIDCG_FORKFAIL);
	else
		events = offset(pids_cgroup, events) + 8 * bpf_core_enum_value(enum pidcg_event, PIDCG_MAX);
	bpf_probe_read_kernel(&to->events, 8, p + events);
}

static __always_inline void hugetlb(struct hugetlb *to, char *raw, const void *h)
{
	__u32 size = bpf_core_type_size(struct page_counter);
	struct counter c = {};

	for (__u32 i = 0; i < MAX_HUGETLB; i++) {
		if (i >= hugetlb_sizes)
			break;
		counter(&c, raw, h + offset(hugetlb_cgroup, hugepage) + i * size);
		to[i].current = c.usage;
		to[i].max = c.max;
		to[i].peak = c.watermark;
		to[i].failures = c.failcnt;
		if (v2)
			bpf_probe_read_kernel(&to[i].failures, 8, h + offset(hugetlb_cgroup, events) + i * 8);
		counter(&c, raw, h + offset(hugetlb_cgroup, rsvd_hugepage) + i * size);
		to[i].rsvd_current = c.usage;
		to[i].rsvd_max = c.max;
	}
}

struct blkg_step {
	struct walk_control *c;
	const void *node;
	__u32 group, devices;
};

static long blkg(__u32 i, struct blkg_step *s)
{
	struct blkg_iostat v;
	const void *g, *queue = 0, *disk = 0;
	struct io *io;
	bool online = 0;
	__u32 at = s->c->ios;

	if (!s->node)
		return 1;
	g = s->node - offset(blkcg_gq, blkcg_node);
	if (bpf_probe_read_kernel(&s->node, 8, s->node + offset(hlist_node, next)))
		s->node = 0;
	bpf_probe_read_kernel(&online, 1, g + offset(blkcg_gq, online));
	if (!online || bpf_probe_read_kernel(&v, sizeof(v), g + offset(blkcg_gq, iostat) + offset(blkg_iostat_set, cur)))
		return 0;
	if (!(v.bytes[0] | v.bytes[1] | v.ios[0] | v.ios[1])) /* io.stat shows it without numbers */
		return 0;
	bpf_probe_read_kernel(&queue, 8, g + offset(blkcg_gq, q));
	bpf_probe_read_kernel(&disk, 8, queue + offset(request_queue, disk));
	if (!disk)
		return 0;
	s->c->ios++;
	io = bpf_map_lookup_elem(&ios, &at);
	if (!io)
		return 0; /* counted: the collector makes the array larger */
	bpf_probe_read_kernel(&io->major, 4, disk + offset(gendisk, major));
	bpf_probe_read_kernel(&io->minor, 4, disk + offset(gendisk, first_minor));
	io->group = s->group;
	for (int k = 0; k < 3; k++) {
		io->bytes[k] = v.bytes[k];
		io->ios[k] = v.ios[k];
	}
	return 0;
}

static __always_inline void devices(struct walk_control *c, __u32 group, const void *blkcg)
{
	struct blkg_step s = {.c = c, .group = group};

	bpf_probe_read_kernel(&s.node, 8, blkcg + offset(blkcg, blkg_list) + offset(hlist_head, first));
	if (s.node)
		bpf_loop(MAX_DEVICES, blkg, &s, 0);
}

/* Tasks of a cgroup itself: the lists of its css_sets. cgroup_mutex keeps tasks
 * from moving between cgroups; forks only append; an exit may carry the task
 * we stand on to the list of the dying, which shows as a count that does not
 * come out, and is tried again. */
struct task_step {
	const void *node, *head;
	__u32 seen, leaders;
	__u32 dying;
};

static long task(__u32 i, struct task_step *s)
{
	const void *t, *signal = 0;
	int pid = 0, tgid = 0, live = 0;

	if (!s->node || s->node == s->head)
		return 1;
	t = s->node - offset(task_struct, cg_list);
	bpf_probe_read_kernel(&pid, 4, t + offset(task_struct, pid));
	bpf_probe_read_kernel(&tgid, 4, t + offset(task_struct, tgid));
	if (s->dying && pid == tgid) { /* a dead leader counts while a thread of it lives */
		bpf_probe_read_kernel(&signal, 8, t + offset(task_struct, signal));
		bpf_probe_read_kernel(&live, 4, signal + offset(signal_struct, live));
		s->leaders += live > 0;
	} else if (!s->dying) {
		s->seen++;
		s->leaders += pid == tgid;
	}
	if (bpf_probe_read_kernel(&s->node, 8, s->node))
		s->node = 0;
	return 0;
}

/* Not inlined and not static, so that the verifier looks at it once only. */
__noinline int task_list(struct task_step *to, u64 head)
{
	struct task_step s;

	if (!to)
		return 0;
	s = *to;
	s.head = (void *)head;
	if (bpf_probe_read_kernel(&s.node, 8, s.head))
		return 0;
	if (s.node != s.head)
		bpf_loop(MAX_TASKS, task, &s, 0);
	*to = s;
	return s.node == s.head;
}

struct cset_step {
	const void *node, *head;
	__u32 threads, processes;
	bool torn;
};

static long cset(__u32 i, struct cset_step *s)
{
	const void *set = 0;
	int tasks = 0;
	struct task_step t;
	bool whole = 0;

	if (!s->node || s->node == s->head)
		return 1;
	bpf_probe_read_kernel(&set, 8, s->node - offset(cgrp_cset_link, cset_link) + offset(cgrp_cset_link, cset));
	if (bpf_probe_read_kernel(&s->node, 8, s->node))
		s->node = 0;
	for (int try = 0; try < 3 && !whole; try++) {
		t = (struct task_step){};
		bpf_probe_read_kernel(&tasks, 4, set + offset(css_set, nr_tasks));
		whole = 1;
		if (tasks)
			whole = task_list(&t, (u64)set + offset(css_set, tasks)) &&
				task_list(&t, (u64)set + offset(css_set, mg_tasks)) && t.seen == tasks;
		t.dying = 1;
		whole = task_list(&t, (u64)set + offset(css_set, dying_tasks)) && whole;
	}
	s->threads += tasks;
	s->processes += t.leaders;
	s->torn |= !whole;
	return 0;
}

static __always_inline void tasks(struct tasks *to, struct cgroup *cg)
{
	struct cset_step s = {.head = &cg->cset_links};

	to->populated = cg->nr_populated_csets + cg->nr_populated_domain_children +
			cg->nr_populated_threaded_children > 0;
	to->frozen = cg->flags >> CGRP_FROZEN & 1;
	to->threaded = cg->dom_cgrp != cg;
	s.node = cg->cset_links.next;
	bpf_loop(MAX_CSETS, cset, &s, 0);
	to->threads = s.threads;
	to->processes = s.processes;
	to->torn = s.torn || s.node != s.head;
}

/* passed tells whether an earlier run visited this cgroup. */
static __always_inline bool passed(struct walk_control *c, __u32 level, u64 serial)
{
	u64 *at;

	if (!c->resume)
		return 0;
	if (level > c->matched + 1)
		return 1; /* below one that was passed */
	if (level <= c->matched)
		c->matched = level ? level - 1 : 0;
	if (level == 0)
		return 1;
	if (level <= c->depth && level < MAX_PATH) {
		at = &c->path[level & (MAX_PATH - 1)];
		if (serial < *at)
			return 1;
		if (serial == *at) {
			c->matched = level;
			return 1;
		}
	}
	c->resume = 0;
	/* A run takes at least as long for new ones as it took to get there, so
	 * that the time of a walk stays in proportion to the cgroups. */
	c->until = bpf_ktime_get_ns();
	if (c->until - c->started > c->budget)
		c->until += c->until - c->started;
	else
		c->until += c->budget;
	return 0;
}

SEC("iter/cgroup")
int walk(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cg = ctx->cgroup;
	struct kernfs_node *kn;
	struct walk_control *c;
	void *r, *css;
	struct head *h;
	const char *text;
	char *raw;
	u64 serial;
	__u32 zero = 0, i, level, hash;

	c = bpf_map_lookup_elem(&control, &zero);
	raw = bpf_map_lookup_elem(&scratch, &zero);
	if (!c || !raw)
		return 1;
	if (!cg) {
		c->ended = 1;
		return 0;
	}
	if (!ctx->meta->seq_num) {
		c->started = bpf_ktime_get_ns();
		c->until = c->started + c->budget;
	}
	level = cg->level;
	serial = cg->self.serial_nr;
	c->visited++;
	if (passed(c, level, serial))
		return 0;
	if (level < MAX_PATH)
		c->path[level & (MAX_PATH - 1)] = serial;
	c->depth = level;

	i = c->count++;
	r = bpf_map_lookup_elem(&records, &i);
	if (!r)
		return 0; /* counted: the collector makes the array larger */
	h = r;
	kn = cg->kn;
	text = kn->name;
	hash = kn->hash;
	if (h->serial != serial || h->text != (u64)text || h->hash != hash) {
		__u32 k = c->names;
		struct name *n = bpf_map_lookup_elem(&names, &k);

		if (n) {
			long len = bpf_probe_read_kernel_str(n->text, sizeof(n->text), text);

			n->index = i;
			n->len = len > 0 ? len - 1 : 0;
			h->id = kn->id;
			h->serial = serial;
			h->parent = level && cg->self.parent ? cg->self.parent->serial_nr : 0;
			h->text = (u64)text;
			h->hash = hash;
			h->level = level;
			c->names++;
		} else {
			h->serial = 0; /* next time */
			c->unnamed = 1;
		}
	}
	h->parts = 0;
	if (at_base)
		base(r + at_base, cg);
	if (at_sched && (css = controller(cg, cpu_cgrp_id))) {
		sched(r + at_sched, raw, css);
		h->parts |= HAS_SCHED;
	}
	if (at_cpuacct && (css = controller(cg, cpuacct_cgrp_id))) {
		cpuacct(r + at_cpuacct, css);
		h->parts |= HAS_CPUACCT;
	}
	if (at_memory && (css = controller(cg, memory_cgrp_id))) {
		memory(r + at_memory, raw, css);
		if (at_memory_v1)
			memory_v1(r + at_memory_v1, css);
		if (at_stat)
			stat(r + at_stat, css);
		h->parts |= HAS_MEMORY;
	}
	if (at_pids && (css = controller(cg, pids_cgrp_id))) {
		pids(r + at_pids, css);
		h->parts |= HAS_PIDS;
	}
	if (at_hugetlb && (css = controller(cg, hugetlb_cgrp_id))) {
		hugetlb(r + at_hugetlb, raw, css);
		h->parts |= HAS_HUGETLB;
	}
	if (at_psi && cg->psi && cg->psi->enabled) {
		bpf_probe_read_kernel(r + at_psi, PSI_TOTALS * 8, (void *)cg->psi + offset(psi_group, total));
		h->parts |= HAS_PSI;
	}
	if (at_tasks)
		tasks(r + at_tasks, cg);
	if (with_io && (css = controller(cg, io_cgrp_id))) {
		devices(c, i, css);
		h->parts |= HAS_IO;
	}
	if (level >= MAX_PATH)
		return 0; /* too deep to come back to */
	if (c->names == MAX_NAMES || ((i & 63) == 63 && bpf_ktime_get_ns() > c->until)) {
		c->cut = 1;
		return 1;
	}
	return 0;
}
