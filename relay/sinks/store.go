package sinks

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// state is what all relays of a cluster keep about one sink.
type state struct {
	Paused bool      `json:"paused,omitempty"`
	Start  time.Time `json:"start,omitzero"`  // where a consumer that is made begins; zero: the oldest
	Reset  string    `json:"reset,omitempty"` // id of a reset that is not carried out yet
}

// store keeps states and leases in a key-value bucket of JetStream.
type store struct {
	conn     *nats.Conn
	cluster  string
	replicas int
}

// bucket returns the bucket, which it creates if it is missing.
func (s *store) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	if st := s.conn.Status(); st != nats.CONNECTED {
		return nil, fmt.Errorf("nats is %s", st)
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return nil, err
	}
	name := "daytwo_" + s.cluster + "_sinks"
	kv, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, Description: "daytwo: state of the sinks of cluster " + s.cluster, History: 1,
			Replicas: max(1, s.replicas),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}

// load returns a sink's state. If there is none, it stores first.
func (s *store) load(ctx context.Context, name string, first state) (state, error) {
	kv, err := s.bucket(ctx)
	if err != nil {
		return state{}, err
	}
	e, err := kv.Get(ctx, "state."+name)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		b, err := json.Marshal(first)
		if err == nil {
			_, err = kv.Create(ctx, "state."+name, b)
		}
		if errors.Is(err, jetstream.ErrKeyExists) {
			return s.load(ctx, name, first)
		}
		return first, err
	}
	if err != nil {
		return state{}, err
	}
	var st state
	return st, json.Unmarshal(e.Value(), &st)
}

// change changes a sink's state; it repeats if another relay changed it meanwhile.
func (s *store) change(ctx context.Context, name string, f func(*state)) error {
	kv, err := s.bucket(ctx)
	if err != nil {
		return err
	}
	for {
		var st state
		var revision uint64
		e, err := kv.Get(ctx, "state."+name)
		if err == nil {
			revision = e.Revision()
			err = json.Unmarshal(e.Value(), &st)
		} else if errors.Is(err, jetstream.ErrKeyNotFound) {
			err = nil
		}
		if err != nil {
			return err
		}
		f(&st)
		b, err := json.Marshal(st)
		if err != nil {
			return err
		}
		if revision == 0 {
			_, err = kv.Create(ctx, "state."+name, b)
		} else {
			_, err = kv.Update(ctx, "state."+name, b, revision)
		}
		if !conflict(err) {
			return err
		}
	}
}

// conflict reports whether a key was changed by somebody else.
func conflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) ||
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}

// lease makes one relay at a time run a sink, so that the order of an agent's records
// holds. The relay that has it renews it; if it does not for leaseFor, by the clock of
// another relay, that one takes it.
type lease struct {
	store *store
	key   string
	relay string

	revision uint64       // of our own entry, 0 without the lease
	renewed  time.Time    // when our entry was last written
	until    atomic.Int64 // of clock: until when nobody else takes it
	other    string       // relay that has the lease
	seen     uint64       // revision of its entry
	since    time.Time    // since when that revision stands, by our clock
}

const (
	leaseFor  = 15 * time.Second // an entry that is not renewed for so long is taken over
	leaseKeep = 10 * time.Second // after which a relay that could not renew stops
)

// hold takes or renews the lease, and reports whether this relay has it. Without an answer
// from NATS the lease is kept for leaseKeep.
func (l *lease) hold(ctx context.Context, now time.Time) bool {
	err := l.try(ctx, now)
	if err == nil {
		return l.revision > 0
	}
	if conflict(err) || now.Sub(l.renewed) > leaseKeep {
		l.revision = 0
	}
	return l.revision > 0
}

func (l *lease) try(ctx context.Context, now time.Time) (err error) {
	kv, err := l.store.bucket(ctx)
	if err != nil {
		return err
	}
	write := func(revision uint64) error {
		r, err := kv.Update(ctx, l.key, []byte(l.relay), revision)
		if err == nil {
			l.got(r, now)
		}
		return err
	}
	if l.revision > 0 {
		return write(l.revision)
	}
	e, err := kv.Get(ctx, l.key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		r, err := kv.Create(ctx, l.key, []byte(l.relay))
		if err == nil {
			l.got(r, now)
		}
		return err
	}
	if err != nil {
		return err
	}
	if string(e.Value()) == l.relay { // of an earlier run of this relay
		return write(e.Revision())
	}
	if l.seen != e.Revision() {
		l.other, l.seen, l.since = string(e.Value()), e.Revision(), now
		return nil
	}
	if now.Sub(l.since) > leaseFor {
		return write(e.Revision())
	}
	return nil
}

// got records that this relay has the lease since now.
func (l *lease) got(revision uint64, now time.Time) {
	l.revision, l.renewed, l.other = revision, now, ""
	l.until.Store(int64(now.Add(leaseFor).Sub(clock)))
}

// clock is where times of this process's own clock begin.
var clock = time.Now()

// sure reports whether no other relay can have taken the lease. A relay that was stopped
// for a while does not know yet whether it still has it.
func (l *lease) sure() bool { return int64(time.Since(clock)) < l.until.Load() }

// release gives the lease back, so that another relay need not wait.
func (l *lease) release(ctx context.Context) {
	if l.revision == 0 {
		return
	}
	if kv, err := l.store.bucket(ctx); err == nil {
		_ = kv.Delete(ctx, l.key, jetstream.LastRevision(l.revision)) // else it expires
	}
	l.revision = 0
}
