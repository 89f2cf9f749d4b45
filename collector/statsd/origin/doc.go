// Package origin says whose a packet is: by the port that only one container was
// told, by the sender's cgroup as BPF or the kernel's credentials give it, or by
// what the line itself says, in this order.
//
// It hands out the endpoints (the launch API) and keeps them over restarts. It
// never reads a packet, and resolving one allocates nothing.
package origin
