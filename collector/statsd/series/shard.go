package series

import "sync"

// shards is the number of shards: enough that workers rarely wait for each other.
const shards = 1 << shardBits

const shardBits = 5

const (
	chunkBits = 10 // states in a chunk, as a power of two, so that a chunk is whole memory pages
	chunk     = 1 << chunkBits

	refBits  = 20 // bits of a slot that hold 1 + the index of a state; the other bits are of its key
	refMask  = 1<<refBits - 1
	mostRefs = refMask - 1 // the most states in a shard
)

// shard holds the series whose keys start with the same bits. It is an open-addressing
// index with linear probing over densely stored states.
type shard struct {
	mu      sync.Mutex
	index   []uint32 // 0 for an empty slot
	chunks  []*[chunk]state
	n       int
	aliases map[uint64]alias

	_ [64]byte // keeps the locks of two shards in different cache lines
}

// alias maps a key to another key, for lines whose name or tags are changed by a rule or
// by normalization. Target 0 drops the line.
type alias struct {
	target uint64
	origin uint32
	seen   uint32 // Unix seconds
}

func (s *shard) state(i int) *state { return &s.chunks[i>>chunkBits][i&(chunk-1)] }

func slotTag(key uint64) uint32 { return uint32(key) &^ refMask }

// home returns the index at which probing for a key starts. It uses bits that select
// neither the shard nor the tag in a slot.
func (s *shard) home(key uint64) int { return int(key>>34) & (len(s.index) - 1) }

// find returns the state of a key, or nil if there is none.
func (s *shard) find(key uint64) *state {
	if len(s.index) == 0 {
		return nil
	}
	tag := slotTag(key)
	for i := s.home(key); ; i = (i + 1) & (len(s.index) - 1) {
		slot := s.index[i]
		if slot == 0 {
			return nil
		}
		if slot&^refMask == tag {
			if st := s.state(int(slot&refMask) - 1); st.key == key {
				return st
			}
		}
	}
}

// add creates the state of a key that has none.
func (s *shard) add(key uint64) *state {
	if (s.n+1)*4 > len(s.index)*3 {
		s.grow()
	}
	if s.n>>chunkBits == len(s.chunks) {
		s.chunks = append(s.chunks, new([chunk]state))
	}
	st := s.state(s.n)
	st.key = key
	s.n++
	s.place(key, s.n)
	return st
}

func (s *shard) place(key uint64, ref int) {
	i := s.home(key)
	for s.index[i] != 0 {
		i = (i + 1) & (len(s.index) - 1)
	}
	s.index[i] = slotTag(key) | uint32(ref)
}

func (s *shard) grow() {
	s.index = make([]uint32, max(64, 2*len(s.index)))
	for i := range s.n {
		s.place(s.state(i).key, i+1)
	}
}

// slot returns the position in the index that refers to state i.
func (s *shard) slot(i int) int {
	k := s.home(s.state(i).key)
	for s.index[k]&refMask != uint32(i+1) {
		k = (k + 1) & (len(s.index) - 1)
	}
	return k
}

// remove removes state i and moves the last state to its place.
func (s *shard) remove(i int) {
	hole := s.slot(i)
	last := s.n - 1
	if i != last {
		k := s.slot(last)
		s.index[k] = s.index[k]&^refMask | uint32(i+1)
		*s.state(i) = *s.state(last)
	}
	*s.state(last) = state{}
	s.n--
	if free := len(s.chunks) - (s.n>>chunkBits + 2); free > 0 { // keep one in reserve
		clear(s.chunks[len(s.chunks)-free:])
		s.chunks = s.chunks[:len(s.chunks)-free]
	}
	s.close(hole)
}

// close empties a slot, and moves back entries that were displaced by it.
func (s *shard) close(hole int) {
	mask := len(s.index) - 1
	s.index[hole] = 0
	for k := (hole + 1) & mask; s.index[k] != 0; k = (k + 1) & mask {
		home := s.home(s.state(int(s.index[k]&refMask) - 1).key)
		if (k-home)&mask >= (k-hole)&mask {
			s.index[hole], s.index[k] = s.index[k], 0
			hole = k
		}
	}
}
