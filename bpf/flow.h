/* SPDX-License-Identifier: GPL-2.0 */
/* Who sends a flow of packets to a watched port: sender writes it, drops reads it. */
#ifndef DAYTWO_FLOW_H
#define DAYTWO_FLOW_H

enum { PORTS = 65536, SLOTS = 1 << 18, TAG = 50 };
enum { ETH_P_IP = 0x0800, ETH_P_IPV6 = 0x86DD };

/* A bit for every port that is watched, written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PORTS / 64);
	__type(key, __u32);
	__type(value, u64);
} watched SEC(".maps");

/* A word for every flow, found by a hash of it: 14 more bits of the hash, the
 * hierarchy, and the cgroup's id there. A word is written and read at once, so
 * a reader sees all of it or none; of two flows that fall on one word the later
 * one has it, and the hash tells them apart. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, SLOTS);
	__type(key, __u32);
	__type(value, u64);
} senders SEC(".maps");

/* mix is splitmix64's, as in sender.go. */
static __always_inline u64 mix(u64 x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9ULL;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebULL;
	return x ^ x >> 31;
}

/* mapped is the second word of ::ffff:a.b.c.d, on this little-endian machine. */
static __always_inline u64 mapped(__u32 address)
{
	return (u64)address << 32 | 0xffff0000;
}

/* flow is the hash of one: its source, and the port that it is sent to. */
static __always_inline u64 flow(const u64 *src, __u32 src_port, __u32 port)
{
	return mix(src[0] ^ mix(src[1] ^ mix((u64)src_port << 16 | port)));
}

static __always_inline bool is_watched(__u32 port)
{
	__u32 word = port / 64;
	u64 *bits = bpf_map_lookup_elem(&watched, &word);

	return bits && *bits >> port % 64 & 1;
}

#endif
