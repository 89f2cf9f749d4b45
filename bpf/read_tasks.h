/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks of a cgroup itself: the lists of its css_sets. cgroup_mutex keeps tasks
 * from moving between cgroups; forks only append; an exit may move the task that
 * is being looked at to the list of dying tasks, which shows as a count that does
 * not match nr_tasks: the css_set is then counted again.
 *
 * cgroup.procs of v2 lists leaders. That of v1 lists the processes of live
 * threads, and the threads of one may be in several cgroups: only the file tells
 * whether a leader that is not seen here counts. */
#include "read.h"

struct task_step {
	const void *node, *head;
	u64 set, oldest;
	__u32 seen, leaders;
	__u32 dying, stray;
	__u32 dating; /* look for the oldest task */
};

static long task(__u32 i, struct task_step *s)
{
	const void *t;
	int pid, tgid;

	if (!s->node || s->node == s->head)
		return 1;
	t = s->node - offset(task_struct, cg_list);
	pid = get(task_struct, t, pid);
	tgid = get(task_struct, t, tgid);
	if (s->dying && pid == tgid) { /* a dead leader counts while a thread of it lives */
		const void *signal = get(task_struct, t, signal);

		s->leaders += get(signal_struct, signal, live.counter) > 0;
	} else if (!s->dying) {
		s->seen++;
		s->leaders += pid == tgid;
		if (s->dating) {
			u64 started = get(task_struct, t, start_boottime);

			if (!s->oldest || started < s->oldest)
				s->oldest = started;
		}
		if (!v2 && pid != tgid) {
			const void *leader = get(task_struct, t, group_leader);

			s->stray |= (u64)get(task_struct, leader, cgroups) != s->set ||
				    get(task_struct, leader, flags) & PF_EXITING;
		}
	}
	s->node = get(list_head, s->node, next);
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
	s.node = get(list_head, s.head, next);
	if (!s.node)
		return 0;
	if (s.node != s.head)
		bpf_loop(MAX_TASKS, task, &s, 0);
	*to = s;
	return s.node == s.head;
}

struct cset_step {
	const void *node, *head; /* links to the css_sets of the cgroup */
	const void *threaded, *threaded_head; /* of the css_set before: see below */
	u64 oldest;
	__u32 threads, processes, stray;
	bool torn, dating;
};

/* load reads a pointer as a number: task_list wants one. */
static __always_inline u64 load(const void *p)
{
	u64 v = 0;

	bpf_probe_read_kernel(&v, sizeof(v), p);
	return v;
}

/* One css_set: its threads, and the processes whose leaders they are.
 *
 * A threaded subtree of v2 shares one domain, and each css_set of a threaded
 * cgroup stands in a list of the css_set that its domain has instead.
 * cgroup.procs of the domain lists the leaders of both, whereas cgroup.threads
 * lists the threads of the cgroup itself: css_task_iter_next_css_set() in
 * kernel/cgroup/cgroup.c, with and without CSS_TASK_ITER_THREADED. */
static long cset(__u32 i, struct cset_step *s)
{
	bool own = s->threaded == s->threaded_head, whole = 0;
	struct task_step t;
	const void *set;
	int tasks = 0;

	if (own) {
		if (!s->node || s->node == s->head)
			return 1;
		set = (void *)load(s->node - offset(cgrp_cset_link, cset_link) + offset(cgrp_cset_link, cset));
		s->node = (void *)load(s->node + offset(list_head, next));
		if (v2) {
			s->threaded_head = set + offset(css_set, threaded_csets);
			s->threaded = (void *)load(s->threaded_head + offset(list_head, next));
		}
	} else {
		if (!s->threaded)
			return 1;
		set = s->threaded - offset(css_set, threaded_csets_node);
		s->threaded = (void *)load(s->threaded + offset(list_head, next));
	}
	for (int try = 0; try < 3 && !whole; try++) {
		t = (struct task_step){.set = (u64)set, .dating = s->dating && own};
		tasks = get(css_set, set, nr_tasks);
		whole = 1;
		if (tasks)
			whole = task_list(&t, (u64)set + offset(css_set, tasks)) &&
				task_list(&t, (u64)set + offset(css_set, mg_tasks)) && t.seen == tasks;
		if (!v2)
			continue;
		t.dying = 1;
		whole = task_list(&t, (u64)set + offset(css_set, dying_tasks)) && whole;
	}
	if (own)
		s->threads += tasks;
	s->processes += t.leaders;
	s->stray |= t.stray;
	s->torn |= !whole;
	if (t.oldest && (!s->oldest || t.oldest < s->oldest))
		s->oldest = t.oldest;
	return 0;
}

static __always_inline void tasks(struct tasks *to, struct cgroup *cg, bool counting)
{
	struct cset_step s = {.head = &cg->cset_links, .dating = !to->oldest};
	bool populated = cg->nr_populated_csets;

	if (v2) {
		to->populated = cg->nr_populated_csets + cg->nr_populated_domain_children +
				cg->nr_populated_threaded_children > 0;
		to->frozen = cg->flags >> CGRP_FROZEN & 1;
		to->threaded = counting && cg->dom_cgrp != cg;
		populated |= cg->nr_populated_threaded_children > 0;
	}
	to->threads = to->processes = to->torn = to->stray = 0;
	if (!counting || !populated)
		return;
	s.node = cg->cset_links.next;
	bpf_loop(MAX_CSETS, cset, &s, 0);
	to->threads = s.threads;
	to->processes = s.processes;
	to->stray = s.stray;
	to->torn = s.torn || s.node != s.head || s.threaded != s.threaded_head;
	if (s.dating)
		to->oldest = s.oldest;
}

/* freezer is what head.parts says of v1's freezer. freezer.state says THAWED
 * while nobody told it to freeze, FROZEN once it was found to be so; between
 * the two only a read of the file looks. */
static __always_inline __u32 freezer(const void *f)
{
	__u32 state = get(freezer, f, state), parts = HAS_FREEZER;

	if (state & FREEZER_FREEZING)
		parts |= IS_FREEZING;
	if (state & FREEZER_FROZEN)
		parts |= IS_FROZEN;
	return parts;
}
