/* SPDX-License-Identifier: GPL-2.0 */
/* Block devices. */
#include "read.h"

struct blkg_step {
	struct walk_control *c;
	const void *node;
	__u32 group, devices;
};

static long blkg(__u32 i, struct blkg_step *s)
{
	struct blkg_iostat v;
	const void *g, *disk;
	struct io *io;
	__u32 at = s->c->ios;

	if (!s->node)
		return 1;
	g = s->node - offset(blkcg_gq, blkcg_node);
	s->node = get(hlist_node, s->node, next);
	if (!get(blkcg_gq, g, online) ||
	    bpf_probe_read_kernel(&v, sizeof(v), g + offset(blkcg_gq, iostat) + offset(blkg_iostat_set, cur)))
		return 0;
	if (!(v.bytes[0] | v.bytes[1] | v.ios[0] | v.ios[1])) /* io.stat shows it without numbers */
		return 0;
	disk = get(blkcg_gq, g, q);
	disk = get(request_queue, disk, disk);
	if (!disk)
		return 0;
	s->c->ios++;
	io = bpf_map_lookup_elem(&ios, &at);
	if (!io)
		return 0; /* counted: the collector makes the array larger */
	io->major = get(gendisk, disk, major);
	io->minor = get(gendisk, disk, first_minor);
	io->group = s->group;
	for (int k = 0; k < 3; k++) {
		io->bytes[k] = v.bytes[k];
		io->ios[k] = v.ios[k];
	}
	return 0;
}

/* did_io reports whether there is any device of which v1 may show a row. */
static __always_inline bool did_io(const void *blkcg)
{
	return get(blkcg, blkcg, blkg_list.first) != 0;
}

static __always_inline void devices(struct walk_control *c, __u32 group, const void *blkcg)
{
	struct blkg_step s = {.c = c, .group = group};

	s.node = get(blkcg, blkcg, blkg_list.first);
	if (s.node)
		bpf_loop(MAX_DEVICES, blkg, &s, 0);
}
