package shipping

import (
	"sync/atomic"
	"time"
)

// Stats counts since the start of the shipper.
type Stats struct {
	Read        uint64 // entries of the node's logs
	Entries     uint64 // put into batches; lines that were joined count as one
	Joined      uint64 // lines that were joined to an entry before them
	Events      uint64 // put into batches
	Filtered    uint64 // entries that rules leave out
	SampledOut  uint64
	RateLimited uint64
	Redacted    uint64 // texts that rules replaced
	Cut         uint64 // entries that are larger than a message, and were cut
	Batches     uint64 // that the stream has stored
	Bytes       uint64 // of those, compressed
	Stored      uint64 // entries and events in those
	Resent      uint64 // batches that were sent more than once
	Dropped     uint64 // entries and events that the stream refused for good
	Errors      uint64 // failures to read, to publish, or to save the position

	InFlight    int           // batches that wait for their acknowledgement
	Lag         time.Duration // age of the oldest entry that was read, or is next, and is not stored
	PositionAge time.Duration // how long the saved position has been behind what is stored
	Running     bool          // the logs are being read
}

// counters is Stats as it is counted.
type counters struct {
	read, entries, joined, events, filtered, sampledOut, rateLimited, redacted, cut atomic.Uint64

	batches, bytes, stored, resent, dropped, errors atomic.Uint64

	inFlight atomic.Int64
	pending  atomic.Int64 // when the oldest entry was written that is read and not stored, or 0; microseconds
	behind   atomic.Int64 // since when the saved position is behind; nanoseconds since 1970, or 0
	running  atomic.Bool
}

// Stats returns the counts. It never waits.
func (s *Shipper) Stats() Stats {
	c := &s.count
	age := func(t time.Time, set bool) time.Duration {
		if !set {
			return 0
		}
		return max(0, time.Since(t))
	}
	pending, behind := c.pending.Load(), c.behind.Load()
	return Stats{
		Read: c.read.Load(), Entries: c.entries.Load(), Joined: c.joined.Load(), Events: c.events.Load(),
		Filtered: c.filtered.Load(), SampledOut: c.sampledOut.Load(), RateLimited: c.rateLimited.Load(),
		Redacted: c.redacted.Load(), Cut: c.cut.Load(), Batches: c.batches.Load(), Bytes: c.bytes.Load(),
		Stored: c.stored.Load(), Resent: c.resent.Load(), Dropped: c.dropped.Load(), Errors: c.errors.Load(),
		InFlight: int(c.inFlight.Load()), Running: c.running.Load(),
		Lag:         age(time.UnixMicro(pending), pending != 0),
		PositionAge: age(time.Unix(0, behind), behind != 0),
	}
}
