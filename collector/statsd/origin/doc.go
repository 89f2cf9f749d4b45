// Package origin finds which container sent a packet. It uses, in this order, the port
// that only one container was given, the sender's cgroup from BPF or from the kernel's
// credentials, and the fields of the line.
//
// It hands out the endpoints (the launch API) and preserves them over restarts. It never
// reads a packet, and a lookup allocates nothing.
package origin
