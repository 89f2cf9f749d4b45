package collector

import (
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/cgroups"
)

// numHostTables is the number of tables that host.Reader.Read returns.
const numHostTables = 6

// tableCopy holds a copy of a table, which stays valid while the next one is read.
type tableCopy struct {
	gen  uint64
	rows []*frame.Row
	vals []int64
}

// of copies the rows and values of t into c, and returns the table made of them.
func (c *tableCopy) of(t frame.Table) frame.Table {
	if t.Gen == 0 || t.Gen != c.gen || len(t.Rows) != len(c.rows) {
		c.gen, c.rows = t.Gen, append(c.rows[:0], t.Rows...)
	}
	c.vals = append(c.vals[:0], t.Vals...)
	t.Rows, t.Vals = c.rows, c.vals
	return t
}

// fillHost adds the tables of the machine, except that of its hardware.
func (n *Node) fillHost(b *frame.Batch) {
	for i := range n.machine {
		if n.machine[i].Kind != metric.Hardware {
			b.Tables = append(b.Tables, n.hostShown[i].of(n.machine[i]))
		}
	}
}

// fillHardware adds the table of the machine's hardware, which is the last one, as the
// tables of a batch are in the order of their kinds.
func (n *Node) fillHardware(b *frame.Batch) {
	for i := range n.machine {
		if n.machine[i].Kind == metric.Hardware {
			b.Tables = append(b.Tables, n.hostShown[i].of(n.machine[i]))
		}
	}
}

// fillCgroups adds the tables of the cgroups in s: their own values, block devices,
// huge pages and, for containers, network interfaces.
func (n *Node) fillCgroups(b *frame.Batch, s *cgroups.Snapshot) {
	b.Tables = append(b.Tables, table(metric.Container, n.groups.gen, n.groups.rows, s.Vals))
	n.io.update(len(s.IO), [2]uint64{s.IOGen, n.groups.gen},
		func(i int) childKey {
			d := s.IO[i].Device
			return childKey{parent: n.groups.rows[s.IO[i].Group].ID, a: int64(d.Major), b: int64(d.Minor)}
		},
		func(i int) (string, []frame.Label) {
			d := s.IO[i].Device
			return deviceLabels(d, cgroups.DeviceName(d.Major, d.Minor))
		})
	b.Tables = append(b.Tables, table(metric.ContainerIO, n.io.gen, n.io.rows, s.IOVals))
	n.hugetlb.update(len(s.Hugetlb), [2]uint64{s.HugetlbGen, n.groups.gen},
		func(i int) childKey {
			return childKey{parent: n.groups.rows[s.Hugetlb[i].Group].ID, a: s.Hugetlb[i].Size}
		},
		func(i int) (string, []frame.Label) { return n.pages.of(s.Hugetlb[i].Size) })
	b.Tables = append(b.Tables, table(metric.ContainerHugetlb, n.hugetlb.gen, n.hugetlb.rows, s.HugetlbVals))
	if n.networks != nil {
		b.Tables = append(b.Tables, n.netShown.of(n.net.table(n.networks, &n.groups)))
	}
}

// fillStatsd adds the tables of StatsD: series, the count of received and rejected
// samples, events if there are any, and listeners.
func (n *Node) fillStatsd(b *frame.Batch, at time.Time) {
	app, ledger := n.tasks.tables(at, &n.groups)
	b.Tables = append(b.Tables, app, ledger)
	if events := n.tasks.server.Events(); len(events.Rows) > 0 {
		b.Tables = append(b.Tables, events)
	}
	b.Tables = append(b.Tables, n.tasks.server.Listeners())
}

// fillSelf adds the tables about the collector itself.
func (n *Node) fillSelf(b *frame.Batch) {
	n.self.read()
	n.self.credential(n.renewer)
	v := n.self.vals
	v[metric.SelfTicks] = int64(n.ticks)
	v[metric.SelfTicksMissed] = int64(n.grid.missed)
	v[metric.SelfClockSteps] = int64(n.grid.steps)
	v[metric.SelfTickDuration] = int64(n.tookTick)
	v[metric.SelfReadDuration] = int64(n.tookRead)
	v[metric.SelfReadErrors] = int64(n.readErrors)
	v[metric.SelfTicksStalled] = int64(n.progress.stalled.Load())
	v[metric.SelfPanics] = int64(n.progress.panics.Load() + n.names.Panics() + n.held.panics)
	if n.cgroups != nil && n.works(stepCgroups) {
		s := n.cgroups.Stats()
		v[metric.SelfGroups] = int64(s.Groups)
		v[metric.SelfContainers] = int64(n.groups.containers)
		v[metric.SelfCgroupFDs] = int64(s.KeptFDs)
		v[metric.SelfChecks] = int64(s.Checks)
		v[metric.SelfMismatches] = 0
		for _, m := range s.Mismatches {
			v[metric.SelfMismatches] += int64(m)
		}
		n.parts.update(n.cgroups.Status(), func(p cgroups.Part) uint64 { return s.Mismatches[p] })
	}
	if n.tasks.server != nil {
		n.tasks.server.Fill(v)
	}
	if n.pub != nil {
		s := n.pub.Stats()
		v[metric.SelfPublishDuration] = int64(n.tookPub)
		v[metric.SelfFrames] = int64(s.Frames)
		v[metric.SelfFrameBytes] = int64(s.Bytes)
		v[metric.SelfKeyframes] = int64(s.Keyframes)
		v[metric.SelfAcked] = int64(s.Acked)
		v[metric.SelfSpooledFrames] = int64(s.SpoolDepth)
		v[metric.SelfSpoolBytes] = int64(s.SpoolBytes)
		v[metric.SelfDroppedFrames] = int64(s.Dropped)
		v[metric.SelfPublishErrors] = int64(s.Errors)
		v[metric.SelfInFlight] = int64(s.InFlight)
	}
	if n.logs != nil {
		n.logRows.fill(v, n.logs)
	}
	n.fillSessions(v)
	b.Tables = append(b.Tables, table(metric.Collector, 1, n.self.rows, v),
		table(metric.Part, n.parts.gen, n.parts.rows, n.parts.vals))
}
