package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// Handler takes a frame in, whose header and checksum are good, and may keep
// data. When it returns the frame is acknowledged. It is called by one
// goroutine, in the order of the stream.
type Handler func(h *frame.Header, data []byte) Verdict

// Options of an Ingest; zero values are replaced by the defaults named here.
type Options struct {
	Conn          *nats.Conn
	Stream        bus.Config    // the stream, made if it is not there, and changed if more than Cluster is set
	Durable       string        // name of the consumer; relays with different ones each get every frame
	Forget        time.Duration // the server forgets the consumer after so long without us (0: never)
	MaxAckPending int           // frames on their way at once (1024)
	Handle        Handler
	Log           *slog.Logger
}

const (
	ackWait   = 10 * time.Second // then the server sends a frame again
	pullBytes = 16 << 20         // frames in the client's buffer
	heartbeat = 5 * time.Second
	backoff   = 250 * time.Millisecond
	backoffTo = 5 * time.Second
	timeout   = 10 * time.Second // of one request to the server
	drainFor  = 2 * time.Second  // at the end, should the server not answer
)

// Ingest is one consumer.
type Ingest struct {
	o        Options
	counts   counts
	bytes    atomic.Uint64
	attached atomic.Uint64
	pending  atomic.Uint64
	delay    atomic.Int64
	trouble  atomic.Pointer[error] // why it is not ready; nil = it is
}

var errStarting = errors.New("not connected to the stream of frames yet")

// New makes an Ingest; Run makes it work.
func New(o Options) *Ingest {
	if o.MaxAckPending <= 0 {
		o.MaxAckPending = 1024
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	in := &Ingest{o: o}
	in.trouble.Store(&errStarting)
	return in
}

// Ready is nil while frames can come, else it says why they cannot.
func (in *Ingest) Ready() error {
	if s := in.o.Conn.Status(); s != nats.CONNECTED {
		return fmt.Errorf("nats is %s", s)
	}
	if err := in.trouble.Load(); err != nil {
		return *err
	}
	return nil
}

// Stats reads the figures.
func (in *Ingest) Stats() Stats {
	s := Stats{
		Bytes: in.bytes.Load(), Frames: make(map[Verdict]uint64, verdicts),
		Attached: in.attached.Load(), Pending: in.pending.Load(), Delay: in.delay.Load(),
		Connected: in.Ready() == nil,
	}
	for v := range verdicts {
		s.Frames[v] = in.counts[v].Load()
	}
	return s
}

// Run takes frames in until ctx ends. Whatever happens to the server, the
// stream or the consumer, it tries again for ever.
func (in *Ingest) Run(ctx context.Context) {
	wait := backoff
	lastLog, lastErr := time.Time{}, ""
	for ctx.Err() == nil {
		began := time.Now()
		err := in.session(ctx)
		if ctx.Err() != nil {
			return
		}
		in.trouble.Store(&err)
		if err.Error() != lastErr || time.Since(lastLog) >= time.Minute {
			lastLog, lastErr = time.Now(), err.Error()
			in.o.Log.Warn("no frames come in, trying again", "err", err)
		}
		if time.Since(began) > backoffTo {
			wait = backoff
		}
		select {
		case <-ctx.Done():
		case <-time.After(wait):
		}
		wait = min(2*wait, backoffTo)
	}
}

// errLost ends a session whose connection went: what was on its way is lost.
var errLost = errors.New("the connection to nats was lost")

// session joins the consumer and takes frames until something fails.
func (in *Ingest) session(ctx context.Context) error {
	lost := in.o.Conn.StatusChanged(nats.RECONNECTING, nats.DISCONNECTED, nats.CLOSED)
	defer in.o.Conn.RemoveStatusListener(lost)
	if s := in.o.Conn.Status(); s != nats.CONNECTED {
		return fmt.Errorf("nats is %s", s)
	}
	consumer, err := in.attach(ctx)
	if err != nil {
		return err
	}
	limit := max(pullBytes, 2*int(in.o.Conn.MaxPayload()))
	messages, err := consumer.Messages(jetstream.PullMaxBytes(limit), jetstream.PullHeartbeat(heartbeat), jetstream.WithMessagesErrOnMissingHeartbeat(true))
	if err != nil {
		return fmt.Errorf("pull frames: %w", err)
	}
	defer messages.Stop()
	in.attached.Add(1)
	in.trouble.Store(nil)
	in.o.Log.Info("taking frames", "stream", bus.FramesStream(in.o.Stream.Cluster), "consumer", in.o.Durable)

	done := make(chan struct{})
	defer close(done)
	patience, giveUp := context.WithCancel(context.WithoutCancel(ctx))
	defer giveUp()
	var gone atomic.Bool
	go func() {
		select {
		case <-ctx.Done():
			messages.Drain() // what was delivered already is still taken in
			time.AfterFunc(drainFor, giveUp)
		case <-lost:
			gone.Store(true)
			messages.Stop()
		case <-done:
		}
	}()
	for {
		m, err := messages.Next(jetstream.NextContext(patience))
		if err != nil {
			if gone.Load() {
				return errLost
			}
			return fmt.Errorf("pull frames: %w", err)
		}
		in.take(m)
	}
}

// take judges one message, hands it on, and acknowledges it.
func (in *Ingest) take(m jetstream.Msg) {
	if meta, err := m.Metadata(); err == nil {
		in.pending.Store(meta.NumPending)
		in.delay.Store(max(0, int64(time.Since(meta.Timestamp))))
	}
	data := m.Data()
	in.bytes.Add(uint64(len(data)))
	in.counts[in.judge(m.Subject(), data)].Add(1)
	if err := m.Ack(); err != nil {
		in.o.Log.Debug("a frame could not be acknowledged and will come again", "err", err)
	}
}

// judge checks what can be checked without decoding.
func (in *Ingest) judge(subject string, data []byte) Verdict {
	agent, ok := bus.FramesAgent(subject)
	if !ok {
		return WrongSubject
	}
	h, err := frame.Peek(data)
	switch {
	case errors.Is(err, frame.ErrVersion):
		return Version
	case err != nil:
		return Malformed
	case frame.Verify(data) != nil:
		return BadChecksum
	case h.Agent != agent:
		return WrongAgent
	}
	return in.o.Handle(&h, data)
}
