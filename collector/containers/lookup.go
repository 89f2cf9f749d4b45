package containers

import (
	"context"
	"time"
)

// retries are the pauses before a path is looked up again, for as long as it
// is not known well: runtimes make the cgroup before they say so.
var retries = []time.Duration{30 * time.Millisecond, 70 * time.Millisecond, 150 * time.Millisecond, 250 * time.Millisecond,
	500 * time.Millisecond, time.Second, 3 * time.Second, 10 * time.Second, 30 * time.Second}

// lookups takes up new paths at once and repeats where it must.
func (r *Resolver) lookups(ctx context.Context) {
	type try struct {
		n  int
		at time.Time
	}
	waiting := map[string]try{}
	step := func(path string, n int) {
		if !r.look(path) && n < len(retries) {
			waiting[path] = try{n + 1, time.Now().Add(retries[n])}
		} else {
			delete(waiting, path)
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
			for path, t := range waiting {
				if !now.Before(t.at) {
					step(path, t.n)
				}
			}
		}
		next := time.Hour
		for _, t := range waiting {
			next = min(next, time.Until(t.at))
		}
		due.Reset(max(next, 20*time.Millisecond))
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
		pid = r.proc.firstProcess(r.cgroups, path)
	}
	if pid == 0 {
		return false
	}
	env, err := r.proc.environ(pid)
	if err != nil || r.proc.starting(pid) {
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
