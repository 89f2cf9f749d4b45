package intake

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// Not in package unix: include/uapi/linux/in.h, in6.h, udp.h.
const (
	ipOrigDstAddr   = 20
	ipv6OrigDstAddr = 74
	udpGRO          = 104
)

// Control messages that we ask for have room in so many bytes. At a unix socket that
// is a sender's credentials alone: descriptors that somebody sends (SCM_RIGHTS) have
// none, and the kernel drops them. To receive them would use up ours, and closing one
// may take for ever, as whoever serves its filesystem likes.
const (
	controlSize     = 160
	unixControlSize = 32 // CMSG_SPACE(sizeof(struct ucred))
)

// control is what the kernel says beside a packet.
type control struct {
	segment  int32
	port     uint16
	overflow uint32
	hasDrops bool
	cred     unix.Ucred
}

// parseControl reads control messages (cmsg(3)) of a 64-bit kernel. Package
// unix's parser allocates.
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

// parseName reads the sender's address (ip(7), ipv6(7)).
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
