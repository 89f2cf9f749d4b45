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

// Hierarchy says in which tree of cgroups an id is one.
type Hierarchy uint8

// As in sender.bpf.c.
const (
	HierarchyUnified Hierarchy = iota // cgroup v2
	HierarchyMemory                   // cgroup v1
	HierarchyCPU                      // cgroup v1
	HierarchyPids                     // cgroup v1
)

const (
	senderSlots = 1 << 18 // SLOTS in sender.bpf.c
	senderID    = 1<<48 - 1
	senderTag   = 50
)

// Sender knows the cgroup of whoever sends a UDP packet to a watched port, from
// any network namespace of the machine (BPF_CGROUP_INET_EGRESS at the root).
type Sender struct {
	coll    *ebpf.Collection
	link    link.Link
	watched []byte
	senders []byte
}

// NewSender loads the program and attaches it at the root of cgroup v2, which is
// mounted at dir. legacy are the hierarchies that are cgroup v1's: they are asked first.
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
		s.link, err = link.AttachCgroup(link.CgroupOptions{Path: dir, Attach: ebpf.AttachCGroupInetEgress, Program: s.coll.Programs[senderProgSender]})
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

// Watch begins or ends the watching of a port.
func (s *Sender) Watch(port uint16, on bool) { setPort(s.watched, port, on) }

// Cgroup is the cgroup of the task that last sent from one address and port
// (IPv4 as ::ffff:a.b.c.d) to another port; ok is false if it is not known. That
// another flow is taken for this one has a chance of one in 16,384 for each pair
// of live flows that meet on one of the 262,144 slots.
func (s *Sender) Cgroup(src [16]byte, srcPort, dstPort uint16) (h Hierarchy, id uint64, ok bool) {
	hash := mix(binary.LittleEndian.Uint64(src[:]) ^ mix(binary.LittleEndian.Uint64(src[8:])^mix(uint64(srcPort)<<16|uint64(dstPort))))
	word := atomic.LoadUint64((*uint64)(unsafe.Pointer(&s.senders[hash%senderSlots*8])))
	if word == 0 || word>>senderTag != hash>>senderTag {
		return 0, 0, false
	}
	return Hierarchy(word >> 48 & 3), word & senderID, true
}

// mix is splitmix64's finalizer.
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
