package statsd

import (
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/line"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

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
	for i := range batch {
		s.packet(w, &batch[i], now)
	}
}

func (s *Server) packet(w *series.Worker, p *intake.Packet, now int64) {
	from := s.table.Resolve((*origin.Sender)(&p.Source))
	w.Packet(uint32(from), len(p.Data))
	parser := s.parser(p.Source.Listener)
	var l line.Line
	for rest := p.Data; ; {
		var text []byte
		if text, rest = line.Next(rest); len(text) == 0 {
			return
		}
		if p.Truncated && len(rest) == 0 { // the end of it is missing
			w.Reject(uint32(from), line.TooLong, text, now)
			return
		}
		if r := parser.Parse(text, &l); r != line.Accepted {
			w.Reject(uint32(from), r, text, now)
			continue
		}
		of := from
		if len(l.ContainerID) > 0 || len(l.External) > 0 || len(l.Entity) > 0 {
			of = s.table.Fields(from, l.ContainerID, l.External, l.Entity)
		}
		w.Line(uint32(of), parser, &l, now)
	}
}

// shed counts what the intake gave up. It is called by many goroutines at once.
func (s *Server) shed(src *intake.Source, packets, lines, bytes int) {
	<-s.ready
	if s.table == nil {
		return
	}
	from := uint32(s.table.Resolve((*origin.Sender)(src)))
	w := s.store.Worker(s.o.Workers)
	w.Begin()
	defer w.End()
	w.Packets(from, packets, bytes)
	w.Shed(from, uint64(lines))
}
