package containers

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
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
	w, err := newWatch()
	if err != nil {
		s.r.log.Info("runtime state directories are not watched, only read when asked for", "error", err)
	} else {
		defer w.close()
		go w.wait()
	}
	tick := time.NewTicker(5 * time.Second)
	defer tick.Stop()
	again := time.NewTimer(time.Hour)
	defer again.Stop()
	s.scan(w)
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
		s.scan(w)
	}
}

// scan reads the states that are new, or whose directory was made anew, and
// drops those gone.
func (s *stateFiles) scan(w *watch) {
	for _, dir := range w.take() {
		delete(s.known, dir)
	}
	present := map[string]bool{}
	roots := 0
	for _, g := range s.globs {
		dirs, _ := filepath.Glob(g)
		for _, root := range dirs {
			w.add(root)
			entries, err := os.ReadDir(root)
			if err != nil {
				continue
			}
			roots++
			for _, e := range entries[:min(len(entries), maxStates)] {
				if e.IsDir() {
					dir := filepath.Join(root, e.Name())
					present[dir] = true
					if key, ok := s.known[dir]; !ok || !s.has(key) {
						s.read(dir)
					}
				}
			}
		}
	}
	for dir, key := range s.keys {
		if !present[dir] {
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
	})
}

// read reads one container's state. One that is still being written, or has no
// process yet, is read again by the next scan.
func (s *stateFiles) read(dir string) {
	rec, bundle, err := parseState(dir)
	if err != nil || rec.pid == 0 {
		return
	}
	if rec.started != s.r.proc.started(rec.pid) { // it ended, and another process has its pid
		rec.pid = 0
	}
	rec.space = spaceOf(dir)
	s.complete(&rec.record, rec.cgroups, bundle)
	s.known[dir], s.keys[dir] = rec.key(), rec.key()
	s.r.put(rankState, &rec.record)
}

// has tells whether the store still has the record: Forget may have dropped it.
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
func (s *stateFiles) complete(rec *record, cgroups map[string]string, bundle string) {
	for i, p := range rec.paths {
		rec.paths[i] = trimTo(p, rec.id)
	}
	for _, dir := range cgroups {
		if p := s.r.cgroupPath(dir); p != "" && !slices.Contains(rec.paths, p) {
			rec.paths = append(rec.paths, p)
		}
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
		podmanStorage(rec, bundle)
	case "cri-o":
		rec.runtime = "cri-o"
		rec.name = rec.labels[containerNameKey]
		rec.image = rec.labels["io.kubernetes.cri-o.ImageName"]
		rec.sandboxOnly = rec.labels["io.kubernetes.cri-o.ContainerType"] == "sandbox"
	}
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
