package intake

// takeSlots is how many slots a worker claims at once.
const takeSlots = 32

// worker delivers packets. It serves every ring, and starts with a different one each
// time.
type worker struct {
	in     *Intake
	number int
	next   int
	batch  []Packet
}

func (w *worker) run() {
	defer w.in.workers.Done()
	for {
		for w.pass() {
		}
		w.in.sleeping.Add(1)
		// A producer that publishes after this sees that the worker is about to sleep.
		// What was published before is found by the check below.
		if w.in.ready() {
			w.in.sleeping.Add(-1)
			continue
		}
		_, open := <-w.in.wake
		w.in.sleeping.Add(-1)
		if !open {
			for w.pass() { // no producers are left
			}
			return
		}
	}
}

// pass serves every ring once. It reports whether there was a packet.
func (w *worker) pass() (any bool) {
	rings := *w.in.rings.Load()
	w.next++
	for i := range rings {
		r := rings[(w.next+i)%len(rings)]
		pos, n := r.take(takeSlots)
		if n == 0 {
			continue
		}
		any = true
		w.serve(r, pos, n)
	}
	return any
}

// serve delivers the packets in several slots. It frees the slots even after a panic.
func (w *worker) serve(r *ring, pos uint64, n int) {
	defer func() {
		if v := recover(); v != nil {
			w.batch = w.batch[:0]
			w.in.o.Panicked("packets", v)
		}
		r.give(pos, n)
	}()
	for j := range uint64(n) {
		w.add(r.at(pos+j), r.buffer(pos+j))
	}
	w.flush()
}

// add appends the datagrams of a slot to the batch.
func (w *worker) add(s *slot, b []byte) {
	b = b[:s.n]
	dropped := s.dropped
	for {
		d := b
		if s.segment > 0 && len(b) > int(s.segment) {
			d, b = b[:s.segment:s.segment], b[s.segment:]
		} else {
			b = nil
		}
		if len(w.batch) == cap(w.batch) {
			w.flush()
		}
		w.batch = append(w.batch, Packet{Data: d, Source: s.src, Dropped: dropped, Truncated: s.truncated && b == nil})
		if b == nil {
			return
		}
		dropped = 0
	}
}

func (w *worker) flush() {
	if len(w.batch) > 0 {
		w.in.o.Handle(w.number, w.batch)
		w.batch = w.batch[:0]
	}
}

// notify wakes one sleeping worker, if there is one.
func (in *Intake) notify() {
	if in.sleeping.Load() > 0 {
		select {
		case in.wake <- struct{}{}:
		default: // enough wake-ups are pending
		}
	}
}

func (in *Intake) ready() bool {
	for _, r := range *in.rings.Load() {
		if r.ready() {
			return true
		}
	}
	return false
}

// shed discards the datagrams of a slot and reports them.
func (in *Intake) shed(l *Listener, s *slot, b []byte) {
	lines := 0
	for rest := b; len(rest) > 0; {
		d := rest
		if s.segment > 0 && len(rest) > int(s.segment) {
			d = rest[:s.segment]
		}
		rest = rest[len(d):]
		lines += Lines(d)
	}
	packets := datagrams(s)
	l.count.shedPackets.Add(uint64(packets))
	l.count.shedLines.Add(uint64(lines))
	if in.o.Shed == nil {
		return
	}
	defer func() {
		if v := recover(); v != nil {
			in.o.Panicked("packets that are given up", v)
		}
	}()
	in.o.Shed(&s.src, int(packets), lines, len(b))
}
