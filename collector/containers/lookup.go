package containers

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// retries are the pauses before a path is looked up again while its identity is
// incomplete. Runtimes create the cgroup before they report the container.
var retries = [len(waiting{})]time.Duration{
	30 * time.Millisecond, 70 * time.Millisecond, 150 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// waiting holds the paths to look up again, by how often each was looked up. Each list
// has one pause, and so is in the order in which its paths are due.
type waiting [9][]waiter // as many as retries

type waiter struct {
	path string
	at   time.Time
}

// due removes the first path that is due and returns how often it was looked up.
func (w *waiting) due(now time.Time) (path string, n int, ok bool) {
	for n := range w {
		if q := w[n]; len(q) > 0 && !now.Before(q[0].at) {
			path = q[0].path
			if w[n] = q[1:]; len(q) == 1 {
				w[n] = nil
			}
			return path, n + 1, true
		}
	}
	return "", 0, false
}

// next returns how long to wait for the next path that is due, one hour at most.
func (w *waiting) next(now time.Time) time.Duration {
	next := time.Hour
	for _, q := range w {
		if len(q) > 0 {
			next = min(next, q[0].at.Sub(now))
		}
	}
	return next
}

// lookups looks up new paths at once, and again while their identity is incomplete.
func (r *Resolver) lookups(ctx context.Context) {
	var wait waiting
	step := func(path string, n int) {
		if !r.look(path) && n < len(retries) {
			wait[n] = append(wait[n], waiter{path, time.Now().Add(retries[n])})
		}
	}
	due := time.NewTimer(time.Hour)
	defer due.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-r.wake:
			r.mu.Lock()
			fresh := r.fresh
			r.fresh = nil
			r.mu.Unlock()
			for _, path := range fresh {
				step(path, 0)
			}
		case now := <-due.C:
			for path, n, ok := wait.due(now); ok; path, n, ok = wait.due(now) {
				step(path, n)
			}
		}
		due.Reset(max(wait.next(time.Now()), 20*time.Millisecond))
	}
}

// look asks every source that may know a path. It reports whether the lookup is
// complete.
func (r *Resolver) look(path string) bool {
	r.mu.RLock()
	e := r.entries[path]
	var recs []*record
	var own *record
	var k string
	if e != nil {
		k, recs, own = r.store.find(path, e.place)
	}
	r.mu.RUnlock()
	if e == nil {
		return true
	}
	p := e.place
	if p.id == "" && k == "" {
		if plain(path, p) {
			return true
		}
		for _, s := range r.sources {
			s.ask(path, p)
		}
		return false
	}
	known, haveEnv := false, false
	q := process{path: path, id: p.id}
	for i, rec := range recs {
		known = known || rec.name != "" || rec.image != ""
		haveEnv = haveEnv || rec.env != nil
		if i == 0 {
			q.id, q.space = rec.id, rec.space
		}
		if q.pid == 0 {
			q.pid = rec.pid
		}
	}
	if !known {
		for _, s := range r.sources {
			s.ask(path, p)
		}
	}
	_, heard := schedulersOf(p, recs)
	q.environ = heard.any() && !haveEnv
	return r.readProcess(q, own) && known
}

// plain reports whether a path cannot be a container's own cgroup: it is that of a
// systemd service or slice, or lies inside a container.
func plain(path string, p place) bool {
	return path == "/" || p.parent != "" || p.podTop || (p.unit != "" || p.slice != "") && !isScope(path)
}

func isScope(path string) bool { return len(path) > 6 && path[len(path)-6:] == ".scope" }

// process says what to read of a container's first process.
type process struct {
	path, id, space string // of the container
	pid             int    // 0: unknown
	environ         bool   // read its environment too
}

// readProcess finds a container's first process and, if asked for, reads its
// environment. It reports whether this is complete. own is the record of an earlier
// call, or nil.
func (r *Resolver) readProcess(q process, own *record) bool {
	if own != nil && (q.pid == 0 || q.pid == own.pid) && (own.env != nil || !q.environ) {
		return true
	}
	if q.pid == 0 && own != nil {
		q.pid = own.pid
	}
	if q.pid > 0 && !q.environ {
		return true
	}
	if q.pid == 0 {
		if q.pid = r.firstProcess(q.path); q.pid == 0 {
			return false
		}
	}
	// Check before reading the environment: afterwards, it is the container program's.
	if r.proc.starting(q.pid) {
		return false
	}
	rec := &record{id: q.id, space: q.space, pid: q.pid}
	var err error
	if q.environ {
		rec.env, err = bounded.Do(r.calls.environ, environKey(q.path, q.pid), processWait, func() (map[string]string, error) {
			return r.proc.environ(q.pid)
		})
	}
	if err == nil && rec.env == nil {
		rec.env = map[string]string{} // an empty environment that was read, in contrast to nil
	}
	switch {
	case err == nil:
		r.put(rankProc, rec)
	case errors.Is(err, bounded.ErrHeld), errors.Is(err, bounded.ErrFull), errors.Is(err, errNoEnviron):
		rec.env = nil // only the pid is known; the lookup is repeated
		r.put(rankProc, rec)
	}
	return err == nil
}

// environKey is the key of the call that reads an environment. It contains the pid
// because a later container may have the same path.
func environKey(path string, pid int) string { return path + pidMark + strconv.Itoa(pid) }

const pidMark = " pid="

// again queues another lookup of a path whose environment was read only after the lookup
// had stopped waiting for it.
func (r *Resolver) again(key string) {
	path := key[:strings.LastIndex(key, pidMark)]
	r.mu.Lock()
	if r.entries[path] != nil {
		r.fresh = append(r.fresh, path)
	}
	r.mu.Unlock()
	select {
	case r.wake <- struct{}{}:
	default:
	}
}
