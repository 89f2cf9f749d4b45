package shipping

import (
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/collector/shipping/rules"
)

// ship puts an entry into the batch, if the rules have it so.
func (s *Shipper) ship(e *entry.Entry) {
	out, v, redacted := s.filter.Finish(e)
	s.count.redacted.Add(uint64(redacted))
	switch v {
	case rules.SampledOut:
		s.count.sampledOut.Add(1)
		return
	case rules.RateLimited:
		s.count.rateLimited.Add(1)
		return
	}
	if s.batch.full() {
		s.seal()
	}
	cut, err := s.batch.add(out, min(maxEntry, s.maxMessage()*maxParts))
	if err != nil {
		s.count.dropped.Add(1)
		s.say.warn("a log entry cannot be shipped", err)
		s.shipEvent(&entry.Event{Kind: entry.ShipperDrops, Time: time.Now().UnixMicro(), Agent: s.o.Agent, Count: 1,
			Message: "an entry cannot be shipped: " + err.Error()})
		return
	}
	if cut {
		s.count.cut.Add(1)
	}
	s.count.entries.Add(1)
}

// maxParts bounds the messages of one entry.
const maxParts = 1024

// shipEvent puts an event into the batch.
func (s *Shipper) shipEvent(e *entry.Event) {
	if s.batch.full() {
		s.seal()
	}
	if err := s.batch.addEvent(e); err == nil {
		s.count.events.Add(1)
	}
}

// maxMessage returns the largest size of a message, in bytes.
func (s *Shipper) maxMessage() int {
	most := defaultMessage
	if n := int(s.o.Conn.MaxPayload()); n > 0 {
		most = n
	}
	if s.limit > 0 {
		most = min(most, s.limit)
	}
	return most
}

// defaultMessage is the largest message that servers take unless they are configured
// otherwise, in bytes.
const defaultMessage = 1 << 20

// seal sends the batch. Once it is stored, reading may go on after what was read, but for
// entries of which the joiner holds lines.
func (s *Shipper) seal() {
	if s.batch.n == 0 {
		return
	}
	s.header.Seq++
	f := s.win.add()
	f.after.set(s.safe())
	f.oldest, f.records = s.batch.oldest, s.batch.n
	s.sealing = f
	if err := s.batch.finish(s.header, s.maxMessage(), s.put); err != nil {
		s.count.dropped.Add(uint64(f.records)) // not reached: entries are cut so that a batch has few enough messages
		s.say.warn("log entries are lost: their batch cannot be encoded", err)
	}
	if f.missing == 0 {
		s.settle()
		return
	}
	s.send()
}

// putMessage adds a message to the batch that is being sealed.
func (s *Shipper) putMessage(message []byte) { s.win.put(s.sealing, message) }

// safe returns the place from which nothing would be left out once the window is stored.
func (s *Shipper) safe() *place {
	if held := s.join.before(); held != nil {
		return held
	}
	return &s.read
}
