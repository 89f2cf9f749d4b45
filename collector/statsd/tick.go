package statsd

import (
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// Tick returns the tables App and Statsd. parent returns the id of a sender's Container
// row, or 0 if there is none. The tables are valid until the next Tick.
func (s *Server) Tick(at time.Time, parent func(info origin.Info) uint64) (app, ledger frame.Table) {
	s.countDrops(false)
	s.parent = parent
	return s.store.Flush(s.steadyTime(at), s.find)
}

// Events returns the table of the events that the last Tick collected. It is valid until
// the next Tick.
func (s *Server) Events() frame.Table { return s.store.Events() }

// Waiting reports whether there are events for the next Tick.
func (s *Server) Waiting() bool { return s.store.Waiting() }

func (s *Server) findParent(n uint32) uint64 {
	info, ok := s.table.Info(origin.Origin(n))
	if !ok {
		return 0
	}
	return s.parent(info)
}

// key returns the key of a sender's row in the ledger.
func (s *Server) key(n uint32) string {
	info, ok := s.table.Info(origin.Origin(n))
	switch {
	case !ok:
		return ""
	case info.ContainerID != "":
		return info.ContainerID
	}
	return info.Cgroup
}

// named reports whether a sender's container is known.
func (s *Server) named(n uint32) bool {
	info, ok := s.table.Info(origin.Origin(n))
	return ok && info.ContainerID != ""
}

// labels returns the labels of a sender without a Container row: those that its launcher
// gave, and its container id.
func (s *Server) labels(n uint32) []frame.Label {
	info, ok := s.table.Info(origin.Origin(n))
	if !ok {
		return nil
	}
	return Labels(info.ContainerID, info.Name, info.Labels)
}

// Stats are the state of a server.
type Stats struct {
	Series  int // number of series
	Ledger  series.Totals
	Origin  origin.Counts
	Ports   bool // containers get ports of their own
	Steered bool // those ports are steered onto one socket
	Senders bool // senders to the shared port are identified by their cgroups
	Drops   bool // the kernel's drops are identified by their senders
}

// Stats returns the server's state. It must not be called concurrently with Tick.
func (s *Server) Stats() Stats {
	return Stats{Series: s.store.Series(), Ledger: s.store.Totals(), Origin: s.table.Counts(),
		Ports:   s.table.Refused() == nil,
		Steered: s.table.Steered(), Senders: s.table.SenderKnown(), Drops: s.table.DropsKnown()}
}

// Fill writes the server's columns of the Collector table to v.
func (s *Server) Fill(v []int64) {
	n := s.table.Counts()
	v[metric.SelfStatsdPorts] = flag(s.table.Refused() == nil)
	v[metric.SelfStatsdSteered] = flag(s.table.Steered())
	v[metric.SelfStatsdSenders] = flag(s.table.SenderKnown())
	v[metric.SelfStatsdDrops] = flag(s.table.DropsKnown())
	v[metric.SelfStatsdEndpoints] = int64(n.Endpoints)
	v[metric.SelfStatsdNamespaces] = int64(n.Namespaces)
	v[metric.SelfStatsdUnreached] = int64(n.Unreached)
	v[metric.SelfStatsdConflicts] = int64(n.Conflicts)
	v[metric.SelfStatsdUnknown] = int64(n.Unknown)
	v[metric.SelfStatsdAbsent] = s.absent()
	v[metric.SelfStatsdPanics] = int64(s.panics.count.Load())
}

func flag(on bool) int64 {
	if on {
		return 1
	}
	return 0
}
