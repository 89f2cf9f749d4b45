package containers

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// source is one place that knows containers. ask never waits.
type source interface {
	run(ctx context.Context)
	ask(path string, p place)
	status() RuntimeStatus
}

// state is the part of a source that Status reads.
type state struct {
	mu sync.Mutex
	RuntimeStatus
}

func (s *state) status() RuntimeStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.RuntimeStatus
}

func (s *state) set(f func(*RuntimeStatus)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(&s.RuntimeStatus)
}

func (s *state) connected() {
	s.set(func(st *RuntimeStatus) { st.Connected, st.Reason = true, "" })
}

// askTimeout bounds one request to a runtime, to the last byte of its answer; a
// runtime that hangs delays nobody but itself.
const askTimeout = 5 * time.Second

// maxBackoff is the longest pause between two attempts to reach a runtime.
const maxBackoff = 15 * time.Second

// reconnect calls session, which returns when its connection is lost, again and
// again until ctx ends. A socket that is not there is looked for once a second.
func (r *Resolver) reconnect(ctx context.Context, s *state, session func(context.Context) error) {
	if strings.Contains(s.Socket, "://") {
		s.set(func(st *RuntimeStatus) {
			st.Reason = "not a unix socket: another machine's containers are not looked at"
		})
		return
	}
	pause := 250 * time.Millisecond
	for ctx.Err() == nil {
		began := time.Now()
		var err error
		if _, err = r.stat(s.Socket); err == nil {
			err = session(ctx)
		}
		s.set(func(st *RuntimeStatus) {
			st.Connected = false
			switch {
			case errors.Is(err, fs.ErrNotExist):
				st.Reason = "no such socket: the runtime does not run, or has it elsewhere"
			case err != nil:
				st.Reason = err.Error()
			default:
				st.Reason = "connection lost"
			}
		})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			pause = time.Second
		case time.Since(began) > maxBackoff:
			pause = 250 * time.Millisecond
		default:
			pause = min(2*pause, maxBackoff)
		}
		sleep(ctx, pause)
	}
}

// stat is os.Stat of a path that may never answer.
func (r *Resolver) stat(path string) (fs.FileInfo, error) {
	return bounded.Do(r.calls.files(path), path, fileWait, func() (fs.FileInfo, error) { return os.Stat(path) })
}

// dialer returns how an HTTP client reaches a unix socket. connect(2) looks the
// path up, and so waits for its filesystem.
func (r *Resolver) dialer(socket string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return bounded.Do(r.calls.files(socket), "connect "+socket, askTimeout, func() (net.Conn, error) {
			return (&net.Dialer{Timeout: askTimeout}).DialContext(ctx, "unix", socket)
		})
	}
}

func sleep(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
