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

// maxState bounds a state file of a runtime, in bytes; maxStates how many of one
// directory are read.
const (
	maxState  = 4 << 20
	maxStates = 20_000
)

// stateFiles reads what runc and crun keep of each container: a directory of its
// own name with state.json (runc) or status (crun) in it. Podman, CRI-O and
// containerd run on these two, so it also tells of theirs when nobody else does.
type stateFiles struct {
	state
	r     *Resolver
	globs []string
	kick  chan struct{}
	known map[string]string // directories that need no reading, and the key of what was read
	keys  map[string]string // all directories ever read and still there
}

func newStateFiles(r *Resolver, globs []string) *stateFiles {
	s := &stateFiles{r: r, globs: globs, kick: make(chan struct{}, 1), known: map[string]string{}, keys: map[string]string{}}
	s.Runtime, s.Socket = "state files", strings.Join(globs, " ")
	return s
}

func (s *stateFiles) ask(string, place) {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// run reads the directories at the start, when inotify says that something came
// or went, when somebody asks, and every few seconds for directories that are new.
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
			again.Reset(100 * time.Millisecond) // the file follows its directory
		case <-s.kick:
			sleep(ctx, 10*time.Millisecond) // one scan for all that ask together
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

// scan reads the states that are new, or whose directory was made anew, and
// drops those gone.
func (s *stateFiles) scan(ctx context.Context, w *watch) {
	fresh, lost := w.take()
	for _, dir := range fresh {
		delete(s.known, dir)
	}
	if lost {
		clear(s.known)
	}
	present := map[string]bool{}
	var mute []string // directories that do not answer
	roots := 0
	for _, g := range s.globs {
		found, silent := s.r.expand(g)
		mute = append(mute, silent...)
		for _, root := range found {
			dirs, err := s.root(w, root)
			if unanswered(err) {
				mute = append(mute, root)
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
		silent := slices.ContainsFunc(mute, func(m string) bool { return strings.HasPrefix(dir, m+"/") })
		if !present[dir] && !silent {
			delete(s.known, dir)
			delete(s.keys, dir)
			s.r.drop(rankState, key)
		}
	}
	s.set(func(st *RuntimeStatus) {
		st.Connected, st.Containers, st.Reason = roots > 0, len(s.keys), ""
		if roots == 0 {
			st.Reason = "none of these directories is there"
		}
		for _, m := range mute {
			st.Reason = m + " does not answer: look for its server or its mount"
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

// read reads one container's state. One that is still being written, or has no
// process yet, is read again by the next scan.
func (s *stateFiles) read(dir string) {
	st, err := bounded.Do(s.r.calls.files(dir), dir, fileWait, func() (*ociState, error) { return parseState(dir) })
	if err != nil || st.pid == 0 {
		return
	}
	st.space = spaceOf(dir)
	s.complete(st)
	s.known[dir], s.keys[dir] = st.key(), st.key()
	s.r.put(rankState, &st.record)
}

// has reports whether the store still has the record: Forget may have dropped it.
func (s *stateFiles) has(key string) bool {
	s.r.mu.RLock()
	defer s.r.mu.RUnlock()
	all := s.r.store.byKey[key]
	return all != nil && all[rankState] != nil
}

// spaceOf is the containerd namespace that a state directory belongs to: its
// parent's name below .../containerd/runc and .../docker/runtime-runc.
func spaceOf(dir string) string {
	root := filepath.Dir(dir)
	if base := filepath.Base(filepath.Dir(root)); base == "runc" || base == "runtime-runc" {
		return filepath.Base(root)
	}
	return ""
}

// complete adds what follows from the process and from who runs the runtime.
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
	if !s.r.still(st) {
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
		rec.name = rec.id // chosen by people
	}
	switch rec.labels["io.container.manager"] {
	case "libpod":
		rec.runtime = "podman"
		st.storage.name(rec)
	case "cri-o":
		rec.runtime = "cri-o"
		rec.name = rec.labels[containerNameKey]
		rec.image = rec.labels["io.kubernetes.cri-o.ImageName"]
		rec.sandboxOnly = rec.labels["io.kubernetes.cri-o.ContainerType"] == "sandbox"
	}
}

// still reports whether the process of a state is the container's: it may have
// ended, and another one have its number. It is in the container's cgroup or, if
// that cannot be told, began when the state says.
func (r *Resolver) still(st *ociState) bool {
	at, _ := r.proc.cgroupPaths(st.pid)
	for _, p := range at {
		if slices.ContainsFunc(st.paths, func(own string) bool { return p == own || strings.HasPrefix(p, own+"/") }) {
			return true
		}
	}
	began, err := bounded.Do(r.calls.process, "pid="+strconv.Itoa(st.pid), processWait, func() (uint64, error) {
		return r.proc.started(st.pid), nil
	})
	return err == nil && began == st.started
}

// cgroupPath takes the mount point off a cgroup's directory.
func (r *Resolver) cgroupPath(dir string) string {
	best := ""
	for _, root := range r.cgroups {
		if p, ok := strings.CutPrefix(dir, root); ok && strings.HasPrefix(p, "/") && p != "/" && (best == "" || len(p) < len(best)) {
			best = p
		}
	}
	return best
}
