package recent

import "github.com/daytwo/daytwo/api/frame"

// The memory of bookkeeping: entryBytes of a frame (its entry, its items in both queues,
// and their spare capacity), keyBytes of a keyframe, partBytes of each of its parts.
const (
	entryBytes = 200
	keyBytes   = 160
	partBytes  = 24
)

// entry is one frame in memory.
type entry struct {
	frame.Header
	data []byte    // nil for a keyframe, whose bytes are in key
	key  *keyframe // the keyframe that the frame refers to, or is a part of
	at   int64     // when it was received, Unix nanoseconds
	no   uint64    // arrival number, which counts all frames that the store received
}

// bytes returns the encoded frame.
func (e *entry) bytes() []byte {
	if e.data == nil {
		return e.key.parts[e.Part]
	}
	return e.data
}

// keyframe holds a keyframe's parts in memory while entries refer to it. An agent's
// newest keyframe is kept for the deltas that will follow.
type keyframe struct {
	frame.Header // of part 0
	parts        [][]byte
	refs         int   // entries that refer to it
	size         int64 // bytes that memory.bytes counts for it
}

// memory is the accounting of the frames in memory, of all agents together.
type memory struct {
	max   int64        // bound of bytes
	keep  int64        // how long an entry stays, nanoseconds
	bytes int64        // of frames and bookkeeping
	order fifo[*agent] // the agent of each entry, in order of arrival
}

// keyPart stores a part of a keyframe. It returns nil if the part's header contradicts
// that of an earlier part. It counts the bookkeeping of the part, but not its bytes.
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
	}
	return k
}

// findKey returns a keyframe that is in memory, else nil.
func (a *agent) findKey(boot, seq uint64) *keyframe {
	for i := len(a.keys) - 1; i >= 0; i-- {
		if k := a.keys[i]; k.Boot == boot && k.Seq == seq {
			return k
		}
	}
	return nil
}

// add adds an entry for a frame, then calls trim.
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

// trim drops the oldest entries until age and bytes are within their bounds. It keeps
// entries with an arrival number above safe, which are not written to disk yet.
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

// dropKeys drops an agent's keyframes to which no entry refers. It drops the newest one
// only if memory exceeds its bound, since it can be read from disk again.
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
