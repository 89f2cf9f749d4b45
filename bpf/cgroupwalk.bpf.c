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
#include "read.h"

char LICENSE[] SEC("license") = "GPL";

/* Where the parts of a record begin, 0 for a part that this hierarchy has not.
 * Known when the program is loaded, so the verifier drops the unused ones. */
const volatile __u32 at_base, at_sched, at_cpuacct, at_memory, at_memory_v1, at_pids, at_psi,
	at_tasks, at_hugetlb, at_stat;
const volatile __u32 with_io, with_freezer, with_blkg;
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

#include "read_cpu.h"
#include "read_memory.h"
#include "read_io.h"
#include "read_tasks.h"

/* controller is a cgroup's own state of a controller whose files it shows. */
#define controller(cg, id) visible((cg)->subsys[bpf_core_enum_value(enum cgroup_subsys_id, id)])

static __always_inline void *visible(struct cgroup_subsys_state *css)
{
	return css && (css->flags & CSS_VISIBLE) ? css : 0;
}

static __always_inline void psi(u64 *to, struct psi_group *g)
{
	for (int i = 0; i < PSI_TOTALS; i++)
		to[i] = g->total[i];
}

static __always_inline void begin(struct walk_control *c)
{
	c->started = bpf_ktime_get_ns();
	c->until = c->started + c->budget;
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

/* record writes what is known of a cgroup, and tells whether the run is to end. */
static __always_inline int record(struct walk_control *c, struct cgroup *cg, char *raw)
{
	struct kernfs_node *kn;
	void *r, *css;
	struct head *h;
	const char *text;
	u64 serial = cg->self.serial_nr;
	__u32 i, level = cg->level, hash;

	if (level < MAX_PATH)
		c->path[level & (MAX_PATH - 1)] = serial;
	c->depth = level;
	c->node = (u64)cg;

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
		psi(r + at_psi, cg->psi);
		h->parts |= HAS_PSI;
	}
	if (at_tasks)
		tasks(r + at_tasks, cg, c->counting);
	if (with_freezer && (css = controller(cg, freezer_cgrp_id)))
		h->parts |= freezer(css);
	if (with_blkg && (css = controller(cg, io_cgrp_id)) && did_io(css))
		h->parts |= HAS_BLKG;
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

/* walk visits one cgroup: the iterator's order is that of the walk. To go on
 * from somewhere it has to pass everything before. */
SEC("iter/cgroup")
int walk(struct bpf_iter__cgroup *ctx)
{
	struct cgroup *cg = ctx->cgroup;
	struct walk_control *c;
	__u32 zero = 0;
	char *raw;

	c = bpf_map_lookup_elem(&control, &zero);
	raw = bpf_map_lookup_elem(&scratch, &zero);
	if (!c || !raw)
		return 1;
	if (!cg) {
		c->ended = 1;
		return 0;
	}
	if (!ctx->meta->seq_num)
		begin(c);
	c->visited++;
	if (passed(c, cg->level, cg->self.serial_nr))
		return 0;
	return record(c, cg, raw);
}

struct leap_step {
	struct walk_control *c;
	char *raw;
};

/* One step of the walk below: visit a cgroup, then find the next one. */
static long step(__u32 n, struct leap_step *s)
{
	struct walk_control *c = s->c;
	struct cgroup *cg = cast(cgroup, (void *)c->node);
	struct cgroup_subsys_state *parent;
	u64 next;

	if (!c->climb) {
		c->visited++;
		if (!c->resume && (cg->self.flags & CSS_ONLINE) && record(c, cg, s->raw))
			return 1;
		c->resume = 0;
		next = (u64)cg->self.children.next;
		if (next != c->node + offset(cgroup, self) + offset(cgroup_subsys_state, children)) {
			c->node = next - offset(cgroup_subsys_state, sibling) - offset(cgroup, self);
			return 0;
		}
	}
	if (c->node == c->root) {
		c->whole = 1;
		return 1;
	}
	next = (u64)cg->self.sibling.next;
	parent = cg->self.parent;
	c->climb = next == (u64)parent + offset(cgroup_subsys_state, children);
	if (c->climb)
		c->node = (u64)parent - offset(cgroup, self);
	else
		c->node = next - offset(cgroup_subsys_state, sibling) - offset(cgroup, self);
	return 0;
}

/* leap is given the root alone and walks by itself, so that it can go on from
 * the cgroup it ended at without passing those before. If that one is gone, it
 * says so, and walk goes on from there. */
SEC("iter/cgroup")
int leap(struct bpf_iter__cgroup *ctx)
{
	struct leap_step s = {};
	struct cgroup *cg = ctx->cgroup;
	__u32 zero = 0;

	s.c = bpf_map_lookup_elem(&control, &zero);
	s.raw = bpf_map_lookup_elem(&scratch, &zero);
	if (!s.c || !s.raw)
		return 1;
	if (!cg) {
		s.c->ended = 1;
		return 0;
	}
	begin(s.c);
	s.c->root = (u64)cg;
	s.c->climb = 0;
	if (!s.c->resume) {
		s.c->node = (u64)cg;
	} else {
		cg = cast(cgroup, (void *)s.c->node);
		if (cg->self.serial_nr != s.c->path[s.c->depth & (MAX_PATH - 1)] || !(cg->self.flags & CSS_ONLINE)) {
			s.c->lost = 1;
			return 0;
		}
	}
	bpf_loop(MAX_STEPS, step, &s, 0);
	if (!s.c->whole && !s.c->cut)
		s.c->lost = 1;
	return 0;
}
