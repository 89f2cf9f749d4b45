package statsd

import (
	"sync"

	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// drops are the kernel's drops that the ledger contains so far.
type drops struct {
	mu      sync.Mutex
	sockets uint64 // as the sockets count them
	named   uint64 // of those, with a sender that BPF identified
	unnamed uint64 // of those, without an identified sender
	list    []origin.Dropped
}

// countDrops adds the kernel's drops to the ledger: drops that BPF identified to their
// senders, the rest to the unknown sender. The socket's counter and BPF's change one
// after the other, so a drop counts as unidentified only if BPF has not reported it a
// tick later, or when the server closes.
func (s *Server) countDrops(last bool) {
	d := &s.drops
	d.mu.Lock()
	defer d.mu.Unlock()
	d.list = s.table.Drops(d.list[:0])
	due := d.sockets
	d.sockets = 0
	for _, l := range s.in.Listeners() {
		d.sockets += l.Counts().KernelDrops
	}
	if last || !s.table.DropsKnown() {
		due = d.sockets
	}
	w := s.store.Worker(s.o.Workers)
	w.Begin()
	defer w.End()
	for i := range d.list {
		w.Dropped(uint32(d.list[i].Origin), d.list[i].Datagrams)
		d.named += d.list[i].Packets
	}
	if told := d.named + d.unnamed; due > told {
		w.Dropped(0, due-told)
		d.unnamed += due - told
	}
}
