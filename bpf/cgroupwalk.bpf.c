//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 */
/* One run visits the cgroups of one hierarchy in pre-order and writes a record
 * of each into a mapped array, which the collector reads in place.
 *
 * The iterator holds cgroup_mutex while a read lasts. So a run ends itself when
 * its time is up and leaves its place in control.path; the next run goes on
 * from there. Siblings stand in order of their serial numbers, so the place is
 * good even if the cgroup it names is gone.
 *
 * walk has the iterator's help and is all that 6.1 can; leap goes by itself, and
 * by its records alone while they stand for the hierarchy (walk_again.h). */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include "cgroupwalk.h"
#include "read.h"

char LICENSE[] SEC("license") = "GPL";

/* Where the parts of a record begin, 0 for a part that this hierarchy has not.
 * Known when the program is loaded, so the verifier drops the unused ones. */
const volatile __u32 at_base, at_sched, at_cpuacct, at_memory, at_memory_v1, at_pids, at_psi,
	at_tasks, at_hugetlb, at_stat, at_freezer, at_blkg;
const volatile __u32 with_io;
const volatile __u32 measures; /* there are parts, apart from counting tasks */
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
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct head);
} heads SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct dir);
} dirs SEC(".maps");

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
#include "read_psi.h"

#include "walk_parts.h"
#include "walk_visit.h"
#include "walk_leap.h"
#include "walk_fetch.h"
#include "walk_again.h"

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

/* go_again walks by the records, if they still stand for the hierarchy; else it
 * says so. */
static __always_inline void go_again(struct walk_control *c, struct leap_step *s, struct cgroup *top)
{
	struct walk_control *at = c;

	if (!same_shape(&c->shape, top)) {
		c->changed = 1;
		return;
	}
	if (!c->resume)
		c->looked = 0;
	c->resume = 0;
	bpf_loop(MAX_STEPS, look_at_dir, &at, 0);
	if (c->changed || c->cut)
		return;
	if (measures || c->counting)
		bpf_loop(MAX_STEPS, repeat, s, 0);
	else
		c->count = c->known;
}

/* leap is given the root alone and walks by itself, so that it can go on from
 * the cgroup it ended at without passing those before. If that one is gone, it
 * says so, and walk goes on from there. */
SEC("iter/cgroup")
int leap(struct bpf_iter__cgroup *ctx)
{
	struct leap_step s = {};
	struct cgroup *cg = ctx->cgroup;
	struct walk_control *c;
	__u32 zero = 0;

	c = bpf_map_lookup_elem(&control, &zero);
	s.raw = bpf_map_lookup_elem(&scratch, &zero);
	if (!c || !s.raw)
		return 1;
	s.c = c;
	if (!cg) {
		c->ended = 1;
		return 0;
	}
	begin(c);
	c->root = (u64)cg;
	if (shaped() && c->known) {
		go_again(c, &s, cg);
		return 0;
	}
	c->climb = 0;
	if (!c->resume) {
		c->node = (u64)cg;
		c->dirs = 0;
		if (shaped())
			same_shape(&c->shape, cg);
	} else if (cast(cgroup, (void *)c->node)->self.serial_nr != c->path[c->depth & (MAX_PATH - 1)] ||
		   !(cast(cgroup, (void *)c->node)->self.flags & CSS_ONLINE)) {
		c->lost = 1;
		return 0;
	}
	bpf_loop(MAX_STEPS, step, &s, 0);
	if (!c->whole && !c->cut)
		c->lost = 1;
	if (c->whole && shaped() && same_shape(&c->shape, cg))
		c->stands = 1;
	return 0;
}
