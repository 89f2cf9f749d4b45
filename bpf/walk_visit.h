/* SPDX-License-Identifier: GPL-2.0 */
/* One cgroup of the tree on its way into a record. */
#include "read.h"

static __always_inline void begin(struct walk_control *c)
{
	c->started = bpf_ktime_get_ns();
	c->until = c->started + c->budget;
}

/* late tells, now and then, whether the time of this run is up. */
static __always_inline bool late(struct walk_control *c, __u32 i)
{
	return (i & 63) == 63 && bpf_ktime_get_ns() > c->until;
}

/* passed reports whether an earlier run visited this cgroup. */
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

/* identify writes the name of a cgroup that is new at its place, and reports
 * whether it is. */
static __always_inline bool identify(struct walk_control *c, __u32 i, struct head *h, struct cgroup *cg)
{
	struct kernfs_node *kn = cg->kn;
	const char *text = kn->name;
	u64 serial = cg->self.serial_nr;
	__u32 hash = kn->hash, k = c->names;
	struct name *n;
	long len;

	if (h->serial == serial && h->text == (u64)text && h->hash == hash)
		return 0;
	n = bpf_map_lookup_elem(&names, &k);
	if (!n) {
		h->serial = 0; /* next time */
		c->unnamed = 1;
		return 1;
	}
	len = bpf_probe_read_kernel_str(n->text, sizeof(n->text), text);
	n->index = i;
	n->len = len > 0 ? len - 1 : 0;
	h->id = kn->id;
	h->serial = serial;
	h->level = cg->level;
	h->parent = h->level && cg->self.parent ? cg->self.parent->serial_nr : 0;
	h->text = (u64)text;
	h->hash = hash;
	c->names++;
	return 1;
}

/* record writes what is known of a cgroup, and reports whether the run is to end. */
static __always_inline int record(struct walk_control *c, struct cgroup *cg, char *raw)
{
	__u32 i, level = cg->level;
	struct head *h;
	void *r;

	if (level < MAX_PATH)
		c->path[level & (MAX_PATH - 1)] = cg->self.serial_nr;
	c->depth = level;
	c->node = (u64)cg;

	i = c->count++;
	r = bpf_map_lookup_elem(&records, &i);
	h = bpf_map_lookup_elem(&heads, &i);
	if (!r || !h)
		return 0; /* counted: the collector makes the arrays larger */
	if (identify(c, i, h, cg) && at_tasks)
		((struct tasks *)(r + at_tasks))->oldest = 0;
	find(r, cg);
	measure(c, i, r, cg, raw);
	if (level >= MAX_PATH)
		return 0; /* too deep to come back to */
	if (c->names == MAX_NAMES || late(c, i)) {
		c->cut = 1;
		return 1;
	}
	return 0;
}
