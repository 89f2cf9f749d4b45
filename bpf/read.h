/* SPDX-License-Identifier: GPL-2.0 */
/* Reading the kernel's structs. Where the kernel has bpf_rdonly_cast (6.2) a
 * field is read by a plain load, which is many times cheaper than a helper. */
#ifndef DAYTWO_READ_H
#define DAYTWO_READ_H

extern void *bpf_rdonly_cast(const void *obj, __u32 btf_id) __ksym __weak;

const volatile __u32 direct; /* the kernel has bpf_rdonly_cast */

#define offset(type, field) bpf_core_field_offset(struct type, field)
#define cast(type, p) ((struct type *)bpf_rdonly_cast(p, bpf_core_type_id_kernel(struct type)))

/* get reads one field of a struct at p, 0 if it cannot. */
#define get(type, p, field)                                                         \
	({                                                                          \
		typeof(((struct type *)0)->field) v_ = 0;                           \
		if (direct)                                                         \
			v_ = cast(type, p)->field;                                  \
		else                                                                \
			bpf_probe_read_kernel(&v_, sizeof(v_), (p) + offset(type, field)); \
		v_;                                                                 \
	})

#endif
