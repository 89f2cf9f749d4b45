package series

import (
	"sync"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// Worker aggregates what one goroutine receives. All its methods except Begin are called
// between Begin and End. A flush only sees whole batches, so that its ledger balances.
type Worker struct {
	mu     sync.Mutex
	s      *Store
	counts []*counts // by origin
	form   form
	locked *shard // the shard that lock locked
}

// lock locks a shard for this worker, which must not hold another shard's lock.
func (w *Worker) lock(sh *shard) {
	sh.mu.Lock()
	w.locked = sh
}

func (w *Worker) unlock() {
	sh := w.locked
	w.locked = nil
	sh.mu.Unlock()
}

// Recover makes a worker usable again after a panic in one of its methods: it releases
// the locks that the method held. It does not count the line; call Reject for that. Call
// it before End.
func (w *Worker) Recover() {
	if w.locked != nil {
		w.unlock()
	}
}

// Begin starts a batch of packets that are processed without a pause.
func (w *Worker) Begin() { w.mu.Lock() }

// End ends a batch.
func (w *Worker) End() { w.mu.Unlock() }

// Packet counts a datagram, or one read from a stream.
func (w *Worker) Packet(origin uint32, bytes int) { w.Packets(origin, 1, bytes) }

// Packets counts several packets with the given number of bytes in all.
func (w *Worker) Packets(origin uint32, packets, bytes int) {
	c := w.of(origin)
	c[metric.StatsdPackets] += uint64(packets)
	c[metric.StatsdBytes] += uint64(bytes)
}

// Dropped counts datagrams that the kernel dropped.
func (w *Worker) Dropped(origin uint32, datagrams uint64) {
	w.of(origin)[metric.StatsdKernelDrops] += datagrams
}

// Shed counts lines that were received but discarded without parsing.
func (w *Worker) Shed(origin uint32, lines uint64) {
	c := w.of(origin)
	c[metric.StatsdReceived] += lines
	c[metric.StatsdShed] += lines
}

// Line aggregates an accepted line with all its metrics. now is the arrival, in Unix
// nanoseconds.
func (w *Worker) Line(origin uint32, p *line.Parser, l *line.Line, now int64) {
	c := w.of(origin)
	if origin > maxOrigin {
		origin = 0
	}
	var done outcome
	switch l.Kind {
	case line.Event:
		w.event(origin, l, now)
		c[metric.StatsdEvents]++
	case line.ServiceCheck:
		done = w.check(origin, l, now)
		c[metric.StatsdServiceChecks]++
	default:
		for {
			done |= w.metric(origin, p, l, now)
			if !p.More(l) {
				break
			}
		}
	}
	c[metric.StatsdReceived]++ // counted last: a line that causes a panic is not accepted
	c[metric.StatsdAccepted]++
	if done != 0 {
		if done&filtered != 0 {
			c[metric.StatsdFiltered]++
		}
		if done&overflowed != 0 {
			c[metric.StatsdOverflowed]++
		}
	}
}

// outcome is what else happened to an accepted line.
type outcome uint8

const (
	filtered outcome = 1 << iota
	overflowed
)

func (w *Worker) metric(origin uint32, p *line.Parser, l *line.Line, now int64) (done outcome) {
	key := mix(l.Hash, origin)
	sh := w.s.shard(key)
	w.lock(sh)
	st := sh.find(key)
	if st == nil {
		w.unlock()
		if st, done = w.miss(key, origin, l, now); st == nil {
			return done
		}
	}
	st.add(p, l, now)
	w.unlock()
	return done
}
