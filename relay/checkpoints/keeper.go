package checkpoints

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/bus"
)

// Options of New.
type Options struct {
	Relay  string     // id of this relay
	Stream bus.Config // how the stream is created
	// Missing is called once if NATS has a checkpoint of this relay that its log lacked when
	// it was opened: the log was cut or replaced while no relay wrote it.
	Missing func(audit.Sent)
	Log     *slog.Logger
}

// Keeper keeps checkpoints in NATS. It is safe for concurrent use.
type Keeper struct {
	o      Options
	js     atomic.Pointer[jetstream.JetStream]
	work   chan struct{} // something is to be sent
	broken atomic.Bool   // Missing was called

	mu     sync.Mutex
	newest audit.Sent       // of the log
	sent   audit.Checkpoint // acknowledged by NATS
}

// New returns a keeper. It sends nothing before Run.
func New(o Options) *Keeper { return &Keeper{o: o, work: make(chan struct{}, 1)} }

// Add takes a checkpoint, which is sent soon. Of several, the newest is sent.
func (k *Keeper) Add(seq uint64, hash string) {
	k.mu.Lock()
	k.newest = audit.Sent{Relay: k.o.Relay, Time: time.Now().UTC(), Checkpoint: audit.Checkpoint{Seq: seq, Hash: hash}}
	k.mu.Unlock()
	select {
	case k.work <- struct{}{}:
	default:
	}
}

// Use says by which connection checkpoints are sent and read.
func (k *Keeper) Use(conn *nats.Conn) error {
	js, err := jetstream.New(conn)
	if err == nil {
		k.js.Store(&js)
	}
	return err
}

// Waits between attempts, and of one.
const (
	attempt  = 10 * time.Second
	retry    = 5 * time.Second
	atTheEnd = 2 * time.Second
)

// Run compares the log with what NATS has of it, then sends checkpoints until ctx ends. opened is
// the newest line that the log had when it was opened.
func (k *Keeper) Run(ctx context.Context, opened audit.Checkpoint) {
	compared := false
	for failing := false; ; {
		var err error
		if !compared {
			err = k.compare(ctx, opened)
			compared = err == nil
		}
		if err == nil {
			err = k.send(ctx)
		}
		wait := k.work
		var again <-chan time.Time
		if err != nil {
			if ctx.Err() == nil && !failing {
				k.o.Log.Warn("checkpoints of the audit log cannot be sent to NATS yet", "err", err)
			}
			wait, again = nil, time.After(retry)
		}
		failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-wait:
		case <-again:
		}
	}
}

// Flush sends the newest checkpoint, once Run has ended.
func (k *Keeper) Flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), atTheEnd)
	defer cancel()
	return k.send(ctx)
}

// compare finds out whether the log had all lines of the checkpoints when it was opened.
func (k *Keeper) compare(ctx context.Context, opened audit.Checkpoint) error {
	all, err := k.Read(ctx, k.o.Relay)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.Seq > opened.Seq || c.Seq == opened.Seq && c.Hash != opened.Hash {
			k.broken.Store(true)
			k.o.Missing(c)
			return nil
		}
	}
	return nil
}

// send publishes the newest checkpoint, unless NATS has it.
func (k *Keeper) send(ctx context.Context) error {
	k.mu.Lock()
	c := k.newest
	k.mu.Unlock()
	if c.Seq == 0 || k.acknowledged() == c.Checkpoint {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, attempt)
	defer cancel()
	if _, err := k.stream(ctx); err != nil {
		return err
	}
	b, err := json.Marshal(c)
	if err != nil {
		return err
	}
	if _, err := (*k.js.Load()).Publish(ctx, bus.Audit(k.o.Stream.Cluster, k.o.Relay), b); err != nil {
		return err
	}
	k.mu.Lock()
	k.sent = c.Checkpoint
	k.mu.Unlock()
	return nil
}

// ErrNoConnection is the error before Use.
var ErrNoConnection = errors.New("not connected to NATS yet")

func (k *Keeper) acknowledged() audit.Checkpoint {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.sent
}

func (k *Keeper) stream(ctx context.Context) (jetstream.Stream, error) {
	js := k.js.Load()
	if js == nil {
		return nil, ErrNoConnection
	}
	return bus.EnsureAuditStream(ctx, *js, k.o.Stream)
}

// WriteMetrics writes the metrics of checkpoints in the text format.
func (k *Keeper) WriteMetrics(w io.Writer) {
	intact := 1
	if k.broken.Load() {
		intact = 0
	}
	// An error means that the client is gone.
	_, _ = fmt.Fprintf(w, "# HELP daytwo_audit_checkpoint_number Number of the newest line of the audit log whose hash "+
		"NATS has; 0 if this relay has sent none.\n# TYPE daytwo_audit_checkpoint_number gauge\n"+
		"daytwo_audit_checkpoint_number %d\n"+
		"# HELP daytwo_audit_intact Whether the audit log had all lines of its checkpoints in NATS when it was opened.\n"+
		"# TYPE daytwo_audit_intact gauge\ndaytwo_audit_intact %d\n", k.acknowledged().Seq, intact)
}
