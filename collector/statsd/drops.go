package statsd

import (
	"sync"

	"github.com/daytwo/daytwo/collector/statsd/origin"
)

// drops is what the kernel dropped, as far as it is in the ledger.
type drops struct {
	mu      sync.Mutex
	sockets uint64 // by the sockets' own counts
	named   uint64 // of those, what BPF told
	unnamed uint64 // of those, what it did not tell
	list    []origin.Dropped
}

// countDrops brings what the kernel dropped into the ledger: of every sender what
// BPF tells, and of nobody known what the sockets count beyond that. BPF and the
// socket count a drop one after the other, so it is nobody's only if it is untold
// a tick later, or at last.
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
