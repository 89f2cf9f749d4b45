/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel types that our programs read, with only the fields they use.
 * preserve_access_index makes every access a CO-RE relocation: the loader puts
 * in the running kernel's offsets, so order and padding here mean nothing. */
#ifndef DAYTWO_KERNEL_H
#define DAYTWO_KERNEL_H

typedef unsigned char __u8;
typedef unsigned short __u16;
typedef unsigned int __u32;
typedef unsigned long long __u64;
typedef signed char __s8;
typedef short __s16;
typedef int __s32;
typedef long long __s64;
typedef __u16 __be16;
typedef __u32 __be32;
typedef __u32 __wsum;
typedef __u64 u64;
typedef __u32 u32;
typedef __s64 s64;
typedef __s32 s32;
typedef _Bool bool;

enum { BPF_MAP_TYPE_ARRAY = 2, BPF_MAP_TYPE_PERCPU_ARRAY = 6 };
enum { BPF_F_MMAPABLE = 1U << 10 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

struct list_head {
	struct list_head *next;
};

struct hlist_node {
	struct hlist_node *next;
};

struct hlist_head {
	struct hlist_node *first;
};

typedef struct {
	long counter;
} atomic_long_t;

typedef struct {
	s64 counter;
} atomic64_t;

typedef struct {
	int counter;
} atomic_t;

/* kernel/cgroup */

enum cgroup_subsys_id {
	cpu_cgrp_id,
	cpuacct_cgrp_id,
	io_cgrp_id,
	memory_cgrp_id,
	hugetlb_cgrp_id,
	pids_cgrp_id,
	freezer_cgrp_id,
	CGROUP_SUBSYS_COUNT = 16,
};

struct kernfs_root {
	u32 last_id_lowbits; /* of the node made last: files have one too */
	u32 id_highbits;
};

struct kernfs_elem_dir {
	unsigned long rev; /* goes up when anything in it comes, goes or is renamed */
};

struct kernfs_node {
	const char *name;
	unsigned int hash;
	struct kernfs_elem_dir dir;
	u64 id;
};

struct cgroup;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
	struct list_head sibling;
	struct list_head children;
	unsigned int flags;
	u64 serial_nr;
	struct cgroup_subsys_state *parent;
};

struct task_cputime {
	u64 stime;
	u64 utime;
	unsigned long long sum_exec_runtime;
};

struct cgroup_base_stat {
	struct task_cputime cputime;
};

struct prev_cputime {
	u64 utime;
	u64 stime;
};

struct psi_group {
	bool enabled;
	u64 total[14];
};

struct cgroup_root;

struct cgroup {
	struct cgroup_subsys_state self;
	unsigned long flags;
	int level;
	int nr_descendants;
	int nr_populated_csets;
	int nr_populated_domain_children;
	int nr_populated_threaded_children;
	struct kernfs_node *kn;
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
	struct cgroup_root *root;
	struct list_head cset_links;
	struct cgroup *dom_cgrp;
	struct cgroup_base_stat bstat;
	struct prev_cputime prev_cputime;
	struct psi_group *psi;
};

struct cgroup_root {
	struct kernfs_root *kf_root;
	struct cgroup cgrp;
};

struct css_set {
	struct cgroup_subsys_state *subsys[CGROUP_SUBSYS_COUNT];
	struct cgroup *dfl_cgrp;
	int nr_tasks;
	struct list_head tasks;
	struct list_head mg_tasks;
	struct list_head dying_tasks;
	struct list_head threaded_csets; /* of the threaded cgroups that have this one's as domain */
	struct list_head threaded_csets_node;
};

struct cgrp_cset_link {
	struct css_set *cset;
	struct list_head cset_link;
};

struct signal_struct {
	atomic_t live;
};

struct task_struct {
	unsigned int flags;
	int pid;
	int tgid;
	struct task_struct *group_leader;
	struct task_struct *real_parent;
	struct signal_struct *signal;
	struct css_set *cgroups;
	struct list_head cg_list;
	u64 start_boottime;
};

/* kernel/sched */

struct cfs_bandwidth {
	s64 period;
	u64 quota;
	int nr_periods;
	int nr_throttled;
	int nr_burst;
	u64 throttled_time;
	u64 burst_time;
};

struct task_group {
	int idle;
	unsigned long shares;
	struct cfs_bandwidth cfs_bandwidth;
};

struct kernel_cpustat {
	u64 cpustat[10];
};

struct cpuacct {
	u64 *cpuusage;
	struct kernel_cpustat *cpustat;
};

enum cpu_usage_stat {
	CPUTIME_USER,
	CPUTIME_NICE,
	CPUTIME_SYSTEM,
	CPUTIME_SOFTIRQ,
	CPUTIME_IRQ,
};

/* mm */

struct page_counter {
	atomic_long_t usage;
	unsigned long watermark;
	unsigned long failcnt;
	unsigned long min;
	unsigned long low;
	unsigned long high;
	unsigned long max;
};

enum memcg_memory_event {
	MEMCG_LOW,
	MEMCG_HIGH,
	MEMCG_MAX,
	MEMCG_OOM,
	MEMCG_OOM_KILL,
	MEMCG_OOM_GROUP_KILL,
	MEMCG_SWAP_HIGH,
	MEMCG_SWAP_MAX,
	MEMCG_SWAP_FAIL,
};

struct memcg_vmstats {
	long state[1];
	unsigned long events[1];
};

struct mem_cgroup {
	struct page_counter memory;
	struct page_counter swap; /* memsw on cgroup v1: the same bytes */
	struct page_counter kmem;
	struct page_counter tcpmem;
	unsigned long soft_limit;
	unsigned long zswap_max;
	struct memcg_vmstats *vmstats;
	atomic_long_t memory_events[9];
};

struct hugetlb_cgroup {
	struct page_counter hugepage[1];
	struct page_counter rsvd_hugepage[1];
	atomic_long_t events[1];
};

/* freezer of cgroup v1 */

struct freezer {
	unsigned int state;
};

/* pids */

enum pidcg_event {
	PIDCG_MAX,
	PIDCG_FORKFAIL,
};

struct pids_cgroup {
	atomic64_t counter;
	atomic64_t limit;
	s64 watermark;
	atomic64_t events[2];
	atomic64_t events_local[2];
	atomic64_t events_limit; /* before Linux 6.11, instead of the two above */
};

/* block */

struct gendisk {
	int major;
	int first_minor;
};

struct request_queue {
	struct gendisk *disk;
};

struct blkg_iostat {
	u64 bytes[3];
	u64 ios[3];
};

struct blkg_iostat_set {
	struct blkg_iostat cur;
};

struct blkcg_gq {
	struct request_queue *q;
	struct hlist_node blkcg_node;
	bool online;
	struct blkg_iostat_set iostat;
};

struct blkcg {
	struct hlist_head blkg_list;
};

/* kernel/bpf */

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
	u64 session_id;
	u64 seq_num;
};

struct bpf_iter__cgroup {
	struct bpf_iter_meta *meta;
	struct cgroup *cgroup;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_array {
	void *pptrs[1];
};

#pragma clang attribute pop

#endif
