package sinks

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// list returns the runners.
func (m *Manager) list() ([]*running, string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.runners, m.refused
}

// find returns the runner of a sink, or an error that wraps query.ErrNoSink.
func (m *Manager) find(name string) (*running, error) {
	runners, _ := m.list()
	for _, r := range runners {
		if r.cfg.Name == name {
			return r, nil
		}
	}
	return nil, fmt.Errorf("%w: %q", query.ErrNoSink, name)
}

// List implements query.Sinks.
func (m *Manager) List(context.Context) ([]query.Sink, string) {
	runners, refused := m.list()
	all := make([]query.Sink, len(runners))
	for i, r := range runners {
		all[i] = r.snapshot(time.Now())
	}
	return all, refused
}

// snapshot returns the sink's state.
func (r *runner) snapshot(now time.Time) query.Sink {
	r.mu.Lock()
	s := query.Sink{Name: r.cfg.Name, Type: r.typ, Target: r.target, State: r.state, Relay: r.relay, Error: r.past}
	r.mu.Unlock()
	r.status.mu.Lock()
	if s.Error == "" {
		s.Error = r.status.err
	}
	if s.State == "running" && r.status.err != "" {
		s.State = "failing"
	}
	s.FailingSince, s.LastDelivery = r.status.since, r.status.last
	s.PendingMessages, s.Behind = r.status.pending, r.status.behind(now)
	r.status.mu.Unlock()
	c := &r.counts
	s.Received, s.Filtered, s.Delivered, s.Bytes = c.received.Load(), c.filtered.Load(), c.delivered.Load(), c.bytes.Load()
	s.Retries, s.Known, s.Cut, s.Malformed = c.retries.Load(), c.known.Load(), c.cut.Load(), c.malformed.Load()
	s.Duplicates = c.duplicates.Load()
	s.Refused, s.DeadLost = c.reasons(), r.dead.failures()
	return s
}

// Pause implements query.Sinks.
func (m *Manager) Pause(ctx context.Context, name string) error { return m.setPaused(ctx, name, true) }

// Resume implements query.Sinks.
func (m *Manager) Resume(ctx context.Context, name string) error {
	return m.setPaused(ctx, name, false)
}

func (m *Manager) setPaused(ctx context.Context, name string, paused bool) error {
	r, err := m.find(name)
	if err != nil {
		return err
	}
	if err := m.store.change(ctx, name, func(s *state) { s.Paused = paused }); err != nil {
		return err
	}
	r.wake()
	return m.until(ctx, func(*state) bool {
		state := r.snapshot(time.Now()).State
		return state == "standby" || (state == "paused") == paused
	}, name)
}

// Reset implements query.Sinks.
func (m *Manager) Reset(ctx context.Context, name string, to time.Time) error {
	r, err := m.find(name)
	if err != nil {
		return err
	}
	id := rand.Text()
	if err := m.store.change(ctx, name, func(s *state) { s.Start, s.Reset = to, id }); err != nil {
		return err
	}
	r.wake()
	return m.until(ctx, func(s *state) bool { return s.Reset != id }, name)
}

// controlWithin is how long a change of a sink's state may take to be carried out.
const controlWithin = 20 * time.Second

// until waits until the relay that runs a sink has carried out a change of its state.
func (m *Manager) until(ctx context.Context, done func(*state) bool, name string) error {
	ctx, cancel := context.WithTimeout(ctx, controlWithin)
	defer cancel()
	for {
		s, err := m.store.load(ctx, name, state{})
		if err == nil && done(&s) {
			return nil
		}
		if sleep(ctx, 50*time.Millisecond); ctx.Err() != nil {
			return query.ErrNoSinkAnswer
		}
	}
}

// Test implements query.Sinks.
func (m *Manager) Test(ctx context.Context, name string) error {
	r, err := m.find(name)
	if err != nil {
		return err
	}
	_, t, _ := r.cfg.typ()
	s, err := t.Open()
	if err != nil {
		return err
	}
	defer s.Close()
	ctx, cancel := context.WithTimeout(ctx, controlWithin)
	defer cancel()
	return sink.Explain(s.Test(ctx))
}

// Dead implements query.Sinks.
func (m *Manager) Dead(_ context.Context, name string, limit int) ([]json.RawMessage, error) {
	r, err := m.find(name)
	if err != nil {
		return nil, err
	}
	return r.dead.last(limit)
}
