package bpf

import (
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/btf"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"
)

const (
	dropsTallies = 1 << 13 // TALLIES in drops.bpf.c
	dropsUnknown = 1 << 62 // UNKNOWN in drops.bpf.c
	dropsPort    = 1 << 63 // PORT in drops.bpf.c
)

// ErrDropSocket means that this kernel does not tell a BPF program at which socket it
// drops a packet.
var ErrDropSocket = errors.New("the kernel does not tell at which socket it drops a packet, as Linux up to 6.9 and " +
	"from 6.11 on does")

// Drops counts by sender the UDP datagrams that the kernel drops because the buffer
// of a socket is full (tracepoint skb:kfree_skb), for sockets that were passed to
// Socket.
type Drops struct {
	coll  *ebpf.Collection
	links []link.Link
	mem   []byte                   // the program's table of counters
	was   [dropsTallies]dropsTally // the table at the last Read
}

// Dropped is what the kernel dropped of one sender since the previous Read. If both
// Port and Cgroup are 0, the sender is not known.
type Dropped struct {
	Port      uint16    // destination port, if the Sender does not watch it; otherwise 0
	Hierarchy Hierarchy // hierarchy of Cgroup
	Cgroup    uint64    // id of the sender's cgroup
	Packets   uint64    // counted as the socket counts drops (SO_MEMINFO)
	Datagrams uint64    // more than Packets if the kernel handled several as one packet (GSO)
}

// NewDrops loads and attaches the program. Datagrams to the ports that sender watches
// are counted by the sender's cgroup, all others by port. sender may be nil; it must
// be closed after the Drops. NewDrops returns ErrDropSocket if the kernel does not
// provide what the program needs.
func NewDrops(sender *Sender) (*Drops, error) {
	spec, err := loadDrops()
	if err != nil {
		return nil, err
	}
	attach := []string{dropsProgDropped}
	switch k := new(Kernel); {
	case k.traceArgs("kfree_skb") >= 4: // skb, location, reason, receiver
		if err := spec.Variables[dropsVarReceiver].Set(uint32(1)); err != nil {
			return nil, err
		}
		delete(spec.Programs, dropsProgRefused)
	case k.traceArgs("udp_fail_queue_rcv_skb") == 2: // rc, socket: after the packet is freed
		// For IPv6 the program recognises a socket by its port and this network
		// namespace.
		ns, err := os.Stat("/proc/thread-self/ns/net")
		if err != nil {
			return nil, err
		}
		if err := spec.Variables[dropsVarNetns].Set(uint32(ns.Sys().(*syscall.Stat_t).Ino)); err != nil {
			return nil, err
		}
		attach = append(attach, dropsProgRefused)
	default:
		return nil, ErrDropSocket
	}
	var o ebpf.CollectionOptions
	if sender != nil {
		o.MapReplacements = map[string]*ebpf.Map{dropsMapWatched: sender.coll.Maps[senderMapWatched],
			dropsMapSenders: sender.coll.Maps[senderMapSenders]}
	} else {
		spec.Maps[dropsMapSenders].MaxEntries = 1
	}
	d := &Drops{}
	if d.coll, err = ebpf.NewCollectionWithOptions(spec, o); err != nil {
		return nil, explain("kernel drops by sender", err)
	}
	d.mem, err = mapMemory(d.coll.Maps[dropsMapTallies], dropsTallies*int(unsafe.Sizeof(dropsTally{})),
		unix.PROT_READ|unix.PROT_WRITE)
	for _, name := range attach {
		var l link.Link
		if err == nil {
			if l, err = link.AttachTracing(link.TracingOptions{Program: d.coll.Programs[name]}); err == nil {
				d.links = append(d.links, l)
			}
		}
	}
	if err != nil {
		d.Close()
		return nil, explain("attach to the kernel's drops of packets", err)
	}
	return d, nil
}

// traceArgs returns the number of arguments of a tracepoint, 0 if the kernel has no
// tracepoint of that name.
func (k *Kernel) traceArgs(name string) int {
	var t *btf.Typedef
	if k.find("btf_trace_"+name, &t) != nil {
		return 0
	}
	if p, ok := t.Type.(*btf.Pointer); ok {
		if f, ok := p.Target.(*btf.FuncProto); ok {
			return len(f.Params) - 1 // the first parameter belongs to the tracing, not to the tracepoint
		}
	}
	return 0
}

// Socket starts to count the drops at the socket with descriptor fd.
func (d *Drops) Socket(fd int) error {
	cookie, err := unix.GetsockoptUint64(fd, unix.SOL_SOCKET, unix.SO_COOKIE)
	if err != nil {
		return os.NewSyscallError("getsockopt SO_COOKIE", err)
	}
	if err := d.coll.Maps[dropsMapSockets].Put(cookie, uint8(1)); err != nil {
		return fmt.Errorf("count the drops at a socket: %w", err)
	}
	return nil
}

// Read appends to dst what was dropped since the previous Read. It allocates only if
// dst is too small.
func (d *Drops) Read(dst []Dropped) []Dropped {
	all := unsafe.Slice((*dropsTally)(unsafe.Pointer(&d.mem[0])), dropsTallies)
	for i := range all {
		t, was := &all[i], &d.was[i]
		key := atomic.LoadUint64(&t.Key)
		if key == 0 {
			continue
		}
		packets, datagrams := atomic.LoadUint64(&t.Packets), atomic.LoadUint64(&t.Datagrams)
		if packets == was.Packets && datagrams == was.Datagrams {
			// Free the slot for another sender. If the program is about to count a
			// datagram in this slot, that datagram counts for the next sender.
			atomic.StoreUint64(&t.Key, 0)
			continue
		}
		of := Dropped{Packets: packets - was.Packets, Datagrams: datagrams - was.Datagrams}
		was.Packets, was.Datagrams = packets, datagrams
		switch {
		case key&dropsPort != 0:
			of.Port = uint16(key)
		case key&dropsUnknown == 0:
			of.Hierarchy, of.Cgroup = Hierarchy(key>>48&3), key&senderID
		}
		dst = append(dst, of)
	}
	return dst
}

// Close detaches and unloads the programs.
func (d *Drops) Close() error {
	var errs []error
	for _, l := range d.links {
		errs = append(errs, l.Close())
	}
	if d.mem != nil {
		errs = append(errs, unix.Munmap(d.mem))
	}
	d.coll.Close()
	return errors.Join(errs...)
}
