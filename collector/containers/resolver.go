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

// Options says where to look. The zero value means the usual places and the environment
// variables that the runtimes' own clients read.
type Options struct {
	Proc string       // where procfs is mounted; default /proc
	Log  *slog.Logger // default slog.Default()

	// Sockets, each a path or a unix:// address. "" means the default, "-" means none.
	// Separate several with commas.
	DockerHost        string // default $DOCKER_HOST, else /var/run/docker.sock and rootless ones
	ContainerHost     string // podman: default $CONTAINER_HOST, else /run/podman/podman.sock and rootless ones
	ContainerdAddress string // default $CONTAINERD_ADDRESS, else /run/containerd/containerd.sock, k3s' and docker's own
	CRIEndpoint       string // default $CONTAINER_RUNTIME_ENDPOINT, else CRI-O's and cri-dockerd's

	// StateDirs are the directories (globs) in which runc and crun have one directory for
	// each container; nil = the usual ones.
	StateDirs []string
	Cgroups   []string // mount points of the cgroup hierarchies; default from <Proc>/self/mountinfo

	Calls *bounded.Set // makes the calls that may block forever; default: a set of its own
}

// Resolver finds the container or unit of a cgroup. Its methods may be called
// concurrently. Run queries the runtimes.
type Resolver struct {
	proc    procfs
	log     *slog.Logger
	calls   calls
	cgroups []string
	pids    string // see procfs.hierarchies
	sources []source

	gen    atomic.Uint64
	panics atomic.Uint64
	wake   chan struct{} // signalled when fresh grows

	mu      sync.RWMutex
	entries map[string]*entry
	byID    map[string][]string // paths that contain a container's id
	byPod   map[string][]string // paths that contain a pod's uid
	fresh   []string            // new paths to look up
	store   store
}

// entry is the current identity of one path.
type entry struct {
	id    *Identity
	place place
}

// New returns a Resolver. It opens nothing. Until Run is called, identities are derived
// from the paths only.
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

// Run queries the runtimes and follows their events until ctx ends. It returns ctx's
// error.
func (r *Resolver) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	for _, s := range r.sources {
		wg.Go(func() { r.survive(ctx, s.status().Runtime, s.run) })
	}
	wg.Go(func() { r.survive(ctx, "look-ups", r.lookups) })
	wg.Wait()
	return ctx.Err()
}

// restartAfter is the pause before a function that panicked is called again.
const restartAfter = time.Second

// survive calls run until ctx ends, and recovers its panics.
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

// Panics returns how many panics were recovered.
func (r *Resolver) Panics() uint64 { return r.panics.Load() }

// Resolve returns what is known of a cgroup now. The path is relative to the root of the
// cgroup's hierarchy, as raw bytes. Resolve never blocks and never returns nil. It
// queues a lookup of a new path; later calls return its result.
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

// Gen increases whenever the identity of a path that was passed to Resolve changes.
func (r *Resolver) Gen() uint64 { return r.gen.Load() }

// Forget removes the identity of a path. Call it for each cgroup that is gone, before a
// call of Resolve for a new cgroup with the same path.
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
	// No runtime reports the end of a container that only its files describe, so its
	// record goes with the cgroup.
	k, _, _ := r.store.find(path, e.place)
	for _, rank := range []rank{rankState, rankProc} {
		if k != "" {
			r.store.drop(rank, k)
		}
	}
}

// RuntimeStatus is the state of one source of identities.
type RuntimeStatus struct {
	Runtime    string // docker, podman, containerd, cri, state files
	Socket     string // or the directories
	Connected  bool
	Reason     string // why it is not connected
	Containers int    // number of containers it has reported
}

// Status returns for each runtime whether it answers, and if not, why.
func (r *Resolver) Status() []RuntimeStatus {
	all := make([]RuntimeStatus, 0, len(r.sources))
	for _, s := range r.sources {
		all = append(all, s.status())
	}
	return all
}

// Label returns the value of a row label, or "" if there is no label of that name.
func (id *Identity) Label(name string) string {
	row := frame.Row{Labels: id.Labels}
	return row.Label(name)
}
