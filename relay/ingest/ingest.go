package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	minBackoff = 250 * time.Millisecond
	maxBackoff = 5 * time.Second
	timeout    = 10 * time.Second // of all requests to the server that attach makes
)

// Ingest is one consumer of a stream.
type Ingest struct {
	o        Options
	counts   counts
	bytes    atomic.Uint64
	notYet   atomic.Uint64
	attached atomic.Uint64
	unacked  atomic.Int64
	pending  atomic.Uint64
	delay    atomic.Int64
	notReady atomic.Pointer[error] // the reason why no messages are received; nil while they are
	panics   panicLog
}

var errStarting = errors.New("not attached to the stream yet")

// New returns an Ingest. It receives nothing until Run is called.
func New(o Options) *Ingest {
	o.defaults()
	in := &Ingest{o: o}
	in.notReady.Store(&errStarting)
	return in
}

// Ready returns nil while messages can be received, else the reason why they cannot.
func (in *Ingest) Ready() error {
	if s := in.o.Conn.Status(); s != nats.CONNECTED {
		return fmt.Errorf("nats is %s", s)
	}
	if err := in.notReady.Load(); err != nil {
		return *err
	}
	return nil
}

// Stats returns the counts.
func (in *Ingest) Stats() Stats {
	s := Stats{
		Bytes: in.bytes.Load(), Frames: make(map[Verdict]uint64, verdicts), NotYet: in.notYet.Load(),
		Attached: in.attached.Load(), Unacknowledged: in.unacked.Load(),
		Pending: in.pending.Load(), Delay: in.delay.Load(), Connected: in.Ready() == nil,
	}
	for v := range verdicts {
		s.Frames[v] = in.counts[v].Load()
	}
	return s
}

// Run receives messages until ctx ends, then returns nil. After an error of the
// server, the stream or the consumer it attaches again, with a growing delay.
func (in *Ingest) Run(ctx context.Context) error {
	wait := minBackoff
	lastLog, lastErr := time.Time{}, ""
	for ctx.Err() == nil {
		began := time.Now()
		err := in.session(ctx)
		if ctx.Err() != nil {
			return nil
		}
		in.notReady.Store(&err)
		if err.Error() != lastErr || time.Since(lastLog) >= time.Minute {
			lastLog, lastErr = time.Now(), err.Error()
			in.o.Log.Warn("messages cannot be received: trying again", "consumer", in.o.Durable, "err", err)
		}
		if time.Since(began) > maxBackoff {
			wait = minBackoff
		}
		sleep(ctx, wait)
		wait = min(2*wait, maxBackoff)
	}
	return nil
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// session attaches to the consumer and hands its messages to the handler until
// something fails or ctx ends.
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
	in.attached.Add(1)
	in.notReady.Store(nil)
	in.o.Log.Info("receiving messages", "stream", in.o.stream(), "consumer", in.o.Durable)
	return newSession(in, consumer).run(ctx, lost)
}
