package recent

import "github.com/daytwo/daytwo/api/frame"

// entryBytes is the bookkeeping of one frame in memory: its entry, its place
// in both queues, and their slack; keyBytes and partBytes are that of a
// keyframe and of each of its parts.
const (
	entryBytes = 200
	keyBytes   = 160
	partBytes  = 24
)

// entry is one frame in memory.
type entry struct {
	frame.Header
	data []byte // nil for a keyframe: its bytes are with key
	key  *keyframe
	at   int64  // received, Unix nanoseconds
	no   uint64 // number of its arrival
}

func (e *entry) bytes() []byte {
	if e.data == nil {
		return e.key.parts[e.Part]
	}
	return e.data
}

// keyframe is a keyframe's bytes while frames in memory need them. An agent's
// last one stays for the deltas to come.
type keyframe struct {
	frame.Header // of part 0
	parts        [][]byte
	have         int
	refs         int // entries that need it
	size         int64
}

// memory bounds what all agents hold in memory.
type memory struct {
	max, keep int64
	bytes     int64
	order     fifo[*agent] // one item an entry, in order of arrival
}

// keyPart adds a part of a keyframe; it returns nil if the part contradicts
// another one. It counts the bookkeeping of the part, not its bytes.
func (m *memory) keyPart(a *agent, h *frame.Header, data []byte) *keyframe {
	k := a.findKey(h.Boot, h.Seq)
	if k == nil {
		k = &keyframe{Header: *h, parts: make([][]byte, h.Parts)}
		k.Part = 0
		k.size = keyBytes + partBytes*int64(h.Parts)
		m.bytes += k.size
		a.keys = append(a.keys, k)
	}
	if int(h.Parts) != len(k.parts) || h.Time != k.Time || h.Interval != k.Interval {
		return nil
	}
	if k.parts[h.Part] == nil {
		k.parts[h.Part] = data
		k.have++
	}
	return k
}

func (a *agent) findKey(boot, seq uint64) *keyframe {
	for i := len(a.keys) - 1; i >= 0; i-- {
		if k := a.keys[i]; k.Boot == boot && k.Seq == seq {
			return k
		}
	}
	return nil
}

// add adds a frame; safe is as for trim.
func (m *memory) add(a *agent, h *frame.Header, data []byte, key *keyframe, now int64, no, safe uint64) {
	e := entry{Header: *h, key: key, at: now, no: no}
	key.refs++
	if h.Keyframe() {
		key.size += int64(len(data))
	} else {
		e.data = data
	}
	m.bytes += int64(len(data)) + entryBytes
	a.ticks.push(e)
	m.order.push(a)
	if h.Keyframe() && len(a.keys) > 1 {
		m.dropKeys(a)
	}
	m.trim(now, safe)
}

// trim drops the oldest frames until age and bytes are within bounds, but none whose
// arrival number is above safe: those are still to be written to disk.
func (m *memory) trim(now int64, safe uint64) {
	for m.order.len() > 0 {
		a := *m.order.front()
		if e := a.ticks.front(); m.bytes <= m.max && e.at >= now-m.keep || e.no > safe {
			return
		}
		m.order.pop()
		e := a.ticks.front()
		key := e.key
		key.refs--
		m.bytes -= int64(len(e.data)) + entryBytes
		a.ticks.pop()
		if key.refs == 0 {
			m.dropKeys(a)
		}
	}
}

// dropKeys drops the keyframes that nothing in memory needs, except the last one,
// which is dropped only when memory is short (it can be read from disk again).
func (m *memory) dropKeys(a *agent) {
	kept := a.keys[:0]
	for i, k := range a.keys {
		if k.refs > 0 || i == len(a.keys)-1 && m.bytes <= m.max {
			kept = append(kept, k)
			continue
		}
		m.bytes -= k.size
	}
	clear(a.keys[len(kept):])
	a.keys = kept
}

// forget drops the keyframes of an agent that has no entries.
func (m *memory) forget(a *agent) {
	for _, k := range a.keys {
		m.bytes -= k.size
	}
	a.keys = nil
}
