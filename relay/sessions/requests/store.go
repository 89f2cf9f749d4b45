package requests

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
)

// Bounds of what is kept.
const (
	MaxBytes  = 64 << 10 // of one request: people have to read it
	maxAll    = 256      // requests that wait
	maxPerson = 16       // of one principal
	keepFor   = grant.MaxApproval + 5*time.Minute
)

// Entry is a request that waits, or has just been decided about.
type Entry struct {
	Request grant.Request     `json:"request"`
	Name    string            `json:"name"` // of the container, for people
	Tags    map[string]string `json:"tags,omitempty"`
	From    string            `json:"from,omitempty"`
	By      [][]string        `json:"by"` // of each list, who approves has to be one (user:NAME, group:NAME)
	Asked   time.Time         `json:"asked"`
	Until   time.Time         `json:"until"`

	Approval string  `json:"approval,omitempty"` // signed (grant.Signer.Approve)
	Denied   *Denial `json:"denied,omitempty"`

	revision uint64
}

// Denial says who does not want a session to be opened.
type Denial struct {
	By     string `json:"by"`
	Reason string `json:"reason,omitempty"`
}

// Waits reports whether nobody has decided about the request yet, and somebody still may.
func (e *Entry) Waits(now time.Time) bool {
	return e.Approval == "" && e.Denied == nil && now.Before(e.Until)
}

// Errors of a Store.
var (
	ErrNone    = errors.New("no such request waits: it was decided about, or is too old")
	ErrTooMany = errors.New("too many requests wait for an approval: try again later")
	ErrTooLong = fmt.Errorf("a request that somebody has to approve may have %d bytes, with its environment", MaxBytes)
	ErrTaken   = errors.New("another request of this session waits already")
	ErrChanged = errors.New("somebody else has decided about the request just now")
)

// Store keeps requests. It is safe for concurrent use.
type Store struct {
	conn     *nats.Conn
	cluster  string
	replicas int
}

// New makes a store for a cluster. It uses NATS only when it is asked for something.
func New(conn *nats.Conn, cluster string, replicas int) *Store {
	return &Store{conn: conn, cluster: cluster, replicas: replicas}
}

// bucket returns the bucket, which it creates if it is missing.
func (s *Store) bucket(ctx context.Context) (jetstream.KeyValue, error) {
	if st := s.conn.Status(); st != nats.CONNECTED {
		return nil, fmt.Errorf("requests for sessions: nats is %s", st)
	}
	js, err := jetstream.New(s.conn)
	if err != nil {
		return nil, err
	}
	name := "daytwo_" + s.cluster + "_session_requests"
	kv, err := js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = js.CreateKeyValue(ctx, jetstream.KeyValueConfig{
			Bucket: name, Description: "daytwo: requests for sessions of cluster " + s.cluster + " that wait for an approval",
			History: 1, TTL: keepFor, MaxValueSize: MaxBytes, Replicas: max(1, s.replicas),
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", name, err)
	}
	return kv, nil
}

// Ask adds a request. If the very same one waits already, as that of a client which has lost its
// connection, that is returned.
func (s *Store) Ask(ctx context.Context, e *Entry) (*Entry, error) {
	b, err := json.Marshal(e)
	switch {
	case err != nil:
		return nil, err
	case len(b) > MaxBytes:
		return nil, ErrTooLong
	}
	kv, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	for range 3 {
		was, err := s.get(ctx, kv, e.Request.Session)
		switch {
		case err == nil && same(was, e):
			return was, nil
		case err == nil:
			return nil, ErrTaken
		case !errors.Is(err, ErrNone):
			return nil, err
		}
		if err := s.room(ctx, kv, e.Request.Principal); err != nil {
			return nil, err
		}
		e.revision, err = kv.Create(ctx, e.Request.Session, b)
		if !conflict(err) {
			return e, err
		}
	}
	return nil, ErrChanged
}

// same reports whether two requests are one.
func same(a, b *Entry) bool {
	x, err := a.Request.Digest()
	y, other := b.Request.Digest()
	return err == nil && other == nil && x == y
}

// room returns an error if no further request of a principal is taken.
func (s *Store) room(ctx context.Context, kv jetstream.KeyValue, principal string) error {
	all, err := s.all(ctx, kv)
	if err != nil {
		return err
	}
	own := 0
	for _, e := range all {
		if grant.SamePerson(e.Request.Principal, principal) {
			own++
		}
	}
	if len(all) >= maxAll || own >= maxPerson {
		return ErrTooMany
	}
	return nil
}

// Get returns the request of a session.
func (s *Store) Get(ctx context.Context, id string) (*Entry, error) {
	if !session.ValidID(id) { // it is part of a subject
		return nil, ErrNone
	}
	kv, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	return s.get(ctx, kv, id)
}

func (s *Store) get(ctx context.Context, kv jetstream.KeyValue, id string) (*Entry, error) {
	v, err := kv.Get(ctx, id)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		return nil, ErrNone
	}
	if err != nil {
		return nil, err
	}
	e, err := parse(v)
	if err != nil || !time.Now().Before(e.Until) {
		_ = kv.Delete(ctx, id, jetstream.LastRevision(v.Revision())) // else it expires
		return nil, ErrNone
	}
	return e, nil
}

