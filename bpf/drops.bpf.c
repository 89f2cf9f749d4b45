//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 */
/* drops counts, by whom they are from, the UDP datagrams that the kernel drops at
 * our sockets because their buffers are full. It runs where a packet is dropped
 * and nowhere else. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "flow.h"

char LICENSE[] SEC("license") = "GPL";

enum { BPF_MAP_TYPE_HASH = 1, BPF_F_NO_PREALLOC = 1 };
enum { SOCKETS = 1 << 10, TALLIES = 1 << 13, PROBES = 32 };

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

enum skb_drop_reason {
	SKB_DROP_REASON_SOCKET_RCVBUFF,
	SKB_DROP_REASON_PROTO_MEM,
};

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct net_device {
	possible_net_t nd_net;
};

struct sk_buff {
	struct net_device *dev;
	unsigned int len;
	__be16 protocol;
	__u16 transport_header;
	__u16 network_header;
	unsigned int end;
	unsigned char *head;
};

struct skb_shared_info {
	unsigned short gso_size;
};

struct udphdr {
	__be16 source;
	__be16 dest;
};

struct iphdr {
	__be32 saddr;
};

struct in6_addr {
	u64 words[2];
};

struct ipv6hdr {
	struct in6_addr saddr;
};

struct sock_common {
	atomic64_t skc_cookie;
};

struct sock {
	struct sock_common __sk_common;
};

#pragma clang attribute pop

/* Our sockets, by their cookies (SO_COOKIE). */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, SOCKETS);
	__type(key, u64);
	__type(value, __u8);
} sockets SEC(".maps");

/* Whose a drop is, as in drops.go: the watched ports' senders by hierarchy and
 * cgroup, as sender.bpf.c writes them; other ports by their number. */
#define UNKNOWN (1ULL << 62)
#define PORT (1ULL << 63)

struct tally {
	u64 key; /* 0: free */
	u64 packets; /* as the socket counts them */
	u64 datagrams; /* some may have been one packet, joined */
};

/* An open-addressed table, which user space reads in place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TALLIES);
	__type(key, __u32);
	__type(value, struct tally);
} tallies SEC(".maps");

/* What was dropped last on this CPU, at a socket that is not known yet. */
struct drop {
	u64 key, datagrams;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drop);
} last SEC(".maps");

/* kfree_skb says at which socket (Linux 6.11). */
const volatile __u32 receiver;
/* Where our sockets are, for kernels that do not say it otherwise. */
const volatile __u32 netns;

static __always_inline bool is_ours(struct sock *sk)
{
	u64 cookie;

	if (!sk)
		return 0;
	cookie = BPF_CORE_READ(sk, __sk_common.skc_cookie.counter);
	return cookie && bpf_map_lookup_elem(&sockets, &cookie);
}

static __always_inline void count(u64 key, u64 datagrams)
{
	__u32 at = mix(key) % TALLIES;
	struct tally *t;
	u64 has;
	int i;

	for (i = 0; i < PROBES; i++, at = (at + 1) % TALLIES) {
		t = bpf_map_lookup_elem(&tallies, &at);
		if (!t)
			return;
		has = *(volatile u64 *)&t->key;
		if (!has)
			has = __sync_val_compare_and_swap(&t->key, 0, key) ?: key;
		if (has != key)
			continue;
		__sync_fetch_and_add(&t->packets, 1);
		__sync_fetch_and_add(&t->datagrams, datagrams);
		return;
	}
}

/* read_udp tells whose a packet is, false if it is no UDP packet of ours to judge. */
static __always_inline bool read_udp(struct sk_buff *skb, struct drop *d)
{
	unsigned char *head = BPF_CORE_READ(skb, head);
	__u32 port, word, len = BPF_CORE_READ(skb, len);
	struct skb_shared_info *info = (void *)head + BPF_CORE_READ(skb, end);
	void *ip = head + BPF_CORE_READ(skb, network_header);
	struct udphdr *udp = (void *)head + BPF_CORE_READ(skb, transport_header);
	__u16 protocol = BPF_CORE_READ(skb, protocol), gso = BPF_CORE_READ(info, gso_size);
	u64 src[2] = {}, hash, *slot;

	if (protocol == bpf_htons(ETH_P_IP))
		src[1] = mapped(BPF_CORE_READ((struct iphdr *)ip, saddr));
	else if (protocol == bpf_htons(ETH_P_IPV6))
		bpf_probe_read_kernel(src, sizeof(src), &((struct ipv6hdr *)ip)->saddr);
	else
		return 0;
	d->datagrams = gso && len ? (len + gso - 1) / gso : 1;
	port = bpf_ntohs(BPF_CORE_READ(udp, dest));
	if (!is_watched(port)) {
		d->key = PORT | port;
		return 1;
	}
	d->key = UNKNOWN;
	hash = flow(src, bpf_ntohs(BPF_CORE_READ(udp, source)), port);
	word = hash % SLOTS;
	slot = bpf_map_lookup_elem(&senders, &word);
	if (slot) {
		u64 who = *(volatile u64 *)slot;

		if (who && who >> TAG == hash >> TAG)
			d->key = who & ((1ULL << TAG) - 1);
	}
	return 1;
}

/* is_here reports whether a packet came in by a device of our network namespace.
 * UDP may have put something else (dev_scratch) over the pointer. */
static __always_inline bool is_here(struct sk_buff *skb)
{
	struct net_device *dev = BPF_CORE_READ(skb, dev);

	return (s64)dev < 0 && BPF_CORE_READ(dev, nd_net.net, ns.inum) == netns;
}

SEC("tp_btf/kfree_skb")
int dropped(u64 *ctx)
{
	int reason = ctx[2];
	struct drop d, *l;
	__u32 zero = 0;

	if (reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_SOCKET_RCVBUFF) &&
	    reason != bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_PROTO_MEM))
		return 0;
	if (receiver) {
		if (is_ours((struct sock *)ctx[3]) && read_udp((struct sk_buff *)ctx[0], &d))
			count(d.key, d.datagrams);
		return 0;
	}
	l = bpf_map_lookup_elem(&last, &zero);
	if (!l || !read_udp((struct sk_buff *)ctx[0], &d))
		return 0;
	l->datagrams = d.datagrams;
	if (BPF_CORE_READ((struct sk_buff *)ctx[0], protocol) == bpf_htons(ETH_P_IP)) {
		l->key = d.key;
	} else {
		l->key = 0;
		if (!(d.key & PORT) && is_here((struct sk_buff *)ctx[0]))
			count(d.key, d.datagrams);
	}
	return 0;
}

/* Kernels before 6.10 say at which socket right after; before 6.6 of IPv4 alone. */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int refused(u64 *ctx)
{
	__u32 zero = 0;
	struct drop *l = bpf_map_lookup_elem(&last, &zero);

	if (l && l->key && is_ours((struct sock *)ctx[1]))
		count(l->key, l->datagrams);
	if (l)
		l->key = 0;
	return 0;
}
