package containers

import (
	"context"
	"time"
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

// due takes the first path that is due out, and tells how often it was looked up.
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

// look asks whoever may know a path, and tells whether nothing is left to ask.
func (r *Resolver) look(path string) bool {
	r.mu.RLock()
	e := r.entries[path]
	var recs []*record
	var k string
	if e != nil {
		k, recs = r.store.find(path, e.place)
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
	known, pid, proc := false, 0, false
	for _, rec := range recs {
		known = known || rec.name != "" || rec.image != ""
		proc = proc || rec.pid > 0 && rec.env != nil
		if pid == 0 {
			pid = rec.pid
		}
	}
	if !known {
		for _, s := range r.sources {
			s.ask(path, p)
		}
	}
	if !proc {
		proc = r.readProcess(path, p, k, pid)
	}
	return known && proc
}

// plain tells a path that can be no container's: a systemd service or slice, or
// a cgroup inside a container.
func plain(path string, p place) bool {
	return path == "/" || p.parent != "" || p.podTop || (p.unit != "" || p.slice != "") && !isScope(path)
}

func isScope(path string) bool { return len(path) > 6 && path[len(path)-6:] == ".scope" }

// readProcess takes the environment of a container's first process.
func (r *Resolver) readProcess(path string, p place, k string, pid int) bool {
	if pid == 0 {
		pid = r.proc.firstProcess(r.cgroups, r.pids, path)
	}
	if pid == 0 {
		return false
	}
	if r.proc.starting(pid) { // asked first: the environment read after is then the program's
		return false
	}
	env, err := r.proc.environ(pid)
	if err != nil {
		return false
	}
	if env == nil {
		env = map[string]string{}
	}
	id, space := p.id, ""
	r.mu.RLock()
	if recs := r.store.records(k); len(recs) > 0 {
		id, space = recs[0].id, recs[0].space
	}
	r.mu.RUnlock()
	r.put(rankProc, &record{id: id, space: space, pid: pid, env: env})
	return true
}
