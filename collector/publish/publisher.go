package publish

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/nats-io/nats.go"
)

// ErrClosed is the error of Publish after Close.
var ErrClosed = errors.New("publish: closed")

// errSpoolHangs is the error of a Close that leaves the spool as it is.
var errSpoolHangs = errors.New("publish: the disk of the spool does not respond: frames may be lost")

// spoolWait is how long Close waits for the disk of the spool.
const spoolWait = 3 * time.Second

// payloadRoom is how many bytes a message needs beside its payload.
const payloadRoom = 4096

// Publisher sends the frames of one agent. Publish encodes on the caller's goroutine
// and queues; one goroutine of the publisher, the sender, does all that may take time.
// While the disk of the spool does not respond, another sender sends without it.
type Publisher struct {
	opt Options
	nc  *nats.Conn
	sub *nats.Subscription

	mu      sync.Mutex // of enc and closed
	enc     *frame.Encoder
	closed  bool
	wantKey atomic.Bool // encode a keyframe next: a frame was lost, or a new segment is due
	queue   *queue

	inbox   string      // replies come to its subjects
	senders uint64      // made so far
	waiting atomic.Bool // the sender has no spool, because the disk does not respond

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

// New starts a publisher. The connection may be without a server. Options that cannot
// work are an error, and so is a spool directory that another collector uses; a spool
// that cannot be opened for another reason (a full disk) is tried again later.
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
	p.inbox = p.nc.NewInbox()
	s, err := p.firstSender()
	if err != nil {
		return nil, err
	}
	sub, err := p.nc.Subscribe(p.inbox+".*", p.answered)
	if err != nil {
		s.closeSpool()
		return nil, fmt.Errorf("publish: %w", err)
	}
	p.sub = sub
	go s.run()
	if p.opt.SpoolDir != "" {
		go p.watch(s)
	}
	return p, nil
}

// Publish encodes a tick and queues it; of the batch it sets what frame.Encoder.Encode
// sets, and keeps nothing. It never waits for NATS or the disk. A batch that cannot be
// encoded is an error; frames that are lost later are counted in Stats.
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
	parts, err := p.encode(b)
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

// encode encodes a tick. After a panic it begins anew, with a keyframe.
func (p *Publisher) encode(b *frame.Batch) ([][]byte, error) {
	returned := false
	defer func() {
		if !returned {
			p.enc = frame.NewEncoder(p.opt.Frame)
		}
	}()
	parts, err := p.enc.Encode(b)
	returned = true
	return parts, err
}

// lost counts frames that never reach the stream. Later deltas may be against one of
// them, so the next frame is a keyframe.
func (p *Publisher) lost(n int) {
	p.count.dropped.Add(uint64(n))
	p.wantKey.Store(true)
}

// answered receives the stream's answers, on a goroutine of the connection.
func (p *Publisher) answered(m *nats.Msg) {
	n, ok := bus.ReplyNumber(m.Subject)
	if !ok {
		return
	}
	select {
	case p.acks <- ack{number: n, err: bus.ParsePubAck(m)}:
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

// Close waits until everything is acknowledged or ctx ends; what is not acknowledged
// goes to the spool, for the next start. It gives up on a spool whose disk does not
// respond. It leaves the connection open.
func (p *Publisher) Close(ctx context.Context) error {
	p.mu.Lock()
	again := p.closed
	p.closed = true
	p.mu.Unlock()
	if !again {
		p.stop <- ctx
	}
	select {
	case <-p.ended:
	case <-ctx.Done():
		patience := time.NewTimer(spoolWait)
		defer patience.Stop()
		select {
		case <-p.ended:
		case <-patience.C:
			return errSpoolHangs
		}
	}
	if again {
		return nil
	}
	if p.waiting.Load() {
		return errors.Join(errSpoolHangs, p.sub.Unsubscribe())
	}
	err := p.sub.Unsubscribe()
	if errors.Is(err, nats.ErrConnectionClosed) {
		return nil
	}
	return err
}
