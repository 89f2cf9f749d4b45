package intake

import (
	"fmt"
	"sync/atomic"

	"golang.org/x/sys/unix"
)

const (
	// slotSize is the size of the longest packet, in bytes. It is more than the longest
	// UDP datagram, and as much as the kernel joins by GRO.
	slotSize = 1 << 16
	// slotStride is the distance between two slots, in bytes. It exceeds slotSize by
	// some cache lines, so that the beginnings of the slots do not all use the same set
	// of the CPU's caches.
	slotStride = slotSize + 5*64
)

// slot describes the bytes stored in it. seq is the state of the slot for position pos:
// pos = free, pos+1 = filled, pos+slots = free for the next round (Dmitry Vyukov's
// bounded queue).
type slot struct {
	seq       atomic.Uint64
	n         int32
	segment   int32 // GRO: length of each datagram except the last; 0: one datagram
	dropped   uint32
	truncated bool
	src       Source
	_         [64]byte // separate cache lines: one CPU fills a slot while another empties the next
}

// ring is a bounded queue of slots that are filled and read in place. It may have many
// consumers. It has either one producer, which uses room and publish, or many, which use
// push.
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

// newRing returns a ring with the given number of slots, a power of two. Their memory is
// mapped outside the Go heap; the kernel allocates it at the first use.
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
	mem, err := unix.Mmap(-1, 0, size, unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_PRIVATE|unix.MAP_ANONYMOUS|unix.MAP_NORESERVE)
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

// room returns how many slots from tail on are free, at most limit. Only the single
// producer calls it.
func (r *ring) room(limit int) (pos uint64, n int) {
	pos = r.tail.Load()
	for n < limit && r.at(pos+uint64(n)).seq.Load() == pos+uint64(n) {
		n++
	}
	return pos, n
}

// publish hands over n slots from pos on that the single producer filled.
func (r *ring) publish(pos uint64, n int) {
	for i := range uint64(n) {
		r.at(pos + i).seq.Store(pos + i + 1)
	}
	r.tail.Store(pos + uint64(n))
}

// push copies a packet into a slot, for rings with many producers. It returns false if
// the ring is full.
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

// take claims up to limit consecutive filled slots. The caller returns each with give.
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

// give frees slots that were claimed by take.
func (r *ring) give(pos uint64, n int) {
	for i := range uint64(n) {
		r.at(pos + i).seq.Store(pos + i + uint64(len(r.slots)))
	}
}

// ready reports whether there is a filled slot.
func (r *ring) ready() bool {
	pos := r.head.Load()
	return r.at(pos).seq.Load() == pos+1
}
