package statsd

import (
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// progress is the position in a batch, so that handling can continue after a panic.
type progress struct {
	packet int    // index of the packet being handled
	opened bool   // its sender is known, and the packet is counted
	from   uint32 // the packet's sender
	left   int    // bytes of the packet that are left, including the line being handled
}

// handle aggregates a batch of packets. The intake's workers call it.
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

// packets handles a batch from p on, until its end or a panic. After a panic, the line
// that caused it is rejected and p points behind it.
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

// packet handles a packet, or what is left of one.
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
		if b.Truncated && len(rest) == 0 { // the line is cut
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

// reject counts the line that caused a panic and moves behind it. If looking up the
// sender panicked, all lines of the packet are rejected.
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

// shed counts packets that the intake gave up. Many goroutines call it concurrently.
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

// resolve returns the sender of a packet that was given up, or 0 if the lookup panics.
func (s *Server) resolve(src *intake.Source) (from uint32) {
	defer func() {
		if v := recover(); v != nil {
			s.panics.report("the sender of a StatsD packet", v)
		}
	}()
	return uint32(s.table.Resolve((*origin.Sender)(src)))
}