// parse reads an entry. What others have put there is none.
func parse(v jetstream.KeyValueEntry) (*Entry, error) {
	if len(v.Value()) > MaxBytes {
		return nil, ErrTooLong
	}
	e := new(Entry)
	if err := json.Unmarshal(v.Value(), e); err != nil {
		return nil, err
	}
	if e.Request.Session != v.Key() || len(e.By) == 0 {
		return nil, ErrNone
	}
	e.revision = v.Revision()
	return e, nil
}

// All returns the requests that wait, oldest first.
func (s *Store) All(ctx context.Context) ([]*Entry, error) {
	kv, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	return s.all(ctx, kv)
}

func (s *Store) all(ctx context.Context, kv jetstream.KeyValue) (list []*Entry, err error) {
	w, err := kv.WatchAll(ctx, jetstream.IgnoreDeletes())
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Stop() }()
	now := time.Now()
	for {
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case v, ok := <-w.Updates():
			if !ok {
				return nil, errors.New("requests for sessions: the connection to NATS was lost")
			}
			if v == nil { // that was all
				slices.SortFunc(list, func(a, b *Entry) int {
					return cmp.Or(a.Asked.Compare(b.Asked), cmp.Compare(a.Request.Session, b.Request.Session))
				})
				return list, nil
			}
			if e, err := parse(v); err == nil && e.Waits(now) {
				list = append(list, e)
			}
		}
	}
}

// Decide stores what somebody has decided about a request: its Approval or Denied.
func (s *Store) Decide(ctx context.Context, e *Entry) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	kv, err := s.bucket(ctx)
	if err != nil {
		return err
	}
	_, err = kv.Update(ctx, e.Request.Session, b, e.revision)
	if conflict(err) {
		return ErrChanged
	}
	return err
}

// Take removes a request, once: whoever takes it uses what was decided.
func (s *Store) Take(ctx context.Context, e *Entry) error {
	kv, err := s.bucket(ctx)
	if err != nil {
		return err
	}
	err = kv.Delete(ctx, e.Request.Session, jetstream.LastRevision(e.revision))
	if conflict(err) {
		return ErrChanged
	}
	return err
}

// Wait returns a request once somebody has decided about it. beat is called every so often
// meanwhile; its error ends the waiting.
func (s *Store) Wait(ctx context.Context, e *Entry, every time.Duration, beat func() error) (*Entry, error) {
	kv, err := s.bucket(ctx)
	if err != nil {
		return nil, err
	}
	w, err := kv.Watch(ctx, e.Request.Session)
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Stop() }()
	updates := w.Updates()
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		// A change that the watch has missed, as NATS was away, is seen here.
		now, err := s.get(ctx, kv, e.Request.Session)
		switch {
		case errors.Is(err, ErrNone):
			return nil, ErrNone
		case err == nil && !now.Waits(time.Now()):
			return now, nil
		}
		select {
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		case _, ok := <-updates:
			if !ok {
				updates = nil // the ticker is left
			}
		case <-tick.C:
			if err := beat(); err != nil {
				return nil, err
			}
		}
	}
}

// conflict reports whether a key was changed by somebody else.
func conflict(err error) bool {
	var api *jetstream.APIError
	return errors.Is(err, jetstream.ErrKeyExists) ||
		errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence
}
