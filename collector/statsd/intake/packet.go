package intake

import "bytes"

// Source says where a packet came from.
type Source struct {
	Listener uint32   // Listener.Number
	Port     uint16   // UDP: port that it was sent to, as the sender gave it
	SrcPort  uint16   // UDP: port of the sender
	Src      [16]byte // UDP: address of the sender, IPv4 as ::ffff:a.b.c.d
	PID      uint32   // unix: the sender as the kernel vouches for it, in our pid namespace; 0 if it is in none that we see
	UID      uint32   // unix
	GID      uint32   // unix
}

// Packet is one datagram, one frame of a stream, or some whole lines of one.
type Packet struct {
	Data      []byte // good until the handler returns
	Source    Source
	Dropped   uint32 // datagrams that the kernel dropped at this socket since the packet before (SO_RXQ_OVFL)
	Truncated bool   // Data is the beginning of something too long or broken off
}

// Lines counts the lines of a datagram: those between newlines that hold more
// than a carriage return.
func Lines(b []byte) int {
	n := 0
	for len(b) > 0 {
		line := b
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			line, b = b[:i], b[i+1:]
		} else {
			b = nil
		}
		if len(line) > 1 || len(line) == 1 && line[0] != '\r' {
			n++
		}
	}
	return n
}
