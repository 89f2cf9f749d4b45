package intake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Framing is how packets are separated in a stream.
type Framing uint8

const (
	// FramingAuto decides by the fourth byte of a connection: in a length it is zero, in
	// text it is not.
	FramingAuto Framing = iota
	// FramingLength is DogStatsD's: a length of 4 bytes, little-endian, then that many
	// bytes.
	FramingLength
	// FramingNewline separates lines by newlines.
	FramingNewline
)

// streams are the connections of a stream listener.
type streams struct {
	l     *Listener
	o     Unix
	ring  *ring
	mu    sync.Mutex
	done  bool
	open  map[io.Closer]struct{} // listeners and connections
	conns int
	wait  sync.WaitGroup
}

// ListenUnixStream opens a unix stream socket.
func (in *Intake) ListenUnixStream(o Unix) (*Listener, error) {
	if err := o.defaults("unixstream"); err != nil {
		return nil, err
	}
	l := &Listener{name: o.Name}
	if err := in.register(l); err != nil {
		return nil, err
	}
	ring, err := in.streamRing()
	if err != nil {
		return nil, err
	}
	l.stream = &streams{l: l, o: o, ring: ring, open: map[io.Closer]struct{}{}}
	if err := l.openPath(&o, unix.SOCK_STREAM, l.stream.listen); err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// streamRing returns the ring that all connections fill.
func (in *Intake) streamRing() (*ring, error) {
	in.mu.Lock()
	defer in.mu.Unlock()
	if in.streams == nil {
		r, err := newRing(in.o.Slots)
		if err != nil {
			return nil, err
		}
		in.streams = r
		in.addRing(r)
	}
	return in.streams, nil
}

// listen accepts the connections of a socket. If it returns an error, the caller still
// has to close the descriptor.
func (s *streams) listen(fd int) error {
	dup, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 3)
	if err != nil {
		return os.NewSyscallError("fcntl F_DUPFD_CLOEXEC", err)
	}
	f := os.NewFile(uintptr(dup), s.o.Path)
	ln, err := net.FileListener(f)
	f.Close()
	if err != nil {
		return err
	}
	ul := ln.(*net.UnixListener)
	ul.SetUnlinkOnClose(false)
	if !s.hold(ul) {
		return ul.Close()
	}
	s.wait.Go(func() { s.accept(ul, fd) })
	return nil
}

// hold registers c to be closed by close. It returns false if close was called already.
func (s *streams) hold(c io.Closer) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		s.open[c] = struct{}{}
	}
	return !s.done
}

func (s *streams) accept(ln *net.UnixListener, fd int) {
	defer unix.Close(fd)
	for {
		conn, err := ln.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			time.Sleep(10 * time.Millisecond) // out of descriptors: connections wait in the backlog
			continue
		}
		s.mu.Lock()
		full := s.conns >= s.o.Connections
		if !full {
			s.conns++
		}
		s.mu.Unlock()
		if full || !s.hold(conn) {
			s.l.count.refused.Add(1)
			conn.Close()
			continue
		}
		s.wait.Go(func() {
			defer s.release(conn)
			s.serve(conn)
		})
	}
}

// release closes a connection. It is called after a panic too.
func (s *streams) release(conn *net.UnixConn) {
	if v := recover(); v != nil {
		s.l.in.o.Panicked("a connection", v)
	}
	conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, conn)
	s.conns--
}

func (s *streams) close() {
	s.mu.Lock()
	s.done = true
	for c := range s.open {
		c.Close()
	}
	s.mu.Unlock()
	s.wait.Wait()
}

func (s *streams) serve(conn *net.UnixConn) {
	src := Source{Listener: s.l.Number}
	if raw, err := conn.SyscallConn(); err == nil {
		raw.Control(func(fd uintptr) {
			if c, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
				src.PID, src.UID, src.GID = uint32(c.Pid), c.Uid, c.Gid
			}
		})
	}
	sp := splitter{framing: s.o.Framing, emit: func(b []byte, truncated bool) { s.push(b, &src, truncated) }}
	for {
		n, err := conn.Read(sp.space())
		if n > 0 && !sp.add(n) {
			return
		}
		if err != nil {
			sp.end()
			return
		}
	}
}

// push delivers a packet or, if the ring is full, sheds it.
func (s *streams) push(b []byte, src *Source, truncated bool) {
	in := s.l.in
	for tries := 0; !s.ring.push(b, src, truncated); tries++ {
		if in.o.Policy == ShedNewest && tries == stalls {
			in.shed(s.l, &slot{n: int32(len(b)), src: *src}, b)
			return
		}
		time.Sleep(retry)
	}
	s.l.count.packets.Add(1)
	s.l.count.bytes.Add(uint64(len(b)))
	in.notify()
}

// splitter splits the bytes of a connection into packets.
type splitter struct {
	framing Framing
	emit    func(b []byte, truncated bool)
	buf     []byte
	n       int  // bytes of buf that are filled
	skip    bool // skip the rest of a line that was too long
}

// space returns the part of buf to read into.
func (p *splitter) space() []byte {
	if p.buf == nil {
		p.buf = make([]byte, 4+slotSize)
	}
	return p.buf[p.n:]
}

// add processes n bytes that were read into space. It returns false if the connection
// sent an invalid frame: the rest cannot be parsed.
func (p *splitter) add(n int) bool {
	p.n += n
	if p.framing == FramingAuto {
		if p.n < 4 {
			return true
		}
		p.framing = FramingNewline
		if p.buf[3] == 0 {
			p.framing = FramingLength
		}
	}
	if p.framing == FramingLength {
		return p.frames()
	}
	p.lines()
	return true
}

func (p *splitter) frames() bool {
	b := p.buf[:p.n]
	for len(b) >= 4 {
		size := binary.LittleEndian.Uint32(b)
		if size > slotSize {
			p.emit(b[4:], true)
			p.n = 0
			return false
		}
		if len(b)-4 < int(size) {
			break
		}
		if size > 0 {
			p.emit(b[4:4+size], false)
		}
		b = b[4+size:]
	}
	p.n = copy(p.buf, b)
	return true
}

func (p *splitter) lines() {
	b := p.buf[:p.n]
	if p.skip {
		i := bytes.IndexByte(b, '\n')
		if i < 0 {
			p.n = 0
			return
		}
		p.skip, b = false, b[i+1:]
	}
	if i := bytes.LastIndexByte(b, '\n'); i >= 0 {
		for whole := b[:i+1]; len(whole) > 0; {
			cut := whole
			if len(cut) > slotSize {
				cut = cut[:1+bytes.LastIndexByte(cut[:slotSize], '\n')]
			}
			if len(cut) == 0 { // the first line does not fit into a slot
				cut = whole[:1+bytes.IndexByte(whole, '\n')]
				p.emit(cut[:slotSize], true)
			} else {
				p.emit(cut, false)
			}
			whole = whole[len(cut):]
		}
		b = b[i+1:]
	}
	if len(b) >= slotSize {
		p.emit(b[:slotSize], true)
		b, p.skip = nil, true
	}
	p.n = copy(p.buf, b)
}

// end processes the bytes that are left when the connection ends. The last line needs no
// newline, and an incomplete frame is delivered as truncated.
func (p *splitter) end() {
	if p.n == 0 || p.skip {
		return
	}
	if p.framing == FramingLength {
		p.emit(p.buf[min(4, p.n):p.n], true)
	} else {
		p.emit(p.buf[:min(p.n, slotSize)], p.n > slotSize)
	}
	p.n = 0
}
