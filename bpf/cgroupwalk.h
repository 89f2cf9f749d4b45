/* SPDX-License-Identifier: GPL-2.0 */
/* What the walk writes and package bpf reads: kept the same by bpf2go. */
#ifndef DAYTWO_CGROUPWALK_H
#define DAYTWO_CGROUPWALK_H

enum {
	MAX_NAMES = 1024,    /* new names in one run */
	MAX_PATH = 64,       /* depth at which a run may end */
	MAX_HUGETLB = 4,     /* sizes of huge pages: arm64 has most */
	MAX_DEVICES = 4096,  /* of one cgroup */
	MAX_CSETS = 65536,   /* of one cgroup */
	MAX_TASKS = 1 << 20, /* of one css_set */
	MAX_RAW = 1024,
	MAX_STEPS = 1 << 22,
	AT_ONCE = 16,        /* records, or CPUs, in one step */
	PSI_TOTALS = 7,
	MAX_STATS = 192,
};

enum {
	CSS_ONLINE = 1 << 1,
	CSS_VISIBLE = 1 << 3, /* include/linux/cgroup-defs.h */
	CGRP_FROZEN = 3,
	PF_EXITING = 4,                  /* include/linux/sched.h */
	FREEZER_FREEZING = 1 << 1 | 1 << 2, /* enum freezer_state_flags */
	FREEZER_FROZEN = 1 << 3,
};

/* Bits of record.parts: what this cgroup has. */
enum {
	HAS_SCHED = 1 << 0,
	HAS_CPUACCT = 1 << 1,
	HAS_MEMORY = 1 << 2,
	HAS_PIDS = 1 << 3,
	HAS_HUGETLB = 1 << 4,
	HAS_PSI = 1 << 5,
	HAS_IO = 1 << 6,
	HAS_FREEZER = 1 << 7,
	IS_FREEZING = 1 << 8, /* v1: was told to freeze */
	IS_FROZEN = 1 << 9,   /* v1: and was found to have done so */
	HAS_BLKG = 1 << 10,   /* v1: did io, or those below it */
};

/* The directories of a hierarchy are the same as long as this is: none can come
 * without a new id, and none go without one that came. */
struct shape {
	__u64 ids;         /* of the file or directory made last */
	__u32 descendants; /* of the root */
	__u32 pad;
};

struct walk_control {
	__u64 budget;  /* set by the collector: ns that one run may take for records */
	__u64 until;   /* when this run ends itself */
	__u64 started; /* bpf_ktime_get_ns() at the first cgroup of this run */
	__u32 resume;  /* set by the collector: go on where the last run ended; 0 once there */
	__u32 matched; /* levels of path that the cgroup at hand lies below */
	__u32 depth;   /* level of the last cgroup visited */
	__u32 count;   /* records wanted so far, also beyond the array */
	__u32 ios;     /* io rows wanted so far, also beyond the array */
	__u32 names;   /* names written in this run */
	__u32 unnamed; /* a record had no room for its name */
	__u32 visited; /* cgroups seen by this run, passed ones too */
	__u32 cut;     /* the run ended itself before the end of the tree */
	__u32 ended;   /* the iterator came to its end */
	__u32 climb;   /* what is below the cgroup at hand was visited */
	__u32 whole;   /* leap came to the end of the tree */
	__u32 lost;    /* leap cannot go on from here */
	__u32 counting; /* set by the collector: count tasks */
	__u32 stands;  /* leap's records are of one and the same shape of the hierarchy */
	__u32 known;   /* set by the collector: go by so many records; 0: by the tree */
	__u32 dirs;    /* parents wanted so far, also beyond the array */
	__u32 looked;  /* parents of those found as they were */
	__u32 changed; /* the hierarchy is no longer as the records say */
	struct shape shape;
	__u64 node;    /* address of the last cgroup visited */
	__u64 root;    /* address of the first */
	__u64 path[MAX_PATH]; /* serials of the last cgroup visited and those above it */
};

/* Who the cgroup of a record is. */
struct head {
	__u64 id;     /* of the directory: inode number, cgroup id */
	__u64 serial; /* of the cgroup in this boot, never used again */
	__u64 parent; /* serial of the parent */
	__u64 text;   /* address of the name: changes with a rename */
	__u32 hash;   /* of the name */
	__u32 level;  /* 0 is the root */
};

/* A cgroup with children, as it was. */
struct dir {
	__u64 node; /* address of its kernfs_node */
	__u64 rev;
};

struct name {
	__u32 index;
	__u32 len;
	char text[256];
};

struct base {
	__u64 usage, user, system, prev_user, prev_system; /* ns */
};

struct sched {
	__u64 from;
	__u64 shares, quota, throttled, burst;
	__s64 period;
	__s32 periods, throttled_periods, bursts, idle;
};

struct cpuacct_times {
	__u64 from, from_stat;
	__u64 usage, user, system; /* ns */
};

struct counter {
	__s64 usage; /* pages */
	__u64 watermark, max, high, low, min, failcnt;
};

struct memory {
	__u64 from, from_stat;
	struct counter memory, swap;
	__u64 zswap_max;
	__u64 events[9]; /* enum memcg_memory_event */
};

struct memory_v1 {
	__u64 kernel, tcp, soft_limit; /* pages */
};

struct pids {
	__u64 from;
	__s64 current, max, peak, events;
};

struct tasks {
	__u64 oldest; /* when the oldest task started, as it was when tasks were first found; ns since boot */
	__u32 threads, processes;
	__u8 populated, frozen, threaded, torn;
	__u32 stray; /* v1: has a thread whose leader is dead or elsewhere */
};

struct hugetlb_size {
	__u64 current, max, peak, failures, rsvd_current, rsvd_max;
};

struct hugetlb {
	__u64 from;
	struct hugetlb_size size[MAX_HUGETLB];
};

struct psi {
	__u64 from;
	__u64 total[PSI_TOTALS]; /* ns; io some, io full, memory, cpu, irq full */
};

/* Of v1: the rest is in record.parts. */
struct freezer_from {
	__u64 from;
};

struct blkg_from {
	__u64 from;
};

struct io {
	__u32 group, major, minor, pad;
	__u64 bytes[3], ios[3]; /* read, written, discarded */
};

/* A record with every part. A hierarchy's own has the first two and then the
 * parts that the hierarchy has, without gaps: the collector sets at_… and the
 * size. Where a part is read from, as found when the cgroup was visited, stands
 * in its from: 0 if the cgroup has it not. */
struct record {
	__u64 node; /* address of the cgroup */
	__u64 parts;
	struct base base;
	struct sched sched;
	struct cpuacct_times cpuacct;
	struct memory memory;
	struct memory_v1 memory_v1;
	struct pids pids;
	struct psi psi;
	struct tasks tasks;
	struct hugetlb hugetlb;
	struct freezer_from freezer;
	struct blkg_from blkg;
	__u64 stat[MAX_STATS]; /* struct memcg_vmstats: state[], then events[] */
};

#endif
