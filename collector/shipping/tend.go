package shipping

import (
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// dropsEvery is how often events tell of what rate limits dropped.
const dropsEvery = 10 * time.Second

// tend does what depends on time, until Close: it sends batches that are not full,
// passes on lines that wait for more, sends again what was not acknowledged in time, and
// has the position saved.
func (s *Shipper) tend() {
	tick := time.NewTicker(s.o.Flush / 4)
	defer tick.Stop()
	drops := time.Now()
	for {
		select {
		case <-s.ctx.Done():
			return
		case now := <-tick.C:
			s.mu.Lock()
			if !s.closing && !s.startOver && !s.win.full() {
				s.replaceFilter()
				s.join.idle(now)
				if now.Sub(drops) >= dropsEvery {
					drops = now
					s.tellDrops()
					s.join.expire(now)
				}
				if s.batch.n > 0 && now.Sub(s.batch.since) >= s.o.Flush*3/4 {
					s.seal()
				}
				s.advance()
			}
			s.checkFlights(now)
			s.note()
			s.saver.save(&s.stored, now, s.o.SaveEvery)
			s.mu.Unlock()
			s.report()
		}
	}
}

// replaceFilter lets new rules apply. What the old ones dropped is told before.
func (s *Shipper) replaceFilter() {
	if r := s.rules.Swap(nil); r != nil {
		s.tellDrops()
		s.filter = rules.NewFilter(r)
	}
}

// advance moves the position over entries that are left out.
func (s *Shipper) advance() {
	if s.batch.n > 0 {
		return
	}
	if f := s.win.newest(); f != nil {
		f.after.set(s.safe())
	} else {
		s.stored.set(s.safe())
	}
}

// tellDrops ships events about what rate limits dropped.
func (s *Shipper) tellDrops() {
	s.filter.Drops(func(source string, n uint64) {
		s.shipEvent(&entry.Event{Kind: entry.ShipperDrops, Time: time.Now().UnixMicro(), Agent: s.o.Agent,
			Source: source, Count: n, Message: fmt.Sprintf("the rate limit of log shipping left out %d entries of %s", n,
				source)})
	})
}

// checkFlights handles a lost connection and overdue acknowledgements, and sends what has
// to be.
func (s *Shipper) checkFlights(now time.Time) {
	if s.win.n == 0 {
		return
	}
	if !s.o.Conn.IsConnected() {
		s.unsend()
		s.changed.Broadcast() // Close does not wait for it
		return
	}
	for i := s.win.first; i < s.win.next(); i++ {
		if f := s.win.at(i); f.sent && !f.acked() && now.Sub(f.at) > s.o.AckTimeout {
			s.fail(bus.ErrNoAck)
			break
		}
	}
	s.send()
}

// note updates what Stats shows of the window.
func (s *Shipper) note() {
	s.count.inFlight.Store(int64(s.win.n))
	pending := int64(0)
	switch f := s.win.oldest(); {
	case f != nil:
		pending = f.oldest
	case s.batch.n > 0:
		pending = s.batch.oldest
	case s.join.first != nil:
		pending = s.join.first.e.Realtime
	}
	s.count.pending.Store(pending)
	if s.stored.equal(&s.saver.saved) {
		s.count.behind.Store(0)
	} else if s.count.behind.Load() == 0 {
		s.count.behind.Store(time.Now().UnixNano())
	}
}

// report logs what the saver found.
func (s *Shipper) report() {
	if err := s.saver.takeError(); err != nil {
		s.count.errors.Add(1)
		s.say.warn("the position of log shipping cannot be saved: after a restart, entries are shipped again", err)
	}
}

// said logs warnings, the same one at most once a minute.
type said struct {
	log  *slog.Logger
	mu   sync.Mutex
	when map[string]time.Time
}

func (s *said) warn(msg string, err error) {
	now := time.Now()
	s.mu.Lock()
	last, ok := s.when[msg]
	quiet := ok && now.Sub(last) < time.Minute
	if !quiet {
		if s.when == nil {
			s.when = map[string]time.Time{}
		}
		s.when[msg] = now
	}
	s.mu.Unlock()
	if !quiet {
		s.log.Warn(msg, "err", err)
	}
}
