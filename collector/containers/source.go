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

// source is one provider of records of containers. ask never blocks.
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

// askTimeout limits one request to a runtime, including reading the response. A hanging
// runtime does not delay other sources.
const askTimeout = 5 * time.Second

// maxBackoff is the longest pause between two attempts to connect to a runtime.
const maxBackoff = 15 * time.Second

// Reasons for which a runtime is not connected.
const (
	notUnix  = "not a unix socket: only runtimes on this machine are asked"
	noSocket = "no such socket: the runtime does not run, or its socket has another path"
)

// reconnect calls session until ctx ends. session returns when its connection is lost.
// While the socket does not exist, reconnect checks for it once a second.
func (r *Resolver) reconnect(ctx context.Context, s *state, session func(context.Context) error) {
	if strings.Contains(s.Socket, "://") {
		s.set(func(st *RuntimeStatus) {
			st.Reason = notUnix
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
				st.Reason = noSocket
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

// stat calls os.Stat for a path that may never respond.
func (r *Resolver) stat(path string) (fs.FileInfo, error) {
	return bounded.Do(r.calls.files(path), path, fileWait, func() (fs.FileInfo, error) { return os.Stat(path) })
}

// dialer returns the dial function of an HTTP client for a unix socket. connect(2)
// resolves the path, so it may block on the filesystem.
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
