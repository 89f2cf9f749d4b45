package logpipe

import (
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// source is one stream of the task.
type source struct {
	Source
	splitter
	prefixes prefixes
	ended    bool
	closed   bool      // by this process
	last     time.Time // when something was read last
	priority int       // of the line that is being read

	// A line that is written in pieces.
	id    string // "" if none is
	piece int    // number of the piece before, from 1 on
}

// unfinished reports whether there is something that PartialAfter applies to.
func (s *source) unfinished() bool {
	n := s.pending()
	return n >= 4 || n > 0 && n > incomplete(s.buf[s.start:s.end])
}

// Values of the field LINE_BREAK, which an entry has that does not end where the task
// ended a line. The names are those of journald's own field _LINE_BREAK.
const (
	breakMax  = "LINE_BREAK=line-max\n"
	breakIdle = "LINE_BREAK=idle\n"
	breakEnd  = "LINE_BREAK=eof\n"
)

// read reads what there is, and adds its lines to the queue.
func (p *pipe) read(s *source) {
	b := s.space()
	n, err := unix.Read(s.FD, b)
	switch {
	case err == unix.EINTR || err == unix.EAGAIN:
		return
	case err != nil && err != unix.EIO: // EIO is the end of a pseudo terminal
		p.Log.Warn("reading the task's output failed", "stream", s.Stream, "err", err)
		fallthrough
	case err != nil || n == 0:
		p.end(s)
		return
	}
	s.last = p.now
	p.Bytes += uint64(n)
	if s.Tee >= 0 {
		p.tee(s, b[:n])
	}
	s.took(n)
	p.lines(s)
	if s.closed {
		p.end(s)
	}
}

// lines adds the lines of a source to the queue.
func (p *pipe) lines(s *source) {
	for {
		line, cut, ok := s.next()
		switch {
		case !ok:
			return
		case cut:
			if s.id == "" {
				p.Cut++
			}
			p.addPiece(s, line, breakMax, false)
		case s.id != "":
			p.addPiece(s, line, "", true)
		default:
			p.addLine(s, line, nil)
		}
	}
}

// addLine adds a whole line to the queue.
func (p *pipe) addLine(s *source, line, fields []byte) {
	p.add(s, p.begin(s, line), fields, true)
}

// begin sets the priority of a line, given its beginning, and returns what is left of that.
func (p *pipe) begin(s *source, line []byte) []byte {
	s.priority = s.Priority
	if p.LevelPrefix && len(line) >= 3 && line[0] == '<' && line[2] == '>' && line[1]&^7 == '0' {
		s.priority, line = int(line[1]-'0'), line[3:]
	}
	return line
}

// add adds an entry to the queue. A line counts at its last piece.
func (p *pipe) add(s *source, line, fields []byte, last bool) {
	if p.StripCR && last && len(line) > 0 && line[len(line)-1] == '\r' {
		line = line[:len(line)-1]
	}
	b := p.q.add(fields, s.prefixes[s.priority], line)
	if last {
		b.lines++
		p.Lines++
	}
	p.Entries++
	if p.Drop && p.q.unsent > p.Buffer {
		p.drop()
	}
}

// addPiece adds a piece of a line, with the fields that Docker's journald driver writes
// for a line in pieces, so that who joins those joins these.
func (p *pipe) addPiece(s *source, line []byte, lineBreak string, last bool) {
	if s.id == "" {
		p.id++
		s.id, s.piece = strconv.FormatUint(p.id, 16)+"-"+strconv.FormatInt(p.now.UnixNano(), 16), 0
		line = p.begin(s, line)
	}
	s.piece++
	fields := []byte(lineBreak)
	if !last {
		fields = appendField(fields, "CONTAINER_PARTIAL_MESSAGE", "true")
	}
	fields = appendField(fields, "CONTAINER_PARTIAL_ID", s.id)
	fields = appendField(fields, "CONTAINER_PARTIAL_ORDINAL", strconv.Itoa(s.piece))
	fields = appendField(fields, "CONTAINER_PARTIAL_LAST", strconv.FormatBool(last))
	if last {
		s.id = ""
	}
	p.add(s, line, fields, last)
}

// idle writes what there is of an unfinished line.
func (p *pipe) idle(s *source) {
	if line := s.rest(true); len(line) > 0 {
		p.Unfinished++
		p.addPiece(s, line, breakIdle, false)
	}
	s.shrink()
}

// end ends a source, and writes its last line, which has no line feed.
func (p *pipe) end(s *source) {
	s.ended = true
	switch line := s.rest(false); {
	case s.id != "":
		p.addPiece(s, line, breakEnd, true)
	case len(line) > 0:
		p.addLine(s, line, []byte(breakEnd))
	}
	s.buf = nil
}

// tee copies what was read. If nobody reads the copy any more, the source ends, so that
// the task learns of it.
func (p *pipe) tee(s *source, b []byte) {
	for len(b) > 0 {
		n, err := unix.Write(s.Tee, b)
		switch err {
		case nil, unix.EINTR:
			b = b[max(n, 0):]
		case unix.EAGAIN:
			unix.Poll([]unix.PollFd{{Fd: int32(s.Tee), Events: unix.POLLOUT}}, -1)
		case unix.EPIPE:
			s.Tee = -1
			unix.Close(s.FD)
			s.closed = true
			return
		default: // such as a terminal that is gone
			s.Tee = -1
			return
		}
	}
}
