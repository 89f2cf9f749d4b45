package sessions

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
)

// Manager has the sessions of a node. It is safe for concurrent use.
type Manager struct {
	o      Options
	dir    *os.File // of sockets and records
	verify *grant.Verifier

	keysMu sync.Mutex
	keys   keysFile

	mu     sync.Mutex
	on     bool // there is a key
	live   map[string]*live
	ended  []*live // oldest first
	closed bool
	work   sync.WaitGroup

	conns watched

	opened, refused, denied, failed, lost atomic.Uint64
}

// Stats are figures of a manager.
type Stats struct {
	Sessions int    // now
	Opened   uint64 // since the start, as all that follow
	Refused  uint64 // requests without a valid grant
	Denied   uint64 // requests that the node's own policy does not allow
	Failed   uint64 // sessions that were allowed and could not be started
	Lost     uint64 // sessions whose keeper died
	Broken   bool   // the node's own policy cannot be read: all requests are denied
}

// New makes a manager, and takes up the sessions that an earlier one has left. It fails only
// if its directory cannot be used.
func New(o Options) (*Manager, error) {
	o.defaults()
	if err := os.MkdirAll(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	// Whoever reaches a socket has the session: the directory was perhaps made by someone else.
	if err := os.Chmod(o.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("sessions: %w", err)
	}
	v, err := grant.NewVerifier(o.Agent, filepath.Join(o.Dir, noncesFile), o.Keys...)
	if err != nil {
		return nil, err
	}
	dir, err := os.Open(o.Dir)
	if err != nil {
		v.Close()
		return nil, fmt.Errorf("sessions: %w", err)
	}
	m := &Manager{o: o, dir: dir, verify: v, live: map[string]*live{}, on: len(o.Keys) > 0}
	m.readKeys()
	m.takeUp()
	return m, nil
}

// noncesFile has the grants that were used (see grant.Verifier).
const noncesFile = "grants"

// SetKeys replaces the keys of relays.
func (m *Manager) SetKeys(keys ...ed25519.PublicKey) {
	m.verify.SetKeys(keys...)
	m.mu.Lock()
	m.on = len(keys) > 0
	m.mu.Unlock()
}

// Stats reads the figures.
func (m *Manager) Stats() Stats {
	m.mu.Lock()
	n := len(m.live)
	m.mu.Unlock()
	return Stats{Sessions: n, Opened: m.opened.Load(), Refused: m.refused.Load(), Denied: m.denied.Load(),
		Failed: m.failed.Load(), Lost: m.lost.Load(), Broken: m.errBrokenPolicy() != nil}
}

// Close lets go of the sessions, which go on for the next manager.
func (m *Manager) Close() error {
	m.mu.Lock()
	m.closed = true
	for _, l := range m.live {
		l.release()
	}
	m.mu.Unlock()
	m.work.Wait()
	m.dir.Close()
	return m.verify.Close()
}

// add adds a session.
func (m *Manager) add(l *live) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	switch {
	case m.closed:
		return errClosed
	case m.live[l.rec.Session] != nil:
		return fmt.Errorf("the session %s %w already", l.rec.Session, errExists)
	}
	for _, e := range m.ended {
		if e.rec.Session == l.rec.Session {
			return fmt.Errorf("the session %s %w already, and has ended", l.rec.Session, errExists)
		}
	}
	if len(m.live) >= m.o.Max {
		return errFull{m.o.Max}
	}
	m.live[l.rec.Session] = l
	return nil
}

var errExists = errors.New("exists")

var errClosed = fmt.Errorf("the collector ends")

type errFull struct{ max int }

func (e errFull) Error() string {
	return fmt.Sprintf("this node has %d sessions, and takes no more at once", e.max)
}

// find returns a session, also one that has ended lately; nil if there is none.
func (m *Manager) find(id string) *live {
	m.mu.Lock()
	defer m.mu.Unlock()
	if l := m.live[id]; l != nil {
		return l
	}
	for _, l := range m.ended {
		if l.rec.Session == id {
			return l
		}
	}
	return nil
}

// remove makes a session one that has ended.
func (m *Manager) remove(l *live) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live[l.rec.Session] != l {
		return
	}
	delete(m.live, l.rec.Session)
	m.ended = append(m.ended, l)
	for len(m.ended) > maxEnded || len(m.ended) > 0 && time.Since(m.ended[0].endedAt()) > endedFor {
		m.ended[0] = nil
		m.ended = m.ended[1:]
	}
}

// all returns the sessions, those that have ended lately first.
func (m *Manager) all() (list []*live) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, l := range m.ended {
		if time.Since(l.endedAt()) <= endedFor {
			list = append(list, l)
		}
	}
	for _, l := range m.live {
		list = append(list, l)
	}
	return list
}

var lostExit = session.Exit{Code: session.CodeLost, Reason: session.KeeperLost}
