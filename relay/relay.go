package relay

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/lockfile"
	"github.com/daytwo/daytwo/api/logrpc"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/relay/fleet"
	"github.com/daytwo/daytwo/relay/gateway"
	"github.com/daytwo/daytwo/relay/ingest"
	"github.com/daytwo/daytwo/relay/recent"
	"github.com/daytwo/daytwo/relay/sessions"
	"github.com/daytwo/daytwo/relay/sinks"
	"github.com/nats-io/nats.go"
)

// Relay is a relay without its HTTP server.
type Relay struct {
	cfg    Config
	conn   *nats.Conn
	store  *recent.Store
	lock   *lockfile.Lock // of the history, nil if it is in memory only
	fleet  *fleet.Fleet
	ingest *ingest.Ingest
	sinks  *sinks.Manager // nil without a configuration of sinks
	node   nodeTicks
	rpc    *rpc.Client // for what nodes are asked
	logs   *gateway.Gateway

	sessions   *sessions.Broker // nil without a data directory
	enrollment *enrollment      // nil without the keys of the cluster
}

// tidyEvery is how often old history is deleted and the disk synced.
const tidyEvery = 5 * time.Second

// New opens the history and prepares the connection. An invalid configuration is an
// error; an unreachable NATS server is not. The caller calls Run, or Close.
func New(cfg Config) (*Relay, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	r := &Relay{cfg: cfg, conn: cfg.Conn}
	opt := recent.Options{
		MemoryBytes: cfg.MemoryBytes, MemoryFor: cfg.MemoryFor,
		DiskBytes: cfg.DiskBytes, DiskFor: cfg.Retention, Log: cfg.Log,
	}
	var err error
	if cfg.DataDir != "" {
		opt.Dir = filepath.Join(cfg.DataDir, "history")
		r.lock, err = lockfile.Hold(opt.Dir)
		if errors.Is(err, lockfile.ErrInUse) {
			return nil, fmt.Errorf("history: %w (--data)", err)
		} // else the store says what is wrong with its directory
	}
	r.fleet = fleet.New(fleet.Options{Forget: cfg.Forget, CacheBytes: cfg.CacheBytes, Log: cfg.Log})
	opt.Replay = r.fleet.Heard
	if r.store, err = recent.Open(opt); err != nil {
		r.lock.Release()
		return nil, fmt.Errorf("history: %w", err)
	}
	r.fleet.ReadFrom(r.store)
	if r.conn == nil {
		if r.conn, err = bus.Connect(cfg.NATS); err != nil {
			return nil, errors.Join(err, r.store.Close(), r.lock.Release())
		}
	}
	if r.rpc, err = rpc.NewClient(r.conn, cfg.Cluster); err != nil {
		return nil, errors.Join(err, r.closeConn(), r.store.Close(), r.lock.Release())
	}
	r.logs = gateway.New(gateway.Options{
		Fleet: logFleet{r.fleet}, Node: func(agent string) gateway.Node { return logrpc.NewNode(r.rpc, agent) }, Log: cfg.Log,
	})
	in := ingest.Options{
		Conn: r.conn, Stream: cfg.Stream, Durable: "relay_" + cfg.ID, Handle: ingest.Frames(r.take), Log: cfg.Log,
	}
	if cfg.DataDir == "" {
		in.Forget = forgetNameless
	}
	r.ingest = ingest.New(in)
	cfg.Ready.Add(ready.Frames, r.ingest.Ready)
	if r.sinks, err = r.openSinks(); err != nil {
		return nil, errors.Join(fmt.Errorf("sinks: %w", err), r.Close())
	}
	if r.enrollment, err = cfg.openEnrollment(); err != nil {
		return nil, errors.Join(err, r.Close())
	}
	if cfg.AgentBoot != 0 {
		r.node = nodeTicks{agent: cfg.Agent, boot: cfg.AgentBoot, start: time.Now()}
		cfg.Ready.Add(ready.NodeAtRelay, r.node.ready)
	}
	return r, nil
}

// take stores a frame, and notifies the fleet of a complete tick. The frame is
// acknowledged once it is on disk, or is known to be kept in memory only.
func (r *Relay) take(_ context.Context, h *frame.Header, m *ingest.Message) ingest.Verdict {
	m.Hold()
	whole, err := r.store.Append(h, m.Data, m.Release)
	switch {
	case err == nil:
		if whole {
			r.fleet.Heard(h, time.Now())
			r.node.heard(h)
		}
		return ingest.Stored
	case errors.Is(err, recent.ErrDuplicate):
		return ingest.Duplicate
	}
	m.Release()
	switch {
	case errors.Is(err, recent.ErrBusy):
		return ingest.NotYet
	case errors.Is(err, recent.ErrOrphan):
		return ingest.Orphan
	case errors.Is(err, recent.ErrAgents):
		return ingest.TooManyAgents
	}
	return ingest.BadHeader
}

// Run receives frames until ctx ends, then closes the relay and returns the error of
// Close.
func (r *Relay) Run(ctx context.Context) error {
	r.work(ctx)
	return r.Close()
}

func (r *Relay) work(ctx context.Context) {
	var work sync.WaitGroup
	work.Go(func() { _ = r.ingest.Run(ctx) }) // returns nil
	if r.sinks != nil {
		work.Go(func() { _ = r.sinks.Run(ctx) }) // returns nil
	}
	if r.enrollment != nil {
		work.Go(func() { r.enrollment.run(ctx, r.conn) })
	}
	work.Go(func() {
		tick := time.NewTicker(tidyEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				r.store.Tidy()
				r.fleet.Tidy()
			}
		}
	})
	work.Wait()
}

// Close closes the history, and the connection unless the caller gave it (Config.Conn).
func (r *Relay) Close() error {
	r.enrollment.close()
	if r.sessions != nil {
		r.sessions.Close()
	}
	err := r.rpc.Close()
	return errors.Join(err, r.closeConn(), r.store.Close(), r.lock.Release())
}

// closeConn closes the connection unless the caller gave it.
func (r *Relay) closeConn() error {
	if r.cfg.Conn == nil {
		// Send the acknowledgements that are still buffered.
		if err := r.conn.FlushTimeout(time.Second); err != nil {
			r.cfg.Log.Debug("the last acknowledgements may be lost: their frames will be redelivered", "err", err)
		}
		r.conn.Close()
	}
	return nil
}

// Fleet returns the agents and the newest tick of each.
func (r *Relay) Fleet() query.Fleet { return r.fleet }

// History returns access to all ticks that the relay keeps.
func (r *Relay) History() query.History { return r.store }

// Logs returns access to the log entries of all nodes.
func (r *Relay) Logs() query.Logs { return r.logs }

// Stats holds the counts of all parts.
type Stats struct {
	Ingest ingest.Stats
	Recent recent.Stats
	Fleet  fleet.Stats
}

// Stats returns the counts.
func (r *Relay) Stats() Stats {
	return Stats{r.ingest.Stats(), r.store.Stats(), r.fleet.Stats()}
}
