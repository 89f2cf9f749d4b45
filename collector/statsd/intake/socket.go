package intake

import (
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

// ReceiveBuffer is the default receive buffer of a socket, in bytes. It holds about
// 100,000 datagrams of one line; the kernel's default holds 256.
const ReceiveBuffer = 32 << 20

// socket is a socket that a receiver reads.
type socket struct {
	fd       int
	index    int32
	listener *Listener
	port     uint16 // UDP: port that it is bound to
	unix     bool
	stalled  int    // consecutive times that it could not be read because the ring was full
	drops    uint32 // the kernel's drop count, from the last packet's control message
	asked    uint32 // the kernel's drop count, as last read by kernelDrops
	limit    uint32 // size of its queue as the kernel counts it, including overhead
	lost     uint64 // drop count that does not wrap around
}

// Counts are the counts of a listener since it was opened.
type Counts struct {
	Packets, Bytes         uint64 // delivered
	ShedPackets, ShedLines uint64 // received, but discarded because parsing was too slow
	KernelDrops            uint64 // datagrams that the kernel dropped; several joined by GRO count as one
	Refused                uint64 // connections above the limit
	Buffer                 uint64 // size of a socket's receive buffer as the kernel counts it; 0 if there is none
}

type counters struct {
	packets, bytes, shedPackets, shedLines, refused, closedDrops atomic.Uint64
}

// openUDP returns a bound UDP socket. If shared is set, it may share the address with
// other sockets. Otherwise an address in use is an error.
func openUDP(addr netip.AddrPort, shared bool) (int, error) {
	family := unix.AF_INET6
	var sa unix.Sockaddr
	if addr.Addr().Is4() {
		family = unix.AF_INET
		sa = &unix.SockaddrInet4{Port: int(addr.Port()), Addr: addr.Addr().As4()}
	} else {
		sa = &unix.SockaddrInet6{Port: int(addr.Port()), Addr: addr.Addr().As16()}
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	if shared {
		err = share(fd)
	}
	if err == nil && family == unix.AF_INET6 && !addr.Addr().IsUnspecified() {
		err = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sa)
	}
	if err != nil {
		unix.Close(fd)
		return -1, fmt.Errorf("listen on udp %s: %w", addr, err)
	}
	return fd, nil
}

// share sets SO_REUSEPORT: other sockets of this user that set it too can bind the same
// address and receive a part of its packets.
func share(fd int) error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// prepareUDP sets the options of a UDP socket, which is new or was taken over.
func prepareUDP(fd int, o *UDP) error {
	if err := prepare(fd, o.ReceiveBuffer); err != nil {
		return err
	}
	if o.OriginalPort {
		domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		if err != nil {
			return os.NewSyscallError("getsockopt SO_DOMAIN", err)
		}
		if err := unix.SetsockoptInt(fd, unix.SOL_IP, ipOrigDstAddr, 1); err != nil {
			return os.NewSyscallError("setsockopt IP_RECVORIGDSTADDR", err)
		}
		if domain == unix.AF_INET6 {
			if err := unix.SetsockoptInt(fd, unix.SOL_IPV6, ipv6OrigDstAddr, 1); err != nil {
				return os.NewSyscallError("setsockopt IPV6_RECVORIGDSTADDR", err)
			}
		}
	}
	if !o.NoGRO {
		unix.SetsockoptInt(fd, unix.SOL_UDP, udpGRO, 1) // an optimization; an error does not matter
	}
	return nil
}

// prepare sets the options that UDP and unix datagram sockets have in common.
func prepare(fd, buffer int) error {
	if buffer == 0 {
		buffer = ReceiveBuffer
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil { // needs CAP_NET_ADMIN
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer) // limited by net.core.rmem_max
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_RXQ_OVFL", err)
	}
	return nil
}

// memInfo returns the kernel's figures on a socket's memory
// (include/uapi/linux/sock_diag.h).
func memInfo(fd int) (queued, limit, drops uint32) {
	const soMeminfo = 55
	var info [9]uint32 // SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_RCVBUF, …, SK_MEMINFO_DROPS
	if getsockopt(fd, unix.SOL_SOCKET, soMeminfo, &info) != nil {
		return 0, 0, 0
	}
	return info[0], info[1], info[8]
}

// kernelDrops returns how many datagrams the kernel dropped at the socket. The count
// belongs to the socket, so it continues when a restarted process takes the socket over.
// It wraps around at 32 bits.
func (s *socket) kernelDrops() uint64 {
	if _, limit, drops := memInfo(s.fd); limit > 0 {
		s.lost += uint64(drops - s.asked)
		s.asked, s.limit = drops, limit
	}
	return s.lost
}

// halfFull reports whether a socket's queue is more than half full.
func halfFull(fd int) bool {
	queued, limit, _ := memInfo(fd)
	return queued >= limit/2
}

// boundTo returns the address of a UDP socket.
func boundTo(fd int) (netip.AddrPort, error) {
	sa, err := unix.Getsockname(fd)
	if err != nil {
		return netip.AddrPort{}, os.NewSyscallError("getsockname", err)
	}
	switch sa := sa.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(sa.Addr), uint16(sa.Port)), nil
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(sa.Addr), uint16(sa.Port)), nil
	}
	return netip.AddrPort{}, fmt.Errorf("socket %d is no UDP socket", fd)
}

// TryUDP binds an address as a listener does and closes the socket. It returns how many
// bytes of receive buffer were requested and granted. Both are as the kernel counts:
// twice the value of the option (socket(7)).
func TryUDP(addr netip.AddrPort) (asked, granted int, err error) {
	fd, err := openUDP(addr, false)
	if err != nil {
		return 0, 0, err
	}
	defer unix.Close(fd)
	if err := prepare(fd, 0); err != nil {
		return 0, 0, err
	}
	granted, err = unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
	return 2 * ReceiveBuffer, granted, os.NewSyscallError("getsockopt SO_RCVBUF", err)
}

// MayBind returns why this process may not bind a port, or nil. Ports below
// net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE (ip(7)).
func MayBind(port uint16) error {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return nil // before Linux 4.11; binding will fail if it is not permitted
	}
	first, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || port == 0 || int(port) >= first {
		return nil
	}
	hdr := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var data [2]unix.CapUserData
	if err := unix.Capget(&hdr, &data[0]); err != nil {
		return os.NewSyscallError("capget", err)
	}
	if data[0].Effective&(1<<unix.CAP_NET_BIND_SERVICE) == 0 {
		return fmt.Errorf("ports below %d take CAP_NET_BIND_SERVICE: %w", first, unix.EACCES)
	}
	return nil
}
