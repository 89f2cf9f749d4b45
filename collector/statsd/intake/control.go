package intake

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// These constants of include/uapi/linux/in.h, in6.h and udp.h are not in package unix.
const (
	ipOrigDstAddr   = 20
	ipv6OrigDstAddr = 74
	udpGRO          = 104
)

// Sizes of the buffers for control messages, in bytes. On a unix socket there is room
// only for the sender's credentials. So the kernel drops descriptors that a sender
// attaches (SCM_RIGHTS). Accepting them would use up our descriptors, and closing one
// may block as long as its filesystem's server likes.
const (
	controlSize     = 160
	unixControlSize = 32 // CMSG_SPACE(sizeof(struct ucred))
)

// control is what the control messages of a packet say.
type control struct {
	segment  int32
	port     uint16
	overflow uint32
	hasDrops bool
	cred     unix.Ucred
}

// parseControl parses control messages (cmsg(3)) of a 64-bit kernel. The parser of
// package unix is not used because it allocates.
func parseControl(b []byte, c *control) {
	for len(b) >= unix.SizeofCmsghdr {
		n := int(binary.NativeEndian.Uint64(b))
		if n < unix.SizeofCmsghdr || n > len(b) {
			return
		}
		level, typ := int32(binary.NativeEndian.Uint32(b[8:])), int32(binary.NativeEndian.Uint32(b[12:]))
		data := b[unix.SizeofCmsghdr:n]
		switch {
		case level == unix.SOL_UDP && typ == udpGRO && len(data) >= 4:
			c.segment = int32(binary.NativeEndian.Uint32(data))
		case level == unix.SOL_IP && typ == ipOrigDstAddr && len(data) >= 4,
			level == unix.SOL_IPV6 && typ == ipv6OrigDstAddr && len(data) >= 4:
			c.port = binary.BigEndian.Uint16(data[2:])
		case level == unix.SOL_SOCKET && typ == unix.SO_RXQ_OVFL && len(data) >= 4:
			c.overflow, c.hasDrops = binary.NativeEndian.Uint32(data), true
		case level == unix.SOL_SOCKET && typ == unix.SCM_CREDENTIALS && len(data) >= unix.SizeofUcred:
			c.cred.Pid = int32(binary.NativeEndian.Uint32(data))
			c.cred.Uid = binary.NativeEndian.Uint32(data[4:])
			c.cred.Gid = binary.NativeEndian.Uint32(data[8:])
		}
		n = (n + 7) &^ 7
		if n > len(b) {
			return
		}
		b = b[n:]
	}
}

// parseName parses the sender's address (ip(7), ipv6(7)).
func parseName(b []byte, s *Source) {
	if len(b) < 8 {
		return
	}
	switch binary.NativeEndian.Uint16(b) {
	case unix.AF_INET:
		s.SrcPort = binary.BigEndian.Uint16(b[2:])
		s.Src = [16]byte{10: 0xff, 11: 0xff, 12: b[4], 13: b[5], 14: b[6], 15: b[7]}
	case unix.AF_INET6:
		if len(b) >= 24 {
			s.SrcPort = binary.BigEndian.Uint16(b[2:])
			s.Src = [16]byte(b[8:24])
		}
	}
}
