/* SPDX-License-Identifier: GPL-2.0 */
/* The tree, cgroup by cgroup, without the iterator's help. */
#include "read.h"

struct leap_step {
	struct walk_control *c;
	char *raw;
};

/* note_dir notes a cgroup with children: what becomes of their names shows there. */
static __always_inline void note_dir(struct walk_control *c, struct cgroup *cg)
{
	__u32 at = c->dirs++;
	struct dir *d = bpf_map_lookup_elem(&dirs, &at);

	if (!d)
		return; /* counted */
	d->node = (u64)cg->kn;
	d->rev = cg->kn->dir.rev;
}

/* One step: visit a cgroup, then find the next one. */
static long step(__u32 n, struct leap_step *s)
{
	struct walk_control *c = s->c;
	struct cgroup *cg = cast(cgroup, (void *)c->node);
	struct cgroup_subsys_state *parent;
	u64 next;

	if (!c->climb) {
		bool online = cg->self.flags & CSS_ONLINE, resumed = c->resume;

		c->resume = 0;
		c->visited++;
		next = (u64)cg->self.children.next;
		if (next == c->node + offset(cgroup, self) + offset(cgroup_subsys_state, children))
			next = 0;
		if (!resumed && online) {
			if (next)
				note_dir(c, cg);
			if (record(c, cg, s->raw))
				return 1;
		}
		if (next) {
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
