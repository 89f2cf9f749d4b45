package forward

import (
	"context"
	"errors"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"syscall"
	"time"

	"github.com/libp2p/go-yamux/v5"
)

const (
	dialFor = 10 * time.Second // for one address
	headFor = time.Minute      // within which a stream has to name its port
)

// Serve connects the streams of a session with some ports of this machine's loopback addresses,
// and no others, until the session ends.
func Serve(session io.ReadWriteCloser, ports []uint16) error {
	mux, err := yamux.Server(pipe{session}, config(MaxConns+ended), nil)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	var work sync.WaitGroup
	for {
		s, err := mux.AcceptStream()
		if err != nil {
			cancel()
			work.Wait()
			if errors.Is(err, io.EOF) || errors.Is(err, yamux.ErrSessionShutdown) || errors.Is(err, syscall.EPIPE) {
				return nil
			}
			return err
		}
		work.Go(func() { serve(ctx, s, ports) })
	}
}

// serve connects one stream.
func serve(ctx context.Context, s *yamux.Stream, ports []uint16) {
	_ = s.SetReadDeadline(time.Now().Add(headFor))
	port, err := readPort(s)
	if err != nil {
		_ = s.Reset()
		return
	}
	_ = s.SetReadDeadline(time.Time{})
	if port == noPort || !slices.Contains(ports, port) {
		reject(s, forbidden, "the session is not for this port")
		return
	}
	conn, err := dial(ctx, port)
	if err != nil {
		reject(s, refused, err.Error())
		return
	}
	if err := writeAnswer(s, connected, ""); err != nil {
		_ = s.Reset()
		TCP{conn}.Abort()
		return
	}
	_ = join(TCP{conn}, s, func() error { return nil })
}

// reject ends a stream with a reason. What comes of it is thrown away.
func reject(s *yamux.Stream, answer byte, text string) {
	if err := writeAnswer(s, answer, text); err != nil {
		_ = s.Reset()
		return
	}
	_ = s.Close()
}

// loopback are the addresses at which a program may listen for itself alone.
var loopback = []string{"127.0.0.1", "::1"}

// dial connects to a port, wherever something listens.
func dial(ctx context.Context, port uint16) (*net.TCPConn, error) {
	var first error
	for _, host := range loopback {
		d := net.Dialer{Timeout: dialFor}
		conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort(host, strconv.Itoa(int(port))))
		if err == nil {
			return conn.(*net.TCPConn), nil
		}
		if first == nil {
			first = err
		}
	}
	if errors.Is(first, syscall.ECONNREFUSED) {
		return nil, errors.New("nobody listens there (connection refused)")
	}
	return nil, first
}
