//go:build ignore

/* SPDX-License-Identifier: GPL-2.0 */
/* steer hands the UDP packets of many ports to one socket. The socket learns the
 * original port from IP_RECVORIGDSTADDR. */
#include "kernel.h"
#include <bpf/bpf_helpers.h>

char LICENSE[] SEC("license") = "GPL";

enum { V4, V6, SOCKETS };
enum { AF_INET = 2, IPPROTO_UDP = 17, PORTS = 65536, SK_PASS = 1, BPF_MAP_TYPE_SOCKMAP = 15 };

/* include/uapi/linux/bpf.h */
struct bpf_sk_lookup {
	__u64 sk;
	__u32 family, protocol;
	__u32 remote_ip4, remote_ip6[4];
	__be16 remote_port;
	__u16 pad;
	__u32 local_ip4, local_ip6[4];
	__u32 local_port, ingress_ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_SOCKMAP);
	__uint(max_entries, SOCKETS);
	__type(key, __u32);
	__type(value, __u64);
} sockets SEC(".maps");

/* A bit for every port that is steered, written by user space. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, PORTS / 64);
	__type(key, __u32);
	__type(value, __u64);
} ports SEC(".maps");

/* The addresses that packets are sent to, in network byte order; 0 = none. */
const volatile __u32 address4;
const volatile __u32 address6[4];

SEC("sk_lookup")
int steer(struct bpf_sk_lookup *ctx)
{
	__u32 port = ctx->local_port, word = port / 64 % (PORTS / 64), family;
	void *sk;
	__u64 *bits;

	if (ctx->protocol != IPPROTO_UDP)
		return SK_PASS;
	bits = bpf_map_lookup_elem(&ports, &word);
	if (!bits || !(*bits >> port % 64 & 1))
		return SK_PASS;
	if (ctx->family == AF_INET) {
		if (!address4 || ctx->local_ip4 != address4)
			return SK_PASS;
		family = V4;
	} else {
		if (!address6[3] || ctx->local_ip6[0] != address6[0] || ctx->local_ip6[1] != address6[1] ||
		    ctx->local_ip6[2] != address6[2] || ctx->local_ip6[3] != address6[3])
			return SK_PASS;
		family = V6;
	}
	sk = bpf_map_lookup_elem(&sockets, &family);
	if (!sk)
		return SK_PASS;
	bpf_sk_assign(ctx, sk, 0); /* an error leaves the packet to the usual look-up */
	bpf_sk_release(sk);
	return SK_PASS;
}
