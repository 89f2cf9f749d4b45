package shipping

import "time"

const (
	maxInFlight = 256
	room        = 64      // batches kept free, for those that one more entry may complete
	maxWindow   = 8 << 20 // bytes that wait for an acknowledgement
	maxSpare    = 1 << 20 // bytes of buffers that are kept for reuse
)

// A reply number says which attempt to send which part of which batch is answered.
const (
	partBits = 13 // entry.MaxParts is smaller
	tryBits  = 11
)

func replyNumber(batch uint64, try, part int) uint64 {
	return batch<<(tryBits+partBits) | uint64(try)<<partBits&(1<<(tryBits+partBits)-1) | uint64(part)
}

func parseReplyNumber(n uint64) (batch uint64, try, part int) {
	return n >> (tryBits + partBits), int(n >> partBits & (1<<tryBits - 1)), int(n & (1<<partBits - 1))
}

// flight is a batch that the stream has not acknowledged yet: one message, or several
// if it is larger than a message may be. Readers need them all, one after the other, so
// they are sent again together.
type flight struct {
	data    []byte // the messages
	ends    []int  // where in data each of them ends
	stored  []bool // which of them the stream has
	missing int    // how many it has not

	after   place // where to go on once this batch and all before are stored
	oldest  int64 // when its oldest entry was written, microseconds since 1970
	records int
	sent    bool
	tries   int
	at      time.Time // when it was sent
}

func (f *flight) acked() bool { return f.missing == 0 }

// message returns a part.
func (f *flight) message(part int) []byte {
	from := 0
	if part > 0 {
		from = f.ends[part-1]
	}
	return f.data[from:f.ends[part]]
}

// counts reports whether the stream has a part if it has acknowledged it in an attempt.
// The parts of a batch have to be of one attempt, so that they follow one another.
func (f *flight) counts(try int) bool {
	return len(f.ends) == 1 || f.sent && try == f.tries&(1<<tryBits-1)
}

// unsend forgets what is stored of a batch that is not stored whole.
func (f *flight) unsend() {
	if !f.acked() {
		clear(f.stored)
		f.sent, f.missing = false, len(f.ends)
	}
}

// window holds the batches in flight, oldest first. Their numbers are consecutive.
type window struct {
	ring  [maxInFlight]flight
	first uint64 // number of the oldest
	n     int
	bytes int
	spare [][]byte
	kept  int // bytes of spare
}

func (w *window) full() bool { return w.n >= maxInFlight-room || w.bytes >= maxWindow }

// next returns the number of the next batch.
func (w *window) next() uint64 { return w.first + uint64(w.n) }

// add returns the flight for a new batch, which has no message yet.
func (w *window) add() *flight {
	f := &w.ring[w.next()%maxInFlight]
	if n := len(w.spare); n > 0 {
		f.data, w.spare = w.spare[n-1][:0], w.spare[:n-1]
		w.kept -= cap(f.data)
	}
	f.ends, f.stored, f.missing = f.ends[:0], f.stored[:0], 0
	f.sent, f.tries = false, 0
	w.n++
	return f
}

// put adds a message to the newest batch.
func (w *window) put(f *flight, message []byte) {
	f.data = append(f.data, message...)
	f.ends = append(f.ends, len(f.data))
	f.stored = append(f.stored, false)
	f.missing++
	w.bytes += len(message)
}

// at returns the flight of a number, nil if it is not in flight.
func (w *window) at(number uint64) *flight {
	if number < w.first || number >= w.next() {
		return nil
	}
	return &w.ring[number%maxInFlight]
}

// oldest returns the oldest flight, nil if there is none.
func (w *window) oldest() *flight { return w.at(w.first) }

// newest returns the newest flight, nil if there is none.
func (w *window) newest() *flight { return w.at(w.next() - 1) }

// drop removes the oldest.
func (w *window) drop() {
	f := w.oldest()
	w.bytes -= len(f.data)
	if w.kept+cap(f.data) <= maxSpare {
		w.kept += cap(f.data)
		w.spare = append(w.spare, f.data)
	}
	f.data = nil
	w.first++
	w.n--
}

// clear removes all. Answers to them are ignored from now on.
func (w *window) clear() {
	for w.n > 0 {
		w.drop()
	}
}
