package containers

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// retries are the pauses before a path is looked up again, for as long as it
// is not known well: runtimes make the cgroup before they say so.
var retries = [len(waiting{})]time.Duration{30 * time.Millisecond, 70 * time.Millisecond, 150 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// waiting are the paths to look up again, by how often that was done. Of one
// pause each list is in the order in which they are due.
type waiting [9][]waiter // as many as retries

type waiter struct {
	path string
	at   time.Time
}

// due takes the first path that is due out, and returns how often it was looked up.
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

// next is when the next path is due, an hour from now at the latest.
func (w *waiting) next(now time.Time) time.Duration {
	next := time.Hour
	for _, q := range w {
		if len(q) > 0 {
			next = min(next, q[0].at.Sub(now))
		}
	}
	return next
}

// lookups takes up new paths at once and repeats where it must.
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

// look asks whoever may know a path, and reports whether nothing is left to ask.
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
	known, told := false, false
	q := process{path: path, id: p.id}
	for i, rec := range recs {
		known = known || rec.name != "" || rec.image != ""
		told = told || rec.env != nil
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
	q.environ = heard.any() && !told
	return r.readProcess(q, own) && known
}

// plain reports whether a path can be no container's: a systemd service or slice,
// or a cgroup inside a container.
func plain(path string, p place) bool {
	return path == "/" || p.parent != "" || p.podTop || (p.unit != "" || p.slice != "") && !isScope(path)
}

func isScope(path string) bool { return len(path) > 6 && path[len(path)-6:] == ".scope" }

// process is what to find out of a container's first process.
type process struct {
	path, id, space string // of the container
	pid             int    // 0: not known
	environ         bool   // its environment counts
}

// readProcess finds a container's first process and, where it counts, what its
// environment says. It reports whether that is done; own is what was found before.
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
	// Asked before the environment is read, which is then the program's.
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
		rec.env = map[string]string{} // read, and nothing in it
	}
	if err == nil || errors.Is(err, bounded.ErrHeld) || errors.Is(err, bounded.ErrFull) {
		r.put(rankProc, rec)
	}
	return err == nil
}

// environKey names the call that reads an environment: another container of the
// same path has another process.
func environKey(path string, pid int) string { return path + pidMark + strconv.Itoa(pid) }

const pidMark = " pid="

// again looks a path up once more: its environment came too late for the look-up
// that asked.
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
