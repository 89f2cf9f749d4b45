package bpf

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// portsSize is the size in bytes of a set with a bit for each port.
const portsSize = 1 << 16 / 8

// Steer delivers UDP packets to many ports of one address to one socket, in the
// network namespaces that it is attached to (BPF_PROG_TYPE_SK_LOOKUP).
type Steer struct {
	coll  *ebpf.Collection
	ports []byte // a bit for each port
}

// NewSteer loads the program. It steers only packets to address4 and address6; either
// may be the zero Addr.
func NewSteer(address4, address6 netip.Addr) (*Steer, error) {
	spec, err := loadSteer()
	if err != nil {
		return nil, err
	}
	if address4.Is4() {
		b := address4.As4()
		if err := spec.Variables[steerVarAddress4].Set(binary.NativeEndian.Uint32(b[:])); err != nil {
			return nil, err
		}
	}
	if address6.Is6() {
		b := address6.As16()
		var words [4]uint32
		for i := range words {
			words[i] = binary.NativeEndian.Uint32(b[4*i:])
		}
		if err := spec.Variables[steerVarAddress6].Set(words); err != nil {
			return nil, err
		}
	}
	coll, err := ebpf.NewCollection(spec)
	if err != nil {
		return nil, explain("steering ports", err)
	}
	ports, err := mapMemory(coll.Maps[steerMapPorts], portsSize, unix.PROT_READ|unix.PROT_WRITE)
	if err != nil {
		coll.Close()
		return nil, err
	}
	return &Steer{coll: coll, ports: ports}, nil
}

// Socket sets the bound UDP socket that receives the packets, one for each address
// family. If the socket belongs to an SO_REUSEPORT group, the kernel distributes the
// packets over the group.
func (s *Steer) Socket(fd int) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	if err != nil {
		return os.NewSyscallError("getsockopt SO_DOMAIN", err)
	}
	key := uint32(0)
	if domain == unix.AF_INET6 {
		key = 1
	}
	if err := s.coll.Maps[steerMapSockets].Put(key, uint64(fd)); err != nil {
		return fmt.Errorf("steer ports to a socket: %w", err)
	}
	return nil
}

// Port starts (on) or stops steering packets to a port.
func (s *Steer) Port(port uint16, on bool) { setPort(s.ports, port, on) }

// setPort sets or clears the bit of a port in a map that a program reads. The change
// is atomic, as other goroutines may change other bits of the same word.
func setPort(ports []byte, port uint16, on bool) {
	word := (*uint64)(unsafe.Pointer(&ports[port/64*8]))
	if on {
		atomic.OrUint64(word, 1<<(port%64))
	} else {
		atomic.AndUint64(word, ^uint64(1<<(port%64)))
	}
}

// Attach attaches the program to the network namespace with descriptor netns, until
// all copies of the Attachment's descriptor are closed.
func (s *Steer) Attach(netns int) (*Attachment, error) {
	l, err := link.AttachNetNs(netns, s.coll.Programs[steerProgSteer])
	if err != nil {
		return nil, explain("attach the steering of ports to a network namespace", err)
	}
	return &Attachment{l}, nil
}

// Adopt takes over an Attachment of an earlier process, which passed on its
// descriptor fd. It replaces that process's program by this one's, without a moment
// in which packets are not steered. It closes fd if it fails.
func (s *Steer) Adopt(fd int) (*Attachment, error) {
	l, err := link.NewFromFD(fd)
	if err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("take over the steering of ports: %w", err)
	}
	n, ok := l.(*link.NetNsLink)
	if !ok {
		l.Close()
		return nil, fmt.Errorf("take over the steering of ports: descriptor %d is none", fd)
	}
	if err := n.Update(s.coll.Programs[steerProgSteer]); err != nil {
		n.Close()
		return nil, explain("take over the steering of ports", err)
	}
	return &Attachment{n}, nil
}

// Close unloads the program. Attachments whose descriptors are still open somewhere
// continue to steer.
func (s *Steer) Close() error {
	s.coll.Close()
	return unix.Munmap(s.ports)
}

// Attachment is a program attached to a network namespace.
type Attachment struct{ link *link.NetNsLink }

// FD returns the descriptor of the attachment. The program stays attached while any
// copy of it is open.
func (a *Attachment) FD() int { return a.link.FD() }

// Netns returns the inode number of the network namespace, 0 if that no longer exists
// or cannot be read. The kernel may later give the number to another namespace.
func (a *Attachment) Netns() uint64 {
	info, err := a.link.Info()
	if err != nil || info.NetNs() == nil {
		return 0
	}
	return uint64(info.NetNs().NetnsInode)
}

// Close closes this process's copy of the descriptor.
func (a *Attachment) Close() error { return a.link.Close() }
