package publish

import "time"

const (
	maxInFlight   = 256
	maxFlightSize = 16 << 20 // bytes in flight
)

// flight is a published frame without an acknowledgement.
type flight struct {
	item
	seg   *segment // where it was read; nil = it comes from the tick
	at    time.Time
	acked bool
}

// window holds what is in flight, oldest first. Numbers of frames are
// consecutive, so that a number finds its place without a map.
type window struct {
	ring  [maxInFlight]flight
	first uint64 // number of the oldest
	n     int
	bytes int
	limit int // frames; 1 while the stream is not known to answer
}

func (w *window) full() bool { return w.n >= w.limit || w.bytes >= maxFlightSize }

// next returns the number that add will use.
func (w *window) next() uint64 { return w.first + uint64(w.n) }

func (w *window) add(f flight) {
	w.ring[w.next()%maxInFlight] = f
	w.n++
	w.bytes += len(f.buf)
}

// at returns the frame of a number, nil if it is not in flight.
func (w *window) at(number uint64) *flight {
	if number < w.first || number >= w.next() {
		return nil
	}
	return &w.ring[number%maxInFlight]
}

func (w *window) oldest() *flight { return w.at(w.first) }

// drop removes the oldest.
func (w *window) drop() flight {
	f := w.ring[w.first%maxInFlight]
	w.ring[w.first%maxInFlight] = flight{}
	w.first++
	w.n--
	w.bytes -= len(f.buf)
	return f
}
