package forward

import (
	"io"
	"net"
	"sync"

	"github.com/libp2p/go-yamux/v5"
)

// Local is a connection on this machine. Its end is sent in one direction at a time.
type Local interface {
	io.Reader
	io.Writer
	CloseWrite() error // the other side reads to its end
	Abort()            // the other side gets an error
	Close() error
}

// TCP is a TCP connection as a Local.
type TCP struct{ *net.TCPConn }

// Abort resets the connection.
func (c TCP) Abort() {
	_ = c.SetLinger(0)
	_ = c.Close()
}

var buffers = sync.Pool{New: func() any { return new([32 << 10]byte) }}

// join copies between a connection and a stream until both directions have ended, or one of them
// was aborted, which aborts the other one too. begin is called before anything of the stream is
// passed on.
func join(local Local, s *yamux.Stream, begin func() error) error {
	var once sync.Once
	var first error
	abort := func(err error) {
		once.Do(func() {
			first = err
			_ = s.Reset()
			local.Abort()
		})
	}
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		err := pass(s, local)
		if err == nil {
			err = s.CloseWrite()
		}
		if err != nil {
			abort(err)
		}
	}()
	err := begin()
	if err == nil {
		err = pass(local, s)
	}
	if err == nil {
		err = local.CloseWrite()
	}
	if err != nil {
		abort(err)
	}
	<-sent
	_ = s.Close()
	_ = local.Close()
	return first
}

// pass copies to the end of r. It returns nil if that was no error.
func pass(w io.Writer, r io.Reader) error {
	buf := buffers.Get().(*[32 << 10]byte)
	defer buffers.Put(buf)
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
	}
}
