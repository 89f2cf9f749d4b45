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
	dropsUnknown = 1 << 62 // UNKNOWN
	dropsPort    = 1 << 63 // PORT
)

// ErrDropSocket says that the kernel does not tell at which socket it drops a packet.
var ErrDropSocket = errors.New("the kernel does not tell at which socket it drops a packet, as Linux up to 6.9 and from 6.11 on does")

// Drops counts, by sender, the UDP datagrams that the kernel drops at some
// sockets because their buffers are full (tracepoint skb:kfree_skb).
type Drops struct {
	coll  *ebpf.Collection
	links []link.Link
	mem   []byte
	was   [dropsTallies]dropsTally // as of the last Read
}

// Dropped is what was dropped of one sender since the Read before. Without a
// port and a cgroup the sender is not known.
type Dropped struct {
	Port      uint16    // that it was sent to, if the sender's cgroup is not asked for there
	Hierarchy Hierarchy // else
	Cgroup    uint64    // its id there
	Packets   uint64    // as the socket itself counts drops (SO_MEMINFO)
	Datagrams uint64    // more than Packets where the kernel had joined some (GSO)
}

// NewDrops loads and attaches the program. Senders to the ports that sender
// watches are told apart by their cgroups; sender may be nil, and has to be
// closed later than the Drops.
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
		// IPv6 goes by the shared ports and our network namespace.
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
		o.MapReplacements = map[string]*ebpf.Map{dropsMapWatched: sender.coll.Maps[senderMapWatched], dropsMapSenders: sender.coll.Maps[senderMapSenders]}
	} else {
		spec.Maps[dropsMapSenders].MaxEntries = 1
	}
	d := &Drops{}
	if d.coll, err = ebpf.NewCollectionWithOptions(spec, o); err != nil {
		return nil, explain("kernel drops by sender", err)
	}
	d.mem, err = mapMemory(d.coll.Maps[dropsMapTallies], dropsTallies*int(unsafe.Sizeof(dropsTally{})), unix.PROT_READ|unix.PROT_WRITE)
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

// traceArgs is how many arguments a tracepoint has, 0 if there is none of that name.
func (k *Kernel) traceArgs(name string) int {
	var t *btf.Typedef
	if k.find("btf_trace_"+name, &t) != nil {
		return 0
	}
	if p, ok := t.Type.(*btf.Pointer); ok {
		if f, ok := p.Target.(*btf.FuncProto); ok {
			return len(f.Params) - 1 // the first is the tracepoint's own
		}
	}
	return 0
}

// Socket lets drops at a socket be counted from now on.
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

// Read appends what was dropped since the Read before. It allocates only if dst
// is too small.
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
			// Let another sender have the place. Should this one be about to count
			// just now, the datagram is taken for the next one's.
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

// Close detaches and unloads the program.
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
