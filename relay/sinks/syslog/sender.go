package syslog

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// sender is a sink.
type sender struct {
	cfg      *Config
	tls      *tls.Config
	facility int
	conn     net.Conn // nil while not connected
	raw      net.Conn // below TLS
	msg, buf []byte
}

// Close implements sink.Sink. Over TLS it sends close_notify, without which some receivers
// drop the last message.
func (s *sender) Close() error {
	if s.conn == nil {
		return nil
	}
	_ = s.conn.SetDeadline(time.Now().Add(5 * time.Second))
	err := s.conn.Close()
	s.conn = nil
	return err
}

// Test implements sink.Sink: it connects.
func (s *sender) Test(ctx context.Context) error {
	probe := &sender{cfg: s.cfg, tls: s.tls}
	if err := probe.connect(ctx); err != nil {
		return err
	}
	return probe.Close()
}

func (s *sender) connect(ctx context.Context) error {
	if s.conn != nil && s.closed(time.Millisecond) == nil {
		return nil
	}
	_ = s.Close()
	network := "tcp"
	if s.cfg.Protocol == "udp" {
		network = "udp"
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, network, s.cfg.Address)
	if err != nil {
		return err
	}
	s.conn, s.raw = conn, conn
	if s.tls == nil {
		return nil
	}
	v := &verdict{conn: conn}
	c := tls.Client(conn, v.config(s.tls))
	if err := c.HandshakeContext(ctx); err != nil {
		s.conn = nil
		return errors.Join(fmt.Errorf("%w: %w", sink.ErrHandshake, err), conn.Close())
	}
	s.conn = c
	err = v.wait(s)
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return errors.Join(err, s.Close())
	}
	return nil
}

// closed returns an error if the receiver closes the connection within d. A receiver sends
// nothing, so that there is nothing to read before it closes.
func (s *sender) closed(d time.Duration) error {
	if s.cfg.Protocol == "udp" {
		return nil
	}
	_ = s.conn.SetReadDeadline(time.Now().Add(d))
	var b [1]byte
	_, err := s.conn.Read(b[:])
	_ = s.conn.SetReadDeadline(time.Time{})
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return nil
	}
	return fmt.Errorf("the receiver has closed the connection: %w", err)
}

// Write implements sink.Sink.
func (s *sender) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	if err := s.connect(ctx); err != nil {
		return sink.RetryAll(len(batch), err)
	}
	conn := s.conn
	undo := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer undo()
	if s.cfg.Protocol == "udp" {
		return s.datagrams(batch)
	}
	s.buf = s.buf[:0]
	for _, r := range batch {
		s.frame(r)
	}
	_, err := s.conn.Write(s.buf)
	if err == nil {
		err = s.received(ctx)
	}
	if err != nil {
		_ = s.Close()
		return sink.RetryAll(len(batch), err)
	}
	return sink.Result{}
}

// frame appends a record to the buffer, with its frame.
func (s *sender) frame(r *sink.Record) {
	s.msg = s.appendMessage(s.msg[:0], r)
	if s.cfg.Framing == "octets" {
		s.buf = strconv.AppendInt(s.buf, int64(len(s.msg)), 10)
		s.buf = append(append(s.buf, ' '), s.msg...)
		return
	}
	for _, c := range s.msg {
		if c == '\n' {
			s.buf = append(s.buf, "#012"...) // as rsyslog escapes control characters
		} else {
			s.buf = append(s.buf, c)
		}
	}
	s.buf = append(s.buf, '\n')
}

// datagrams sends each record as one datagram.
func (s *sender) datagrams(batch []*sink.Record) sink.Result {
	for i, r := range batch {
		s.msg = s.appendMessage(s.msg[:0], r)
		_, err := s.conn.Write(s.msg)
		if errors.Is(err, syscall.EMSGSIZE) {
			rest := sink.RetryFrom(i+1, len(batch), err)
			rest.TooLarge = []int{i}
			return rest
		}
		if err != nil { // such as ECONNREFUSED, which an earlier datagram may have caused
			_ = s.Close()
			return sink.RetryFrom(i, len(batch), err)
		}
	}
	return sink.Result{}
}

// received waits until the receiver's kernel has acknowledged all bytes (SIOCOUTQ of
// tcp(7)), and fails if the receiver has closed the connection by then.
func (s *sender) received(ctx context.Context) error {
	tcp, ok := s.raw.(*net.TCPConn)
	if !ok {
		return nil
	}
	raw, err := tcp.SyscallConn()
	if err != nil {
		return err
	}
	for wait := 50 * time.Microsecond; ; wait = min(2*wait, 20*time.Millisecond) {
		left := 0
		var failed error
		if err := raw.Control(func(fd uintptr) {
			left, failed = unix.IoctlGetInt(int(fd), unix.SIOCOUTQ)
		}); err != nil {
			return err
		}
		if failed != nil {
			return fmt.Errorf("SIOCOUTQ: %w", failed)
		}
		if left == 0 {
			break
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return fmt.Errorf("%d bytes are not acknowledged: %w", left, ctx.Err())
		}
	}
	return s.closed(time.Millisecond)
}
