package sinks

// window remembers the newest batches of an agent, so that one which the collector
// published twice, as it never saw the first acknowledgement, is delivered once.
type window struct {
	boot uint64
	next uint64 // after the highest sequence number
	bits [windowSize / 64]uint64
}

// windowSize is how many batches back a second one is recognised. A collector has at most
// 256 in flight.
const windowSize = 1024

// seen reports whether a batch was added.
func (w *window) seen(boot, seq uint64) bool {
	if boot != w.boot || seq >= w.next || w.next-seq > windowSize {
		return false
	}
	return w.bits[seq%windowSize/64]&(1<<(seq%64)) != 0
}

// add adds a batch.
func (w *window) add(boot, seq uint64) {
	if boot != w.boot {
		*w = window{boot: boot}
	}
	if w.next > 0 && seq < w.next && w.next-seq > windowSize {
		return
	}
	if seq >= w.next {
		if w.next == 0 || seq-w.next >= windowSize {
			clear(w.bits[:])
		} else {
			for s := w.next; s <= seq; s++ {
				w.bits[s%windowSize/64] &^= 1 << (s % 64)
			}
		}
		w.next = seq + 1
	}
	w.bits[seq%windowSize/64] |= 1 << (seq % 64)
}
