package fleet

import (
	"slices"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// node is the state of one agent.
type node struct {
	id string

	// Guarded by Fleet.mu.
	newest   frame.Header // of the newest complete tick
	heard    time.Time    // when that tick was received
	replaced []uint64     // boot numbers of runs that a newer one has replaced, oldest first

	// What was decoded of the agent, guarded by mu.
	mu     sync.Mutex
	used   time.Time                        // of the last request
	parts  []frame.PartDecoder[frame.Batch] // each keeps its part of the keyframe
	deltas []*frame.Batch                   // reused for the parts of ticks that have several
	cur    *tick                            // the newest decoded tick
	spare  *frame.Batch                     // for the next tick; nil if there is none to reuse
	ids    identities
	sum    summary
	bytes  int64 // approximate memory of the above
}

// maxReplaced bounds node.replaced.
const maxReplaced = 16

// maxMissed is how many intervals an agent may send nothing.
const maxMissed = 3

// replaceAfter is how long an agent may send nothing before any other run of its
// collector replaces the current one.
func replaceAfter(h *frame.Header) time.Duration {
	return max(maxMissed*time.Duration(h.Interval), 2*time.Second)
}

// staleAfter is how long an agent may send nothing before it is shown as stale. It is
// longer than a restart of a collector or a reconnection to NATS takes.
func staleAfter(h *frame.Header) time.Duration { return max(replaceAfter(h), 15*time.Second) }

// order says how a tick relates to the newest tick of its agent.
type order int

const (
	late      order = iota // older than the newest
	advanced               // a later tick of the same run
	restarted              // a tick of a new run, which replaces the current one
	returned               // a tick of a replaced run, which replaces the current one
)

// hear records a complete tick. Within a run the sequence number decides which tick is
// newer, so that a clock that steps back has no effect. Between runs the tick's time
// decides, since frames of an earlier run may arrive late from its spool. A run whose
// times are older than the current run's (the clock stepped back while the collector
// was restarted) replaces it only after it has been silent for replaceAfter; the same
// holds for a replaced run that sends again.
func (n *node) hear(h *frame.Header, at time.Time) order {
	what := n.judge(h, at)
	if what == late {
		return late
	}
	if what != advanced {
		n.replaced = slices.DeleteFunc(n.replaced, func(b uint64) bool { return b == h.Boot })
		if len(n.replaced) == maxReplaced {
			n.replaced = slices.Delete(n.replaced, 0, 1)
		}
		n.replaced = append(n.replaced, n.newest.Boot)
	}
	n.newest, n.heard = *h, at
	n.newest.Agent = n.id
	return what
}

// judge returns how a tick that was received at a time relates to the newest one.
func (n *node) judge(h *frame.Header, at time.Time) order {
	c := &n.newest
	switch {
	case c.Seq == 0:
		return advanced
	case h.Boot == c.Boot:
		if h.Seq > c.Seq {
			return advanced
		}
		return late
	}
	silent := at.Sub(n.heard) > replaceAfter(c)
	if slices.Contains(n.replaced, h.Boot) {
		if silent && h.Time > c.Time {
			return returned
		}
		return late
	}
	if silent || h.Time > c.Time {
		return restarted
	}
	return late
}

// drop drops everything that was decoded, and returns its approximate size in bytes.
func (n *node) drop() int64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.dropLocked()
}

func (n *node) dropLocked() int64 {
	freed := n.bytes
	n.parts, n.deltas, n.cur, n.spare, n.bytes = nil, nil, nil, nil, 0
	n.ids, n.sum = identities{}, summary{}
	return freed
}
