package bpf

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

// Hierarchy says which cgroup hierarchy a cgroup id belongs to.
type Hierarchy uint8

// The hierarchies, with the numbers of sender.bpf.c.
const (
	HierarchyUnified Hierarchy = iota // cgroup v2
	HierarchyMemory                   // cgroup v1
	HierarchyCPU                      // cgroup v1
	HierarchyPids                     // cgroup v1
)

const (
	senderSlots = 1 << 18   // SLOTS in sender.bpf.c
	senderID    = 1<<48 - 1 // the bits of a slot that hold a cgroup's id
	senderTag   = 50        // the bits of a slot from this one on hold a part of the flow's hash
)

// Sender finds the cgroup of the task that sent a UDP packet to a watched port, from
// any network namespace of the machine. Its program is attached at the root cgroup
// (BPF_CGROUP_INET_EGRESS).
type Sender struct {
	coll    *ebpf.Collection
	link    link.Link
	watched []byte // a bit for each port
	senders []byte // slots of 8 bytes, by the hash of a flow
}

// NewSender loads the program and attaches it at dir, the mount point of cgroup v2.
// legacy names the hierarchies that are cgroup v1: the program looks for the task's
// cgroup in these first.
func NewSender(dir string, legacy ...Hierarchy) (*Sender, error) {
	spec, err := loadSender()
	if err != nil {
		return nil, err
	}
	var mask uint32
	for _, h := range legacy {
		mask |= 1 << h
	}
	if err := spec.Variables[senderVarLegacy].Set(mask); err != nil {
		return nil, err
	}
	s := &Sender{}
	if s.coll, err = ebpf.NewCollection(spec); err != nil {
		return nil, explain("senders' cgroups", err)
	}
	const rw = unix.PROT_READ | unix.PROT_WRITE
	if s.watched, err = mapMemory(s.coll.Maps[senderMapWatched], portsSize, rw); err == nil {
		s.senders, err = mapMemory(s.coll.Maps[senderMapSenders], 8*senderSlots, rw)
	}
	if err == nil {
		s.link, err = link.AttachCgroup(link.CgroupOptions{Path: dir, Attach: ebpf.AttachCGroupInetEgress,
			Program: s.coll.Programs[senderProgSender]})
		if err != nil {
			err = explain("attach to the cgroups' way out", err)
		}
	}
	if err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Watch starts (on) or stops watching packets to a port.
func (s *Sender) Watch(port uint16, on bool) { setPort(s.watched, port, on) }

// Cgroup returns the cgroup of the task that last sent from an address (IPv4 as
// ::ffff:a.b.c.d) and port to dstPort. ok is false if it is not known. Two flows may
// share one of the 262,144 slots; the chance that one of these is then mistaken for
// the other is one in 16,384.
func (s *Sender) Cgroup(src [16]byte, srcPort, dstPort uint16) (h Hierarchy, id uint64, ok bool) {
	hash := mix(binary.LittleEndian.Uint64(src[:]) ^
		mix(binary.LittleEndian.Uint64(src[8:])^mix(uint64(srcPort)<<16|uint64(dstPort))))
	word := atomic.LoadUint64((*uint64)(unsafe.Pointer(&s.senders[hash%senderSlots*8])))
	if word == 0 || word>>senderTag != hash>>senderTag {
		return 0, 0, false
	}
	return Hierarchy(word >> 48 & 3), word & senderID, true
}

// mix is the finalizer of the hash function splitmix64.
func mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}

// Close detaches and unloads the program.
func (s *Sender) Close() error {
	var errs []error
	if s.link != nil {
		errs = append(errs, s.link.Close())
	}
	for _, m := range [][]byte{s.watched, s.senders} {
		if m != nil {
			errs = append(errs, unix.Munmap(m))
		}
	}
	s.coll.Close()
	return errors.Join(errs...)
}
