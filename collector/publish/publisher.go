package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/nats-io/nats.go"
)

// ErrClosed is answered by Publish after Close.
var ErrClosed = errors.New("publish: closed")

// payloadRoom is what a message needs beside its payload.
const payloadRoom = 4096

// Publisher sends the frames of one agent. Publish encodes on the caller's
// goroutine and hands over; one goroutine of the publisher does everything that
// may take time.
type Publisher struct {
	opt Options
	nc  *nats.Conn
	sub *nats.Subscription

	mu      sync.Mutex // of enc and closed
	enc     *frame.Encoder
	closed  bool
	wantKey atomic.Bool // a frame was lost, or a new segment wants to start with a keyframe
	queue   *queue

	acks  chan ack
	stop  chan context.Context
	ended chan struct{}
	count counters
}

// counters is Stats as it is counted.
type counters struct {
	frames, bytes, keyframes, sent, acked, spooled, dropped, corrupt, errors atomic.Uint64

	inFlight, spoolBytes, spoolDepth atomic.Int64
}

// New starts a publisher. The connection may be without a server. It fails on options that cannot
// work and on a spool directory that another collector uses; a spool that
// cannot be opened for another reason (a full disk) is tried again later.
func New(o Options) (*Publisher, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	p := &Publisher{
		opt:   o,
		nc:    o.Conn,
		enc:   frame.NewEncoder(o.Frame),
		queue: newQueue(),
		acks:  make(chan ack, 2*maxInFlight),
		stop:  make(chan context.Context, 1),
		ended: make(chan struct{}),
	}
	s := newSender(p)
	if err := s.openSpool(); errors.Is(err, errInUse) {
		return nil, err
	}
	inbox := p.nc.NewInbox()
	s.reply = append([]byte(inbox+"."), make([]byte, numberSize)...)
	sub, err := p.nc.Subscribe(inbox+".*", p.answered)
	if err != nil {
		s.closeSpool()
		return nil, fmt.Errorf("publish: %w", err)
	}
	p.sub = sub
	go s.run()
	return p, nil
}

// Publish encodes a tick and queues it; it sets what frame.Encoder.Encode sets.
// It never waits for NATS or the disk. The batch is the caller's again when it
// returns. An error is about the batch: one that cannot be encoded. Frames
// that are lost later are counted in Stats.
func (p *Publisher) Publish(b *frame.Batch) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return ErrClosed
	}
	if limit := int(p.nc.MaxPayload()) - payloadRoom; limit > 0 {
		if most := p.opt.Frame.MaxPayload; most > 0 {
			limit = min(limit, most)
		}
		p.enc.SetMaxPayload(limit)
	}
	if p.wantKey.Swap(false) {
		p.enc.ForceKey()
	}
	parts, err := p.enc.Encode(b)
	if err != nil {
		p.count.errors.Add(1)
		return err
	}
	size := 0
	for _, part := range parts {
		size += len(part)
	}
	p.count.frames.Add(uint64(len(parts)))
	p.count.bytes.Add(uint64(size))
	if b.Keyframe() {
		p.count.keyframes.Add(uint64(len(parts)))
	}
	if !p.queue.push(parts, b.Keyframe()) {
		p.lost(len(parts))
	}
	return nil
}

// lost counts frames that never reach the stream. The deltas to come may be
// against one of them.
func (p *Publisher) lost(n int) {
	p.count.dropped.Add(uint64(n))
	p.wantKey.Store(true)
}

// answered runs on a goroutine of the connection.
func (p *Publisher) answered(m *nats.Msg) {
	n, ok := number(m.Subject)
	if !ok {
		return
	}
	select {
	case p.acks <- ack{number: n, err: parseAck(m)}:
	case <-p.ended:
	}
}

// Stats returns the counts.
func (p *Publisher) Stats() Stats {
	c := &p.count
	return Stats{
		Frames: c.frames.Load(), Bytes: c.bytes.Load(), Keyframes: c.keyframes.Load(),
		Sent: c.sent.Load(), Acked: c.acked.Load(), Spooled: c.spooled.Load(),
		Dropped: c.dropped.Load(), Corrupt: c.corrupt.Load(), Errors: c.errors.Load(),
		InFlight: int(c.inFlight.Load()), SpoolBytes: c.spoolBytes.Load(), SpoolDepth: int(c.spoolDepth.Load()),
		Connected: p.nc.IsConnected(),
	}
}

// Close waits until everything is acknowledged or ctx ends; what is not goes
// to the spool, for the next start. It leaves the connection open.
func (p *Publisher) Close(ctx context.Context) error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if !again {
		p.stop <- ctx
	}
	<-p.ended
	if again {
		return nil
	}
	err := p.sub.Unsubscribe()
	if errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}
