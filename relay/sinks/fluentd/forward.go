package fluentd

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// forward is a sink.
type forward struct {
	cfg  *Config
	tls  *tls.Config // nil for plain TCP
	tag  func(*sink.Record) string
	conn net.Conn // nil while not connected
	in   *msgp.Reader
	buf  []byte
}

// Close implements sink.Sink.
func (f *forward) Close() error {
	if f.conn == nil {
		return nil
	}
	err := f.conn.Close()
	f.conn, f.in = nil, nil
	return err
}

// Test implements sink.Sink: it connects, with the handshake if there is a shared key.
func (f *forward) Test(ctx context.Context) error {
	probe := &forward{cfg: f.cfg, tls: f.tls}
	if err := probe.connect(ctx); err != nil {
		return err
	}
	if probe.tls != nil && probe.cfg.SharedKey == "" { // in TLS 1.3 a certificate is refused after the handshake
		if err := probe.closed(refusesWithin); err != nil {
			return errors.Join(err, probe.Close())
		}
	}
	return probe.Close()
}

// refusesWithin is how long a receiver has to refuse a client's certificate.
const refusesWithin = 200 * time.Millisecond

// connect connects and shakes hands, unless that is done.
func (f *forward) connect(ctx context.Context) error {
	if f.conn != nil && f.closed(time.Millisecond) == nil {
		return nil
	}
	_ = f.Close()
	d := net.Dialer{Timeout: 10 * time.Second}
	conn, err := d.DialContext(ctx, "tcp", f.cfg.Address)
	if err != nil {
		return err
	}
	undo := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer undo()
	_ = conn.SetDeadline(time.Now().Add(20 * time.Second))
	if f.tls != nil {
		c := tls.Client(conn, f.tls)
		if err := c.HandshakeContext(ctx); err != nil {
			return errors.Join(fmt.Errorf("%w: %w", sink.ErrHandshake, err), conn.Close())
		}
		conn = c
	}
	f.conn, f.in = conn, msgp.NewReader(conn)
	f.in.SetMaxElements(1 << 10)
	f.in.SetMaxStringLength(1 << 20)
	f.in.SetMaxRecursionDepth(16)
	if f.cfg.SharedKey != "" {
		if err := f.shakeHands(); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return conn.SetDeadline(time.Time{})
}

var errUnasked = errors.New("the receiver says something that was not asked for: does it want a shared key?")

// closed returns an error if the receiver closes the connection within d, or has closed one
// that was idle: a chunk that is sent on a closed one is lost without acknowledgements.
func (f *forward) closed(d time.Duration) error {
	if f.in.Buffered() > 0 {
		return errUnasked
	}
	_ = f.conn.SetReadDeadline(time.Now().Add(d))
	_, err := f.in.R.Peek(1)
	_ = f.conn.SetReadDeadline(time.Time{})
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout():
		return nil
	case err == nil:
		return errUnasked
	}
	return fmt.Errorf("the receiver has closed the connection: %w", err)
}

// Write implements sink.Sink: one chunk a tag, in the order in which the tags come.
func (f *forward) Write(ctx context.Context, batch []*sink.Record) sink.Result {
	type chunk struct {
		tag     string
		entries []byte
		of      []int
	}
	var chunks []*chunk
	byTag := map[string]*chunk{}
	for i, r := range batch {
		tag := f.tag(r)
		c := byTag[tag]
		if c == nil {
			c = &chunk{tag: tag}
			byTag[tag] = c
			chunks = append(chunks, c)
		}
		c.entries = appendEntry(c.entries, r)
		c.of = append(c.of, i)
	}
	left := make([]bool, len(batch))
	failed := error(nil)
	for _, c := range chunks {
		if failed == nil {
			failed = f.send(ctx, c.tag, c.entries, len(c.of))
		}
		for _, i := range c.of {
			left[i] = failed != nil
		}
	}
	res := sink.Result{Err: failed}
	for i := range left {
		if left[i] {
			res.Retry = append(res.Retry, i)
		}
	}
	return res
}

// send sends a chunk and waits for its acknowledgement. After any error the connection is
// closed: an acknowledgement that comes late must not be taken for that of another chunk.
func (f *forward) send(ctx context.Context, tag string, entries []byte, n int) (err error) {
	if err := f.connect(ctx); err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close()
		}
	}()
	var raw [16]byte
	_, _ = rand.Read(raw[:]) // never fails
	id := base64.StdEncoding.EncodeToString(raw[:])
	conn := f.conn
	undo := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer undo()
	within := f.cfg.AckWithin.Or(30 * time.Second)
	if err := conn.SetDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	f.buf = f.appendChunk(f.buf[:0], tag, entries, n, id)
	if _, err := conn.Write(f.buf); err != nil {
		return fmt.Errorf("send a chunk: %w", err)
	}
	if f.cfg.NoAck {
		return nil
	}
	ack, err := readAck(f.in)
	if err != nil {
		return fmt.Errorf("no acknowledgement within %v (ack_timeout): %w", within, err)
	}
	if ack != id {
		return fmt.Errorf("the acknowledgement names the chunk %.40q, not the one that was sent", ack)
	}
	return nil
}

// readAck reads {"ack": id}; other members are ignored.
func readAck(in *msgp.Reader) (ack string, err error) {
	n, err := in.ReadMapHeader()
	if err != nil {
		return "", err
	}
	for range n {
		name, err := in.ReadString()
		if err != nil {
			return "", err
		}
		if name != "ack" {
			if err := in.Skip(); err != nil {
				return "", err
			}
			continue
		}
		if ack, err = readText(in); err != nil {
			return "", err
		}
	}
	return ack, nil
}

// readText reads a string or a binary.
func readText(in *msgp.Reader) (string, error) {
	if t, err := in.NextType(); err != nil {
		return "", err
	} else if t == msgp.BinType {
		b, err := in.ReadBytes(nil)
		return string(b), err
	}
	return in.ReadString()
}
