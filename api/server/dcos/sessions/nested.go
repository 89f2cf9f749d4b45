package sessions

import (
	"sync"
	"syscall"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
)

// nested is a nested container: a session as its clients name it.
type nested struct {
	key   key
	id    string // of the session
	tty   bool
	ended chan struct{} // closed at the end

	mu      sync.Mutex
	s       *client.Session // nil before it runs, and after its end
	written bool            // a client writes
	exit    session.Exit
	at      time.Time // of the end
}

// runs says that the session runs.
func (n *nested) runs(s *client.Session) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.s = s
}

// end says how it ended.
func (n *nested) end(exit session.Exit, at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.at.IsZero() {
		n.s, n.exit, n.at = nil, exit, at
		close(n.ended)
	}
}

// open reports whether it runs or has ended: not so while it is opened.
func (n *nested) open() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.s != nil || !n.at.IsZero()
}

// onEnd calls f at the end, unless stop is called before. After stop f is not running either: the
// server's writer of an answer must not be used when the answer has ended.
func (n *nested) onEnd(f func()) (stop func()) {
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		select {
		case <-n.ended:
			f()
		case <-done:
		}
	})
	return sync.OnceFunc(func() { close(done); work.Wait() })
}

// endedAt returns when it ended, and reports whether it did.
func (n *nested) endedAt() (time.Time, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.at, !n.at.IsZero()
}

// write makes the caller the one that writes, until it calls release. After the end everybody may,
// to a nil session. ok is false if another client writes.
func (n *nested) write() (s *client.Session, release func(), ok bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.s == nil {
		return nil, func() {}, true
	}
	if n.written {
		return nil, nil, false
	}
	n.written = true
	return n.s, sync.OnceFunc(func() {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.written = false
	}), true
}

// status returns how it ended, as wait(2) has it.
func (n *nested) status() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return waitStatus(n.exit)
}

// waitStatus returns how a session ended, as wait(2) has it. One that its program did not end
// by itself is never a success.
func waitStatus(e session.Exit) int {
	switch {
	case e.Signal > 0 && e.Signal < 0x7f:
		return e.Signal
	case e.Code == 0 && e.Reason != session.Exited:
		return session.CodeLost << 8
	}
	return e.Code & 0xff << 8
}

// destroyed is how a session ends whose client went away.
var destroyed = session.Exit{Code: 128 + int(syscall.SIGKILL), Signal: int(syscall.SIGKILL), Reason: session.Killed,
	Detail: "the connection that had opened it was closed"}
