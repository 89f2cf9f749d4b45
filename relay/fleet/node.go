package fleet

import (
	"slices"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
)

// node is one agent.
type node struct {
	id string

	// Guarded by Fleet.mu.
	newest frame.Header // of the newest whole tick
	heard  time.Time    // when that came
	before []uint64     // runs that were replaced, oldest first

	// What was decoded of it, guarded by mu.
	mu     sync.Mutex
	used   time.Time
	parts  []frame.PartDecoder[frame.Batch] // they keep the keyframe
	deltas []*frame.Batch                   // of ticks of several parts, to be decoded into again
	cur    *tick
	spare  *frame.Batch
	ids    identities
	sum    summary
	bytes  int64 // about what all that takes
}

// maxBefore bounds the runs that are remembered as replaced.
const maxBefore = 16

// stale is how many intervals an agent may be silent.
const stale = 3

// silence is how long an agent may send nothing before another run replaces it.
func silence(h *frame.Header) time.Duration {
	return max(stale*time.Duration(h.Interval), 2*time.Second)
}

// away is how long an agent may send nothing before it is shown as stale: a
// collector that restarts or waits for NATS is not.
func away(h *frame.Header) time.Duration { return max(silence(h), 15*time.Second) }

// news says how a tick relates to what is known of its node.
type news int

const (
	late      news = iota // older than the newest
	advanced              // the next tick of the same run
	restarted             // the first tick of a new run
	returned              // a tick of a replaced run
)

// hear notes a whole tick. Within a run the sequence decides, so a clock
// that steps back does no harm. Between runs time does: frames of an earlier
// run may come late from its spool. A run that begins in the past (the clock
// stepped back while the collector was restarted) has to wait until the one
// before it has fallen silent; so has a replaced run that returns.
func (n *node) hear(h *frame.Header, at time.Time) news {
	what := n.judge(h, at)
	if what == late {
		return late
	}
	if what != advanced {
		n.before = slices.DeleteFunc(n.before, func(b uint64) bool { return b == h.Boot })
		if len(n.before) == maxBefore {
			n.before = slices.Delete(n.before, 0, 1)
		}
		n.before = append(n.before, n.newest.Boot)
	}
	n.newest, n.heard = *h, at
	n.newest.Agent = n.id
	return what
}

func (n *node) judge(h *frame.Header, at time.Time) news {
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
	silent := at.Sub(n.heard) > silence(c)
	if slices.Contains(n.before, h.Boot) {
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

// drop drops all that was decoded, and returns how many bytes that was.
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
