package intake

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// slotSize is the longest packet: more than the longest UDP datagram, and as
	// much as the kernel joins by GRO.
	slotSize = 1 << 16
	// slotStride staggers the slots, so that their first lines do not all fall
	// into one set of the CPU's caches.
	slotStride = slotSize + 5*64
)

// slot is what is known of the bytes in it. The state of the slot for position
// pos is in seq: pos = free, pos+1 = filled, pos+slots = free for the next round
// (Dmitry Vyukov's bounded queue).
type slot struct {
	seq       atomic.Uint64
	n         int32
	segment   int32 // GRO: length of each datagram in it but the last; 0: one datagram
	dropped   uint32
	truncated bool
	src       Source
	_         [64]byte // its own lines: filled by one CPU while the neighbour is emptied by another
}

// ring is a bounded queue of slots that are filled and read in place. Consumers
// may be many. Producers are either one, who uses room and publish, or many, who
// use push.
type ring struct {
	slots []slot
	mask  uint64
	mem   []byte
	_     [64]byte
	tail  atomic.Uint64 // next position to fill
	_     [64]byte
	head  atomic.Uint64 // next position to take
	_     [64]byte
}

// newRing makes a ring of so many slots, a power of two. Their memory is the
// kernel's to give when it is first touched, not the Go heap's.
func newRing(slots int) (*ring, error) {
	mem, err := mapMemory(slots * slotStride)
	if err != nil {
		return nil, err
	}
	r := &ring{slots: make([]slot, slots), mask: uint64(slots - 1), mem: mem}
	for i := range r.slots {
		r.slots[i].seq.Store(uint64(i))
	}
	return r, nil
}

func mapMemory(size int) ([]byte, error) {
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
	if err != nil {
		return nil, fmt.Errorf("map %d bytes for packets: %w", size, err)
	}
	return mem, nil
}

func (r *ring) at(pos uint64) *slot { return &r.slots[pos&r.mask] }

func (r *ring) buffer(pos uint64) []byte {
	i := int(pos&r.mask) * slotStride
	return r.mem[i : i+slotSize : i+slotSize]
}

// room tells the one producer how many slots from tail on are free, up to limit.
func (r *ring) room(limit int) (pos uint64, n int) {
	pos = r.tail.Load()
	for n < limit && r.at(pos+uint64(n)).seq.Load() == pos+uint64(n) {
		n++
	}
	return pos, n
}

// publish hands over n slots from pos on that the one producer filled.
func (r *ring) publish(pos uint64, n int) {
	for i := range uint64(n) {
		r.at(pos + i).seq.Store(pos + i + 1)
	}
	r.tail.Store(pos + uint64(n))
}

// push copies a packet into a slot, for producers that are many. It reports
// false if the ring is full.
func (r *ring) push(b []byte, src *Source, truncated bool) bool {
	for {
		pos := r.tail.Load()
		s := r.at(pos)
		switch seq := s.seq.Load(); {
		case seq == pos:
			if !r.tail.CompareAndSwap(pos, pos+1) {
				continue
			}
			s.n, s.segment, s.dropped, s.truncated, s.src = int32(copy(r.buffer(pos), b)), 0, 0, truncated, *src
			s.seq.Store(pos + 1)
			return true
		case seq < pos:
			return false
		}
	}
}

// take claims up to limit filled slots in a row. Each goes back by give.
func (r *ring) take(limit int) (pos uint64, n int) {
	for {
		pos, n = r.head.Load(), 0
		for n < limit && r.at(pos+uint64(n)).seq.Load() == pos+uint64(n)+1 {
			n++
		}
		if n == 0 {
			if r.head.Load() == pos {
				return pos, 0
			}
			continue
		}
		if r.head.CompareAndSwap(pos, pos+uint64(n)) {
			return pos, n
		}
	}
}

// give frees slots that take claimed.
func (r *ring) give(pos uint64, n int) {
	for i := range uint64(n) {
		r.at(pos + i).seq.Store(pos + i + uint64(len(r.slots)))
	}
}

// ready reports whether there is something to take.
func (r *ring) ready() bool {
	pos := r.head.Load()
	return r.at(pos).seq.Load() == pos+1
}
