package containers

import (
	"context"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/daytwo/daytwo/collector/bounded"
)

// maxState is the largest state file of a runtime, in bytes. maxStates is how many state
// files of one directory are read.
const (
	maxState  = 4 << 20
	maxStates = 20_000
)

// stateFiles is the source for the state files of runc and crun. Each container has a
// directory of its own with state.json (runc) or status (crun). Podman, CRI-O and
// containerd use runc or crun, so this source also reports their containers if no API
// does.
type stateFiles struct {
	state
	r     *Resolver
	globs []string
	kick  chan struct{}
	known map[string]string // directories that were read completely, and the key of each record
	keys  map[string]string // all directories that were read and still exist
}

func newStateFiles(r *Resolver, globs []string) *stateFiles {
	s := &stateFiles{r: r, globs: globs, kick: make(chan struct{}, 1), known: map[string]string{},
		keys: map[string]string{}}
	s.Runtime, s.Socket = "state files", strings.Join(globs, " ")
	return s
}

func (s *stateFiles) ask(string, place) {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run reads the directories at the start and when inotify reports a change or a lookup
// asks. It searches for new directories every few seconds.
func (s *stateFiles) run(ctx context.Context) {
	w, err := newWatch(s.r)
	if err != nil {
		s.r.log.Info("runtime state directories are not watched, only read when asked for", "err", err)
	} else {
		defer w.close()
		go w.wait()
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	s.scan(ctx, w)
	for {
		select {
		case <-ctx.Done():
			return
		case <-w.changes():
			again.Reset(100 * time.Millisecond) // the file is created after its directory
		case <-s.kick:
			sleep(ctx, 10*time.Millisecond) // one scan for all requests that come together
			select {
			case <-s.kick:
			default:
			}
		case <-again.C:
		case <-tick.C:
		}
		s.scan(ctx, w)
	}
}

// scan reads the states that are new or whose directory was created again, and drops the
// records of those that are gone.
func (s *stateFiles) scan(ctx context.Context, w *watch) {
	fresh, lost := w.take()
	for _, dir := range fresh {
		delete(s.known, dir)
	}
	if lost {
		clear(s.known)
	}
	present := map[string]bool{}
	var unresponsive []string // directories that do not respond
	roots := 0
	for _, g := range s.globs {
		found, silent := s.r.expand(g)
		unresponsive = append(unresponsive, silent...)
		for _, root := range found {
			dirs, err := s.root(w, root)
			if unanswered(err) {
				unresponsive = append(unresponsive, root)
			}
			if err != nil {
				continue
			}
			roots++
			for _, name := range dirs {
				if ctx.Err() != nil {
					return
				}
				dir := filepath.Join(root, name)
				present[dir] = true
				if key, ok := s.known[dir]; !ok || !s.has(key) {
					s.read(dir)
				}
			}
		}
	}
	for dir, key := range s.keys {
		silent := slices.ContainsFunc(unresponsive, func(m string) bool { return strings.HasPrefix(dir, m+"/") })
		if !present[dir] && !silent {
			delete(s.known, dir)
			delete(s.keys, dir)
			s.r.drop(rankState, key)
		}
	}
	s.set(func(st *RuntimeStatus) {
		st.Connected, st.Containers, st.Reason = roots > 0, len(s.keys), ""
		if roots == 0 {
			st.Reason = "none of these directories exists"
		}
		for _, m := range unresponsive {
			st.Reason = m + " does not respond: check its mount, and the server behind it"
		}
	})
}

// root watches a directory of states and lists them.
func (s *stateFiles) root(w *watch, root string) ([]string, error) {
	if err := w.add(root); unanswered(err) {
		return nil, err
	}
	l, err := s.r.list(root, maxStates)
	return l.dirs, err
}

// read reads the state of one container. If it is incomplete or has no process yet, the
// next scan reads it again.
func (s *stateFiles) read(dir string) {
	st, err := bounded.Do(s.r.calls.files(dir), dir, fileWait, func() (*ociState, error) { return parseState(dir) })
	if err != nil || st.pid == 0 {
		return
	}
	st.space, st.logUser = spaceOf(dir), userOf(dir)
	s.complete(st)
	s.known[dir], s.keys[dir] = st.key(), st.key()
	s.r.put(rankState, &st.record)
}

// has reports whether the store has the record. Forget may have removed it.
func (s *stateFiles) has(key string) bool {
	s.r.mu.RLock()
	defer s.r.mu.RUnlock()
	all := s.r.store.byKey[key]
	return all != nil && all[rankState] != nil
}

// spaceOf returns the containerd namespace of a state directory: the name of its parent,
// below .../containerd/runc and .../docker/runtime-runc.
func spaceOf(dir string) string {
	root := filepath.Dir(dir)
	if base := filepath.Base(filepath.Dir(root)); base == "runc" || base == "runtime-runc" {
		return filepath.Base(root)
	}
	return ""
}

// complete adds to a record what its process and its runtime's user imply.
func (s *stateFiles) complete(st *ociState) {
	rec := &st.record
	for i, p := range rec.paths {
		rec.paths[i] = trimTo(p, rec.id)
	}
	for _, dir := range st.cgroups {
		if p := s.r.cgroupPath(dir); p != "" && !slices.Contains(rec.paths, p) {
			rec.paths = append(rec.paths, p)
		}
	}
	if !s.r.stillRuns(st) {
		rec.pid = 0
	}
	if len(rec.paths) == 0 && rec.pid > 0 {
		rec.paths = s.r.proc.containerPaths(rec.pid, rec.id)
	}
	slices.Sort(rec.paths)
	switch {
	case rec.space == "moby":
		rec.runtime = "docker"
	case rec.space != "":
		rec.runtime = "containerd"
	}
	if !isID(rec.id) {
		rec.name = rec.id // a user chose the id as a name
	}
	switch rec.labels["io.container.manager"] {
	case "libpod":
		rec.runtime = "podman"
		st.storage.name(rec)
	case "cri-o":
		rec.runtime = "cri-o"
		rec.name = rec.labels[containerNameKey]
		rec.image = rec.labels["io.kubernetes.cri-o.ImageName"]
		if path := rec.labels["io.kubernetes.cri-o.LogPath"]; len(path) < maxLabelValue { // else it is cut off
			rec.logPath = cleanLogPath(path)
		}
		rec.sandboxOnly = rec.labels["io.kubernetes.cri-o.ContainerType"] == "sandbox"
	}
}

// stillRuns reports whether the process of a state is still the container's. The process may
// have ended and its pid been reused. The check is that the process is in the
// container's cgroup, or else that it started when the state says.
func (r *Resolver) stillRuns(st *ociState) bool {
	at, _ := r.proc.cgroupPaths(st.pid)
	for _, p := range at {
		if slices.ContainsFunc(st.paths, func(own string) bool { return p == own || strings.HasPrefix(p, own+"/") }) {
			return true
		}
	}
	began, err := bounded.Do(r.calls.process, "pid="+strconv.Itoa(st.pid), processWait, func() (uint64, error) {
		return r.proc.started(st.pid), nil
	})
	return err == nil && began == st.ticks
}

// cgroupPath removes the mount point from a cgroup's directory.
func (r *Resolver) cgroupPath(dir string) string {
	best := ""
	for _, root := range r.cgroups {
		if p, ok := strings.CutPrefix(dir, root); ok && strings.HasPrefix(p, "/") && p != "/" &&
			(best == "" || len(p) < len(best)) {
			best = p
		}
	}
	return best
}
