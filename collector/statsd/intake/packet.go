package intake

import "bytes"

// Source is where a packet came from.
type Source struct {
	Listener uint32   // Listener.Number
	Port     uint16   // UDP: destination port, as the sender used it
	SrcPort  uint16   // UDP: the sender's port
	Src      [16]byte // UDP: the sender's address; IPv4 as ::ffff:a.b.c.d
	PID      uint32   // unix: the sender, from the kernel, in our pid namespace; 0 if not visible in it
	UID      uint32   // unix
	GID      uint32   // unix
}

// Packet is one datagram, or one frame or several whole lines of a stream.
type Packet struct {
	Data      []byte // valid until the handler returns
	Source    Source
	Dropped   uint32 // datagrams that the kernel dropped at this socket since the previous packet (SO_RXQ_OVFL)
	Truncated bool   // Data is the beginning of a packet that was too long or broken off
}

// Lines returns the number of lines in a datagram. Lines that are empty or only a
// carriage return are not counted.
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
