package statsd

import (
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// progress is how far a batch has come: where to go on after a panic.
type progress struct {
	packet int    // index of the packet that is being handled
	opened bool   // its sender is known, and it is counted
	from   uint32 // the sender
	left   int    // bytes of it from the line that is being handled on
}

// handle adds up a batch of packets. It is called on the intake's workers.
func (s *Server) handle(worker int, batch []intake.Packet) {
	<-s.ready
	if s.table == nil {
		return // New failed
	}
	_, now := s.clock()
	w := s.store.Worker(worker)
	w.Begin()
	defer w.End()
	var p progress
	for p.packet < len(batch) {
		s.packets(w, batch, &p, now)
	}
}

// packets handles a batch from p on, to its end or until something panics. The line
// at fault is rejected then, and p is behind it.
func (s *Server) packets(w *series.Worker, batch []intake.Packet, p *progress, now int64) {
	defer func() {
		if v := recover(); v != nil {
			s.panics.report("a StatsD line", v)
			w.Recover()
			s.reject(w, &batch[p.packet], p, now)
		}
	}()
	for ; p.packet < len(batch); p.packet++ {
		s.packet(w, &batch[p.packet], p, now)
		p.opened = false
	}
}

// packet handles a packet, or the rest of one.
func (s *Server) packet(w *series.Worker, b *intake.Packet, p *progress, now int64) {
	if !p.opened {
		from := uint32(s.table.Resolve((*origin.Sender)(&b.Source)))
		w.Packet(from, len(b.Data))
		p.opened, p.from, p.left = true, from, len(b.Data)
	}
	from, parser := p.from, s.parser(b.Source.Listener)
	var l line.Line
	for rest := b.Data[len(b.Data)-p.left:]; ; {
		p.left = len(rest)
		var text []byte
		if text, rest = line.Next(rest); len(text) == 0 {
			return
		}
		if b.Truncated && len(rest) == 0 { // the end of it is missing
			w.Reject(from, line.TooLong, text, now)
			return
		}
		if r := parser.Parse(text, &l); r != line.Accepted {
			w.Reject(from, r, text, now)
			continue
		}
		of := from
		if len(l.ContainerID) > 0 || len(l.External) > 0 || len(l.Entity) > 0 {
			of = uint32(s.table.Fields(origin.Origin(from), l.ContainerID, l.External, l.Entity))
		}
		w.Line(of, parser, &l, now)
	}
}

// reject counts the line that a panic was over, and goes behind it. Where the sender
// is not known, as looking for it panicked, all lines of the packet are rejected.
func (s *Server) reject(w *series.Worker, b *intake.Packet, p *progress, now int64) {
	if !p.opened {
		w.Packet(0, len(b.Data))
		for text, rest := line.Next(b.Data); len(text) > 0; text, rest = line.Next(rest) {
			w.Reject(0, line.Panic, text, now)
		}
		p.packet++
		return
	}
	text, rest := line.Next(b.Data[len(b.Data)-p.left:])
	if len(text) > 0 {
		w.Reject(p.from, line.Panic, text, now)
	}
	p.left = len(rest)
}

// shed counts what the intake gave up. It is called by many goroutines at once.
func (s *Server) shed(src *intake.Source, packets, lines, bytes int) {
	<-s.ready
	if s.table == nil {
		return
	}
	from := s.resolve(src)
	w := s.store.Worker(s.o.Workers)
	w.Begin()
	defer w.End()
	w.Packets(from, packets, bytes)
	w.Shed(from, uint64(lines))
}

// resolve tells whose a packet is that is given up: nobody's if that panics.
func (s *Server) resolve(src *intake.Source) (from uint32) {
	defer func() {
		if v := recover(); v != nil {
			s.panics.report("the sender of a StatsD packet", v)
		}
	}()
	return uint32(s.table.Resolve((*origin.Sender)(src)))
}
