/* SPDX-License-Identifier: GPL-2.0 */
/* Memory, huge pages, pids. */
#include "read.h"

static __always_inline void counter(struct counter *to, char *raw, const void *from)
{
	__u32 n = bpf_core_type_size(struct page_counter);

	if (direct) {
		struct page_counter *c = cast(page_counter, from);

		to->usage = c->usage.counter;
		to->watermark = c->watermark;
		to->failcnt = c->failcnt;
		to->max = c->max;
		to->high = c->high;
		to->low = c->low;
		to->min = c->min;
		return;
	}
	if (n > MAX_RAW || bpf_probe_read_kernel(raw, n, from)) /* at once: helpers are dear */
		return;
	to->usage = *(long *)(raw + offset(page_counter, usage));
	to->watermark = *(unsigned long *)(raw + offset(page_counter, watermark));
	to->failcnt = *(unsigned long *)(raw + offset(page_counter, failcnt));
	to->max = *(unsigned long *)(raw + offset(page_counter, max));
	to->high = *(unsigned long *)(raw + offset(page_counter, high));
	to->low = *(unsigned long *)(raw + offset(page_counter, low));
	to->min = *(unsigned long *)(raw + offset(page_counter, min));
}

static __always_inline void memory(struct memory *to, char *raw, const void *m)
{
	counter(&to->memory, raw, m + offset(mem_cgroup, memory));
	counter(&to->swap, raw, m + offset(mem_cgroup, swap));
	if (v2 && bpf_core_field_exists(struct mem_cgroup, zswap_max))
		to->zswap_max = get(mem_cgroup, m, zswap_max);
	if (direct) {
		struct mem_cgroup *g = cast(mem_cgroup, m);

		for (int i = 0; i < 9; i++)
			to->events[i] = g->memory_events[i].counter;
		return;
	}
	bpf_probe_read_kernel(to->events, sizeof(to->events), m + offset(mem_cgroup, memory_events));
}

static __always_inline void memory_v1(struct memory_v1 *to, const void *m)
{
	if (bpf_core_field_exists(struct mem_cgroup, kmem))
		to->kernel = get(mem_cgroup, m, kmem.usage.counter);
	if (bpf_core_field_exists(struct mem_cgroup, tcpmem))
		to->tcp = get(mem_cgroup, m, tcpmem.usage.counter);
	if (bpf_core_field_exists(struct mem_cgroup, soft_limit))
		to->soft_limit = get(mem_cgroup, m, soft_limit);
}

static __always_inline void stat(void *to, const void *vmstats)
{
	if (stat_bytes)
		bpf_probe_read_kernel(to, stat_bytes, vmstats);
}

static __always_inline void pids(struct pids *to, const void *p)
{
	to->current = get(pids_cgroup, p, counter.counter);
	to->max = get(pids_cgroup, p, limit.counter);
	if (bpf_core_field_exists(struct pids_cgroup, watermark))
		to->peak = get(pids_cgroup, p, watermark);
	if (bpf_core_field_exists(struct pids_cgroup, events_limit))
		to->events = get(pids_cgroup, p, events_limit.counter);
	else if (!v2 || pids_local)
		to->events = get(pids_cgroup, p, events_local[1].counter); /* PIDCG_FORKFAIL */
	else
		to->events = get(pids_cgroup, p, events[0].counter); /* PIDCG_MAX */
}

/* hugetlb takes no more of a counter than is shown: each is three lines of memory. */
static __always_inline void hugetlb(struct hugetlb *to, const void *h)
{
	__u32 size = bpf_core_type_size(struct page_counter);

	for (__u32 i = 0; i < MAX_HUGETLB; i++) {
		const void *pages = h + offset(hugetlb_cgroup, hugepage) + i * size;
		const void *rsvd = h + offset(hugetlb_cgroup, rsvd_hugepage) + i * size;
		struct hugetlb_size *s = &to->size[i];

		if (i >= hugetlb_sizes)
			break;
		s->current = get(page_counter, pages, usage.counter);
		s->max = get(page_counter, pages, max);
		s->rsvd_current = get(page_counter, rsvd, usage.counter);
		s->rsvd_max = get(page_counter, rsvd, max);
		if (v2) {
			s->failures = get(hugetlb_cgroup, h + i * sizeof(atomic_long_t), events[0].counter);
		} else {
			s->peak = get(page_counter, pages, watermark);
			s->failures = get(page_counter, pages, failcnt);
		}
	}
}
