package collector

import (
	"fmt"
	"runtime/debug"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// tick reads everything once, and publishes it. A scrape of the node's /metrics waits
// only while the values are copied, never while they are read. If a step panics, only
// the values of that step are lost.
func (n *Node) tick(at time.Time) {
	n.progress.begin()
	defer n.progress.end(n.log)
	n.try(stepTick, func() { n.makeTick(at) })
}

// makeTick makes the tick of the grid point at.
func (n *Node) makeTick(at time.Time) {
	start := time.Now()
	n.repair(start)
	n.read(at)
	n.local.Update(func(b *frame.Batch) {
		n.header.Seq++
		n.header.Key = 0 // the encoder decides
		n.header.Time = at.UnixNano()
		b.Header = n.header
		n.fill(b, at)
		n.out = *b // the tables do not change until the next Update
	})
	if n.pub != nil {
		before := time.Now()
		n.try(stepPublish, func() {
			if err := n.pub.Publish(&n.out); err != nil {
				n.complain("a tick could not be published", err)
			}
		})
		n.tookPub = time.Since(before)
	}
	n.ticks++
	n.tookTick = time.Since(start)
	n.memory.after(len(n.groups.rows))
}

// try runs a step of a tick. If the step panics, try logs the panic, makes the state
// that the step changes consistent again, and returns false.
func (n *Node) try(s step, f func()) (ok bool) {
	before := n.progress.enter(s)
	defer func() {
		if p := recover(); p != nil {
			n.progress.panics.Add(1)
			n.log.Error("a step of a tick panicked: its values are absent in this tick", "step", s.String(), "panic", p,
				"stack", string(debug.Stack()))
			n.reset(s)
		}
		n.progress.enter(before)
	}()
	f()
	return true
}

// read reads everything. It does not change the tables that the previous tick shows.
func (n *Node) read(at time.Time) {
	n.snapshot, n.machine, n.networks = nil, nil, nil
	if n.works(stepCgroups) && n.cgroups != nil {
		n.try(stepCgroups, n.readCgroups)
	}
	if n.works(stepHost) && n.host != nil {
		n.try(stepHost, func() { n.machine = n.host.Read(at) })
	}
	if n.snapshot == nil {
		return
	}
	named := func() {
		n.groups.update(n.snapshot, n.names.Gen()+n.tasks.update())
		if n.groups.logs != nil {
			n.groups.logs.Looked()
		}
		n.groups.fillStarts(n.snapshot)
		fillRoot(n.snapshot, n.machine)
	}
	if !n.try(stepNames, named) {
		n.snapshot = nil
		return
	}
	n.try(stepNetworks, func() { n.networks = n.net.reader.Read(n.net.groups) })
}

// readCgroups reads the cgroups into n.snapshot.
func (n *Node) readCgroups() {
	before := time.Now()
	s, err := n.cgroups.Read()
	n.tookRead = time.Since(before)
	if err != nil {
		n.readErrors++
		n.complain("the cgroups could not be read", err)
		return
	}
	n.snapshot = s
}

// fill makes the batch of one tick from what was read. The tables share memory with
// the readers that made them.
func (n *Node) fill(b *frame.Batch, at time.Time) {
	b.Tables = b.Tables[:0]
	n.add(b, stepHost, func() { n.fillHost(b) })
	if n.snapshot != nil {
		n.add(b, stepRows, func() { n.fillCgroups(b, n.snapshot) })
	}
	n.add(b, stepSelf, func() { n.fillSelf(b) })
	if n.tasks.server != nil {
		n.add(b, stepStatsd, func() { n.fillStatsd(b, at) })
	}
	n.add(b, stepSelf, func() { b.Tables = append(b.Tables, n.held.table(n.calls)) })
	n.add(b, stepHost, func() { n.fillHardware(b) })
	if n.ship != nil {
		n.add(b, stepSelf, func() { b.Tables = append(b.Tables, n.shipRow.table(n.ship, n.rules, n.groups.nextID)) })
	}
	if n.logs != nil {
		n.add(b, stepSelf, func() { b.Tables = append(b.Tables, n.logRows.table()) })
	}
}

// add runs a step that adds tables to b. After a panic it removes those that the
// step had added.
func (n *Node) add(b *frame.Batch, s step, f func()) {
	have := len(b.Tables)
	if !n.try(s, f) {
		b.Tables = b.Tables[:have]
	}
}

// reset drops the state that a step which panicked may have left half changed.
func (n *Node) reset(s step) {
	switch s {
	case stepCgroups, stepHost:
		n.broke[s] = time.Now()
	case stepNames, stepRows:
		n.groups.reset()
		n.io.reset()
		n.hugetlb.reset()
		n.net.reset()
		clear(n.tasks.merged)
	case stepNetworks:
		n.net.reader.Close()
		n.net.reset()
	case stepSelf:
		n.parts.was, n.held.rows = nil, nil
	case stepStatsd:
		n.tasks.at = nil
	}
}

// reopenAfter is how long after its panic a reader is opened again; until then its
// values are absent. It is a variable because tests shorten it.
var reopenAfter = 10 * time.Second

// works reports whether the reader of step s has not panicked since it was opened.
func (n *Node) works(s step) bool { return n.broke[s].IsZero() }

// repair reopens readers that panicked, as their state may be half changed.
func (n *Node) repair(now time.Time) {
	for s, at := range n.broke {
		if now.Sub(at) < reopenAfter {
			continue
		}
		delete(n.broke, s)
		switch s {
		case stepCgroups:
			if old := n.cgroups; old != nil {
				n.try(stepTick, func() { old.Close() }) // if this panics, its files stay open
			}
			n.cgroups = nil
			n.try(s, n.openCgroups)
		case stepHost:
			if old := n.host; old != nil {
				n.try(stepTick, old.Close)
			}
			n.host = nil
			n.try(s, func() {
				if err := n.openHost(); err != nil {
					n.complain("the machine is not read", err)
				}
			})
		}
	}
}

// complain logs an error that may recur at every tick, but only if it differs from
// the last one.
func (n *Node) complain(what string, err error) {
	if s := fmt.Sprint(what, err); s != n.lastError {
		n.lastError = s
		n.log.Error(what, "err", err)
	}
}
