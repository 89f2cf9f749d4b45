/* SPDX-License-Identifier: GPL-2.0 */
/* The walk of a hierarchy whose directories are as the records say: it goes by
 * the records and touches nothing but what it measures. */
#include "read.h"

/* shaped reports whether this kernel shows when a hierarchy changes. */
static __always_inline bool shaped(void)
{
	return bpf_core_field_exists(struct kernfs_root, last_id_lowbits) &&
	       bpf_core_field_exists(struct kernfs_elem_dir, rev) &&
	       bpf_core_field_exists(struct cgroup, nr_descendants);
}

/* same_shape reports whether no directory came or went since shape was noted. It
 * notes the shape of now. cgroup_mutex is held, as it is by who makes or
 * removes a cgroup. */
static __always_inline bool same_shape(struct shape *s, struct cgroup *top)
{
	struct kernfs_root *k = top->root->kf_root;
	u64 ids = (u64)k->id_highbits << 32 | k->last_id_lowbits;
	__u32 descendants = top->nr_descendants;
	bool same = s->ids == ids && s->descendants == descendants;

	s->ids = ids;
	s->descendants = descendants;
	return same;
}

/* One parent: was any of its children renamed? */
static long look_at_dir(__u32 n, struct walk_control **at)
{
	struct walk_control *c = *at;
	__u32 i = c->looked;
	struct dir *d;

	if (i >= c->dirs)
		return 1;
	d = bpf_map_lookup_elem(&dirs, &i);
	if (!d || cast(kernfs_node, (void *)d->node)->dir.rev != d->rev) {
		c->changed = 1;
		return 1;
	}
	c->looked = i + 1;
	if (late(c, i)) {
		c->cut = 1;
		return 1;
	}
	return 0;
}

/* again measures one record again, and reports whether there is none left. */
static __always_inline bool again(struct walk_control *c, char *raw)
{
	__u32 i = c->count;
	struct cgroup *cg;
	void *r;

	if (i >= c->known)
		return 1;
	r = bpf_map_lookup_elem(&records, &i);
	if (!r)
		return 1;
	cg = cast(cgroup, (void *)((struct record *)r)->node);
	if (v2 || !i) /* v1's root gives its controllers away when others are mounted */
		find_controllers(r, cg);
	measure(c, i, r, cg, raw);
	c->count = i + 1;
	return 0;
}

/* Some records, as a return costs more than all else of a step. */
static long repeat(__u32 n, struct leap_step *s)
{
	fetch(s->c);
	for (int k = 0; k < AT_ONCE; k++)
		if (again(s->c, s->raw))
			return 1;
	if (late(s->c, s->c->count - 1)) {
		s->c->cut = 1;
		return 1;
	}
	return 0;
}
