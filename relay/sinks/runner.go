package sinks

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/nats-io/nats.go/jetstream"
)

// pace is how often a runner looks at its state and renews its lease, unless it is told to
// at once; infoEvery is how often it asks how much is pending.
const (
	pace      = 2 * time.Second
	infoEvery = 5 * time.Second
	askWithin = 5 * time.Second // of one look
)

// runner runs one sink: it has the lease, follows the state, and starts and stops the worker.
type runner struct {
	m      *Manager
	cfg    Config
	typ    string
	target string
	counts counts
	status status
	dead   *deadLetters
	lease  lease
	trust  *authorities
	kick   chan struct{} // capacity 1: look at once

	mu    sync.Mutex
	state string // see query.Sink.State
	relay string
	past  string // why the state cannot be read

	stop    func() // ends the worker that runs; nil if none does
	infoAt  time.Time
	infoPos time.Time
}

func newRunner(m *Manager, cfg Config) *runner {
	name, _, _ := cfg.typ() // was checked
	r := &runner{m: m, cfg: cfg, typ: name, target: cfg.target(), kick: make(chan struct{}, 1), state: "waiting"}
	r.dead = newDeadLetters(m.deadDir(), cfg.Name, int64(cfg.DeadLetters), m.o.Log)
	r.trust = newAuthorities(&r.cfg)
	r.lease = lease{store: &m.store, key: "lease." + cfg.Name, relay: m.o.Relay}
	return r
}

// run runs the sink until ctx ends.
func (r *runner) run(ctx context.Context) {
	defer r.dead.close()
	tick := time.NewTicker(pace)
	defer tick.Stop()
	for {
		r.look(ctx)
		select {
		case <-ctx.Done():
			r.halt()
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
			r.lease.release(last)
			cancel()
			return
		case <-tick.C:
		case <-r.kick:
		}
	}
}

// look renews the lease, reads the state, and does what it asks for.
func (r *runner) look(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	now := time.Now()
	if !r.lease.hold(ctx, now) {
		r.halt()
		if r.lease.other != "" {
			r.show("standby", r.lease.other, nil)
		} else {
			r.show("waiting", "", errors.New("nats does not respond"))
		}
		return
	}
	st, err := r.m.store.load(ctx, r.cfg.Name, state{Start: r.cfg.Start.at(now)})
	if err != nil { // go on as before
		r.mu.Lock()
		r.past = err.Error()
		r.mu.Unlock()
		return
	}
	if st.Reset != "" {
		r.halt()
		if err := r.reset(ctx, st.Reset); err != nil {
			r.show("waiting", r.m.o.Relay, fmt.Errorf("reset: %w", err))
			return
		}
	}
	if now.Sub(r.infoAt) >= infoEvery {
		r.infoAt = now
		r.ask(ctx)
	}
	if st.Paused {
		r.halt()
		r.show("paused", r.m.o.Relay, nil)
		return
	}
	if r.trust.take() { // connections that are open end, too: their authority may be one that is not trusted any more
		r.halt()
	}
	r.start(st.Start)
	r.show("running", r.m.o.Relay, nil)
}

func (r *runner) show(state, relay string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.state, r.relay, r.past = state, relay, ""
	if err != nil {
		r.past = err.Error()
	}
}

// durable returns the name of the sink's consumer.
func (r *runner) durable() string { return "sink_" + r.cfg.Name }

// reset deletes the consumer: the next one begins at state.Start.
func (r *runner) reset(ctx context.Context, id string) error {
	js, err := jetstream.New(r.m.o.Conn)
	if err != nil {
		return err
	}
	err = js.DeleteConsumer(ctx, bus.LogsStream(r.m.o.Cluster), r.durable())
	if err != nil && !errors.Is(err, jetstream.ErrConsumerNotFound) && !errors.Is(err, jetstream.ErrStreamNotFound) {
		return err
	}
	r.status.forget()
	r.infoAt = time.Time{}
	return r.m.store.change(ctx, r.cfg.Name, func(s *state) {
		if s.Reset == id {
			s.Reset = ""
		}
	})
}

// ask asks the server how much is pending.
func (r *runner) ask(ctx context.Context) {
	js, err := jetstream.New(r.m.o.Conn)
	if err != nil {
		return
	}
	stream := bus.LogsStream(r.m.o.Cluster)
	c, err := js.Consumer(ctx, stream, r.durable())
	if err != nil {
		return
	}
	info := c.CachedInfo()
	pending := info.NumPending + uint64(info.NumAckPending)
	position := time.Time{}
	if pending > 0 && r.status.at().Equal(r.infoPos) { // nothing was settled since
		if s, err := js.Stream(ctx, stream); err == nil {
			next := max(info.AckFloor.Stream+1, s.CachedInfo().State.FirstSeq)
			if m, err := s.GetMsg(ctx, next); err == nil {
				position = m.Time
			}
		}
	}
	r.status.asked(pending, position)
	r.infoPos = r.status.at()
}

// start starts a worker, unless one runs.
func (r *runner) start(from time.Time) {
	if r.stop != nil {
		return
	}
	_, t, _ := r.cfg.typ()
	s, err := t.Open()
	if err != nil { // a file that could be read when the configuration was checked
		r.status.failed(err)
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	in := newIntake(&r.cfg, &r.counts)
	w := &worker{cfg: &r.cfg, sink: s, limits: r.cfg.limits(), in: in, dead: r.dead, status: &r.status,
		may: r.lease.sure, log: r.m.o.Log}
	var work sync.WaitGroup
	work.Go(func() { w.run(ctx) })
	work.Go(func() { r.m.o.Receive(ctx, r.durable(), from, in.handle) })
	r.stop = func() {
		cancel()
		work.Wait()
		if err := s.Close(); err != nil {
			r.m.o.Log.Debug("a sink was not closed cleanly", "sink", r.cfg.Name, "err", err)
		}
	}
	if r.cfg.insecure() {
		r.m.o.Log.Warn("a sink accepts any certificate: whoever is on the way can read and change its logs and credentials",
			"sink", r.cfg.Name, "target", r.target, "fix", "give ca_file of tls instead of insecure")
	}
	r.m.o.Log.Info("a sink is running", "sink", r.cfg.Name, "type", r.typ, "target", r.target)
}

// halt stops the worker, if one runs.
func (r *runner) halt() {
	if r.stop != nil {
		r.stop()
		r.stop = nil
	}
}

// followAuthorities makes the worker begin anew if the sink trusts other authorities now.
func (r *runner) followAuthorities() {
	changed, err := r.trust.read()
	if err != nil {
		r.m.o.Log.Error("the authorities that a sink trusts cannot be read again: those of before stay",
			"sink", r.cfg.Name, "err", err)
	}
	if changed {
		r.m.o.Log.Info("a sink trusts the authorities of a new file", "sink", r.cfg.Name)
		r.wake()
	}
}

// wake makes run look at once.
func (r *runner) wake() {
	select {
	case r.kick <- struct{}{}:
	default:
	}
}
