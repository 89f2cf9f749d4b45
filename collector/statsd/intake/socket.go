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

// ReceiveBuffer is what a socket asks the kernel to hold: some 100 thousand
// datagrams of one line, where the default holds 256.
const ReceiveBuffer = 32 << 20

// socket is one that a receiver reads.
type socket struct {
	fd       int
	index    int32
	listener *Listener
	port     uint16 // UDP: that it is bound to
	unix     bool
	stalled  int    // times in a row that it could not be read for want of room
	drops    uint32 // by the kernel, as last told beside a packet
	asked    uint32 // by the kernel, as the socket last said when asked
	limit    uint32 // of its queue, as the kernel counts: bookkeeping included
	lost     uint64 // the same, without end
}

// Counts of a listener since it was opened.
type Counts struct {
	Packets, Bytes         uint64 // handed on
	ShedPackets, ShedLines uint64 // received, and given up because parsing could not keep up
	KernelDrops            uint64 // datagrams that the kernel dropped; with GRO some of them joined as one
	Refused                uint64 // connections over the limit
	Buffer                 uint64 // bytes that the kernel holds for a socket, as it counts them; 0 where there is none
}

type counters struct {
	packets, bytes, shedPackets, shedLines, refused, closedDrops atomic.Uint64
}

// openUDP makes a bound UDP socket. shared lets it join the sockets that have the
// address already; without it, it is an error that anybody has.
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

// share lets others of this user bind the address of a socket, and have a part
// of its packets: a bound one alone decides who those are.
func share(fd int) error {
	return os.NewSyscallError("setsockopt SO_REUSEPORT", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1))
}

// prepareUDP sets the options of a UDP socket, new or taken over.
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
		unix.SetsockoptInt(fd, unix.SOL_UDP, udpGRO, 1) // faster where it works; nothing lost where it does not
	}
	return nil
}

// prepare sets what UDP and unix datagram sockets have in common.
func prepare(fd, buffer int) error {
	if buffer == 0 {
		buffer = ReceiveBuffer
	}
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer) != nil { // wants CAP_NET_ADMIN
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF, buffer) // as much as net.core.rmem_max allows
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RXQ_OVFL, 1); err != nil {
		return os.NewSyscallError("setsockopt SO_RXQ_OVFL", err)
	}
	return nil
}

// memInfo is what the kernel tells of a socket's memory (include/uapi/linux/sock_diag.h).
func memInfo(fd int) (queued, limit, drops uint32) {
	const soMeminfo = 55
	var info [9]uint32 // SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_RCVBUF, …, SK_MEMINFO_DROPS
	if getsockopt(fd, unix.SOL_SOCKET, soMeminfo, &info) != nil {
		return 0, 0, 0
	}
	return info[0], info[1], info[8]
}

// kernelDrops asks the socket how many datagrams were dropped at it. The count
// is the socket's own: it goes on when a restarted process takes the socket over.
// Its 32 bits may be passed.
func (s *socket) kernelDrops() uint64 {
	if _, limit, drops := memInfo(s.fd); limit > 0 {
		s.lost += uint64(drops - s.asked)
		s.asked, s.limit = drops, limit
	}
	return s.lost
}

// halfFull reports whether a socket's queue is past the half of what it may hold.
func halfFull(fd int) bool {
	queued, limit, _ := memInfo(fd)
	return queued >= limit/2
}

// boundTo is the address of a UDP socket.
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

// TryUDP binds an address as a listener does, and lets go of it. It returns how
// many bytes a receive buffer was asked for and how many were granted, both as the
// kernel counts them: twice what the option says (socket(7)).
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

// MayBind returns why this process may not bind a port: those below
// net.ipv4.ip_unprivileged_port_start take CAP_NET_BIND_SERVICE (ip(7)).
func MayBind(port uint16) error {
	b, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start")
	if err != nil {
		return nil // before Linux 4.11; binding will tell
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
