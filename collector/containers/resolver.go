package containers

import (
	"context"
	"log/slog"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/collector/bounded"
)

// Options says where to look. The zero value looks at the usual places and at
// the variables that the runtimes' own clients read.
type Options struct {
	Proc string       // where procfs is mounted; default /proc
	Log  *slog.Logger // default slog.Default()

	// Sockets, as a path or unix:// address; "" = default, "-" = none. Several are
	// separated by commas.
	DockerHost        string // default $DOCKER_HOST, else /var/run/docker.sock and rootless ones
	ContainerHost     string // podman: default $CONTAINER_HOST, else /run/podman/podman.sock and rootless ones
	ContainerdAddress string // default $CONTAINERD_ADDRESS, else /run/containerd/containerd.sock, k3s' and docker's own
	CRIEndpoint       string // default $CONTAINER_RUNTIME_ENDPOINT, else CRI-O's and cri-dockerd's

	StateDirs []string // directories (globs) where runc and crun keep a directory a container; nil = the usual ones
	Cgroups   []string // where the cgroup hierarchies are mounted; default from <Proc>/self/mountinfo

	Calls *bounded.Set // makes the calls that may never return; default one of its own
}

// Resolver answers whose a cgroup is. All methods may be called at the same
// time; Run does the asking.
type Resolver struct {
	proc    procfs
	log     *slog.Logger
	calls   calls
	cgroups []string
	pids    string // see procfs.hierarchies
	sources []source

	gen    atomic.Uint64
	panics atomic.Uint64
	wake   chan struct{} // signalled after fresh has grown

	mu      sync.RWMutex
	entries map[string]*entry
	byID    map[string][]string // paths that carry a container's id
	byPod   map[string][]string // paths that carry a pod's uid
	fresh   []string            // new paths to look up
	store   store
}

// entry is the answer for one path.
type entry struct {
	id    *Identity
	place place
}

// New prepares a Resolver; it opens nothing. Call Run to make it know more than
// paths tell.
func New(o Options) *Resolver {
	if o.Proc == "" {
		o.Proc = "/proc"
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Calls == nil {
		o.Calls = bounded.NewSet(o.Log)
	}
	r := &Resolver{proc: procfs(o.Proc), log: o.Log, cgroups: o.Cgroups, wake: make(chan struct{}, 1), store: newStore(),
		entries: map[string]*entry{}, byID: map[string][]string{}, byPod: map[string][]string{}}
	r.calls = r.newCalls(o.Calls)
	if r.cgroups == nil {
		r.cgroups, r.pids = r.proc.hierarchies()
	}
	r.sources = r.newSources(o)
	return r
}

// Run asks the runtimes and follows their events until ctx ends.
func (r *Resolver) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range r.sources {
		wg.Go(func() { r.survive(ctx, s.status().Runtime, s.run) })
	}
	wg.Go(func() { r.survive(ctx, "look-ups", r.lookups) })
	wg.Wait()
	return ctx.Err()
}

// restartAfter is the pause before what panicked is begun anew.
const restartAfter = time.Second

// survive calls run, and again after a panic, until ctx ends.
func (r *Resolver) survive(ctx context.Context, what string, run func(context.Context)) {
	attempt := func() (panicked bool) {
		defer func() {
			if p := recover(); p != nil {
				panicked = true
				r.panics.Add(1)
				r.log.Error("asking a runtime panicked", "runtime", what, "panic", p, "stack", string(debug.Stack()))
			}
		}()
		run(ctx)
		return false
	}
	for attempt() && ctx.Err() == nil {
		sleep(ctx, restartAfter)
	}
}

// Panics is how many were survived.
func (r *Resolver) Panics() uint64 { return r.panics.Load() }

// Resolve answers for a cgroup's path (from the root of its hierarchy, raw
// bytes) from what is known now; it never waits and never returns nil. For a
// path it has not met it queues a look-up, whose result a later call gives.
func (r *Resolver) Resolve(path string) *Identity {
	r.mu.RLock()
	e := r.entries[path]
	r.mu.RUnlock()
	if e != nil {
		return e.id
	}
	return r.meet(path)
}

func (r *Resolver) meet(path string) *Identity {
	r.mu.Lock()
	defer r.mu.Unlock()
	if e := r.entries[path]; e != nil {
		return e.id
	}
	e := &entry{place: parsePath(path)}
	e.id = r.answer(path, e)
	r.entries[path] = e
	addTo(r.byID, e.place.id, path)
	addTo(r.byPod, e.place.podUID, path)
	r.fresh = append(r.fresh, path)
	select {
	case r.wake <- struct{}{}:
	default:
	}
	return e.id
}

// Gen rises whenever an answer that Resolve has given has changed.
func (r *Resolver) Gen() uint64 { return r.gen.Load() }

// Forget drops the answer for a path. Call it for each cgroup that is gone,
// before Resolve is asked for a new one of the same path.
func (r *Resolver) Forget(path string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e := r.entries[path]
	if e == nil {
		return
	}
	delete(r.entries, path)
	removeFrom(r.byID, e.place.id, path)
	removeFrom(r.byPod, e.place.podUID, path)
	// What only files told (no runtime says when it ends) goes with the cgroup.
	k, _, _ := r.store.find(path, e.place)
	for _, rank := range []rank{rankState, rankProc} {
		if k != "" {
			r.store.drop(rank, k)
		}
	}
}

// RuntimeStatus says how one source of identity is doing.
type RuntimeStatus struct {
	Runtime    string // docker, podman, containerd, cri, state files
	Socket     string // or directories
	Connected  bool
	Reason     string // why not
	Containers int    // that it has told of
}

// Status says which runtimes answer, and why the others do not.
func (r *Resolver) Status() []RuntimeStatus {
	all := make([]RuntimeStatus, 0, len(r.sources))
	for _, s := range r.sources {
		all = append(all, s.status())
	}
	return all
}

// Label returns the value of a row label, "" if there is none of that name.
func (id *Identity) Label(name string) string {
	row := frame.Row{Labels: id.Labels}
	return row.Label(name)
}
