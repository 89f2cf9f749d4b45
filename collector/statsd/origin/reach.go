package origin

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"time"
)

// running is what the runtimes report of a container.
type running struct {
	pid     int
	cgroups []string
}

// reached is a container in whose network namespace its endpoint receives, although its
// launcher did not name the namespace.
type reached struct {
	pid    int
	netns  uint64 // inode; 0: it is the collector's own, or entering failed
	failed bool   // entering failed and is tried again; it was logged
}

// adoptedFor is how long steering of an earlier process is kept if no known container
// needs it.
const adoptedFor = time.Minute

// Changed is signalled when Reach has work to do.
func (t *Table) Changed() <-chan struct{} { return t.changed }

func (t *Table) change() {
	select {
	case t.changed <- struct{}{}:
	default:
	}
}

// Reach attaches the steering in the network namespaces of running containers that have
// an endpoint, and detaches it from those of containers that are gone. Call it when
// Changed is signalled, and regularly to retry failures.
func (t *Table) Reach() {
	defer t.count()
	for id, r := range t.unreached() {
		t.reach(id, r)
	}
}

// reach attaches the steering in the network namespace of one container.
func (t *Table) reach(id string, r running) {
	ns, err := t.netnsOf(r.pid, r.cgroups)
	if ns != nil {
		defer ns.Close()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.running[id].pid == r.pid && t.endpoints[id] != nil && !t.closed {
		t.enter(id, r.pid, ns, err)
	}
}

// count counts the containers whose network namespace could not be entered.
func (t *Table) count() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failing = 0
	for _, r := range t.reached {
		if r.failed {
			t.failing++
		}
	}
}

// unreached forgets containers that are gone, and returns those whose namespace is to be
// entered.
func (t *Table) unreached() map[string]running {
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.steered || t.closed {
		return nil
	}
	for id, got := range t.reached {
		e := t.endpoints[id]
		gone := e == nil || t.running[id].pid != got.pid
		if !gone && got.netns != 0 {
			a := t.attach[got.netns]
			gone = a == nil || a.Netns() != got.netns
		}
		if gone {
			if got.netns != 0 {
				t.leave(got.netns)
			}
			delete(t.reached, id)
		}
	}
	if time.Since(t.start) > adoptedFor {
		for ino, a := range t.attach {
			if a.users == 0 {
				t.detach(ino, a)
			}
		}
	}
	todo := map[string]running{}
	for id, e := range t.endpoints {
		got := t.reached[id]
		if r := t.running[id]; r.pid > 0 && e.Netns == "" && (got == nil || got.failed) {
			todo[id] = r
		}
	}
	return todo
}

// enter joins the network namespace of a container, unless it is the collector's own.
func (t *Table) enter(id string, pid int, ns *os.File, err error) {
	got := &reached{pid: pid}
	if err == nil && inodeOf(ns) != t.own {
		got.netns, err = t.join(ns)
	}
	was := t.reached[id]
	if got.failed = err != nil; got.failed && (was == nil || was.pid != pid) {
		t.c.Log.Warn("StatsD cannot be received on a container's own port in its network namespace",
			"container_id", id, "pid", pid, "err", err)
	}
	t.reached[id] = got
}

// within reports whether /proc/PID/cgroup (cgroups(7)) names one of the given cgroups or
// a cgroup below one.
func within(file []byte, cgroups []string) bool {
	for line := range bytes.Lines(file) {
		f := strings.SplitN(strings.TrimSuffix(string(line), "\n"), ":", 3)
		if len(f) == 3 && slices.ContainsFunc(cgroups, func(c string) bool {
			return len(c) > 1 && (f[2] == c || strings.HasPrefix(f[2], c+"/"))
		}) {
			return true
		}
	}
	return false
}
