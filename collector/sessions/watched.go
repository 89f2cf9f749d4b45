package sessions

import (
	"context"
	"sync"
)

// watched are connections that end once the node's own policy no longer allows them.
type watched struct {
	mu  sync.Mutex
	all map[*watchedConn]struct{}
}

type watchedConn struct {
	allowed func() error
	end     context.CancelCauseFunc
}

// add adds a connection: end is called once allowed returns an error, with that. The connection
// stays until remove is called.
func (w *watched) add(allowed func() error, end context.CancelCauseFunc) (remove func()) {
	c := &watchedConn{allowed, end}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[*watchedConn]struct{}{}
	}
	w.all[c] = struct{}{}
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, c)
	}
}

// check ends the connections that are no longer allowed.
func (w *watched) check() {
	w.mu.Lock()
	all := make([]*watchedConn, 0, len(w.all))
	for c := range w.all {
		all = append(all, c)
	}
	w.mu.Unlock()
	for _, c := range all {
		if err := c.allowed(); err != nil {
			c.end(err)
		}
	}
}

// PolicyChanged ends the connections that the node's own policy no longer allows. It is to be
// called when that has changed.
func (m *Manager) PolicyChanged() { m.conns.check() }
