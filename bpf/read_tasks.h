/* SPDX-License-Identifier: GPL-2.0 */
/* Tasks of a cgroup itself: the lists of its css_sets. cgroup_mutex keeps tasks
 * from moving between cgroups; forks only append; an exit may carry the task
 * we stand on to the list of the dying, which shows as a count that does not
 * come out, and is tried again.
 *
 * cgroup.procs of v2 lists leaders. That of v1 lists the processes of live
 * threads, and the threads of one may be in several cgroups: whether a leader
 * that is not seen here is to be counted, the file knows. */
#include "read.h"

struct task_step {
	const void *node, *head;
	u64 set;
	__u32 seen, leaders;
	__u32 dying, stray;
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
	const void *node, *head;
	__u32 threads, processes, stray;
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
	/* Not with get: task_list wants a number, not a pointer. */
	bpf_probe_read_kernel(&set, 8, s->node - offset(cgrp_cset_link, cset_link) + offset(cgrp_cset_link, cset));
	s->node = get(list_head, s->node, next);
	for (int try = 0; try < 3 && !whole; try++) {
		t = (struct task_step){.set = (u64)set};
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
	s->threads += tasks;
	s->processes += t.leaders;
	s->stray |= t.stray;
	s->torn |= !whole;
	return 0;
}

static __always_inline void tasks(struct tasks *to, struct cgroup *cg, bool counting)
{
	struct cset_step s = {.head = &cg->cset_links};

	if (v2) {
		to->populated = cg->nr_populated_csets + cg->nr_populated_domain_children +
				cg->nr_populated_threaded_children > 0;
		to->frozen = cg->flags >> CGRP_FROZEN & 1;
		to->threaded = counting && cg->dom_cgrp != cg;
	}
	to->threads = to->processes = to->torn = to->stray = 0;
	if (!counting || !cg->nr_populated_csets)
		return;
	s.node = cg->cset_links.next;
	bpf_loop(MAX_CSETS, cset, &s, 0);
	to->threads = s.threads;
	to->processes = s.processes;
	to->stray = s.stray;
	to->torn = s.torn || s.node != s.head;
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
