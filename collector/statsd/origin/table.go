package origin

import (
	"errors"
	"log/slog"
	"maps"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bpf"
	"github.com/daytwo/daytwo/collector/bounded"
)

// Origin is a small number that stands for a sender; 0 is the unknown sender.
type Origin uint32

// maxOrigins limits the number of origins. When all are in use, new senders stay
// unknown.
const maxOrigins = 1 << 17

// Info describes an origin.
type Info struct {
	ContainerID string            // "" if only the cgroup is known
	Cgroup      string            // path from the root of its hierarchy; "" if unknown
	Name        string            // from the launcher
	Labels      map[string]string // from the launcher; read-only
	Claimed     bool              // only a line names it: no container on this node is known by this id

	here bool // the last call of Containers listed it
	idle bool // see Unused
}

// Store preserves descriptors over a restart of the process (intake.FDStore).
type Store interface {
	Put(name string, fds ...int) error
	Take(name string) []int
	Remove(name string) error
	Names() []string // that were passed to this process and not taken
}

// Config configures a table. Zero values mean the defaults.
type Config struct {
	File  string           // where endpoints are stored over restarts; "" for nowhere
	Host  netip.Addr       // that containers send to; default 127.0.0.1
	Ports launch.PortRange // for containers; default launch.DefaultPorts. The steered socket binds the first.
	Watch []uint16         // ports that many containers send to: senders are identified by cgroup there
	NoBPF bool             // use one socket for each container, and do not identify senders by cgroup

	// Socket opens the socket that all ports are steered to and returns its descriptor.
	// The table does not close it.
	Socket func(at netip.AddrPort) (fd int, err error)
	// Open and Close start and stop serving a port with a socket of its own, if steering
	// is not available.
	Open, Close func(port uint16) error

	Store Store        // may be nil
	Calls *bounded.Set // makes the calls that may block forever; default: a set of its own
	Log   *slog.Logger // default slog.Default()
}

// Counts are the counts of a table since it was created.
type Counts struct {
	Conflicts uint64 // lines that named another container than their sender
	Unknown   uint64 // lines whose fields name no known sender

	Endpoints  int // that containers have now
	Namespaces int // network namespaces besides the collector's own in which endpoints receive
	Unreached  int // containers in whose network namespaces endpoints should receive, but do not
}

// Table resolves senders to origins.
type Table struct {
	c       Config
	ports   [1 << 16]atomic.Uint32 // by destination port: the container that was given it
	index   atomic.Pointer[index]
	pids    [1 << 12]atomic.Uint64
	trees   [4]tree // by bpf.Hierarchy
	sender  *bpf.Sender
	drops   *bpf.Drops
	dropped []bpf.Dropped // result of the last Drops
	start   time.Time

	conflicts, unknown atomic.Uint64
	changed            chan struct{}
	namespaces         *bounded.Source // opens files of network namespaces
	disk               *bounded.Source // reads and writes the file of endpoints

	inodesMu sync.Mutex
	inodes   map[Origin]placed // of containers, at the last lookup; nil until a line uses an inode

	mu        sync.Mutex // guards all fields below, and replacing the index
	held      *Claim     // the claim on the ports
	refused   error      // why no ports are handed out; nil if they are
	steer     *bpf.Steer
	attach    map[uint64]*attachment // by inode of the network namespace
	own       uint64                 // inode of the collector's own network namespace
	steered   bool                   // ports are steered; otherwise each has a socket
	running   map[string]running     // by container id: the list of the last Containers
	reached   map[string]*reached    // by container id
	failing   int                    // how many of those could not be entered
	infos     []Info                 // by Origin
	free      []Origin
	endpoints map[string]*endpoint
	byPort    map[uint16]*endpoint
	cgroups   map[uint64]Origin // of endpoints, by cgroupKey, until the origin is released
	next      uint16            // port to try next
	claims    int
	loaded    bool // the endpoints of the previous process are served
	unsaved   bool // the file of endpoints could not be written
	closed    bool
}

// New returns a table. It attaches the BPF programs that the kernel supports, and opens
// the endpoints that were handed out before a restart.
func New(c Config) (*Table, error) {
	if !c.Host.IsValid() {
		c.Host = netip.MustParseAddr("127.0.0.1")
	}
	if c.Ports.IsZero() {
		c.Ports = launch.DefaultPorts
	}
	if err := CheckPorts(c.Ports); err != nil {
		return nil, err
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	t := &Table{
		c: c, start: time.Now(), infos: make([]Info, 1), endpoints: map[string]*endpoint{}, byPort: map[uint16]*endpoint{},
		cgroups: map[uint64]Origin{},
		attach:  map[uint64]*attachment{}, reached: map[string]*reached{}, changed: make(chan struct{}, 1),
		next: c.Ports.First + 1,
	}
	if c.Calls == nil {
		c.Calls = bounded.NewSet(c.Log)
	}
	t.namespaces = c.Calls.Source("network_namespace", 4, func(string) { t.change() })
	t.disk = c.Calls.Source("statsd_endpoints", 2, nil)
	t.index.Store(newIndex())
	t.openTrees()
	if !c.NoBPF {
		t.startSender()
		t.startDrops()
	}
	switch err := t.serveAll(); {
	case errors.Is(err, bounded.ErrHeld):
		t.c.Log.Error("no container gets a port of its own until the disk responds", "err", err)
	case err != nil:
		t.CloseAll()
		return nil, err
	}
	return t, nil
}

// startSender attaches what this kernel supports; SenderKnown reports the result.
func (t *Table) startSender() {
	if len(t.c.Watch) == 0 || t.trees[bpf.HierarchyUnified].dir == "" {
		return
	}
	s, err := t.newSender()
	if err != nil {
		t.c.Log.Warn("senders to a shared port cannot be told apart by their cgroups", "err", err)
		return
	}
	t.sender = s
	for _, p := range t.c.Watch {
		s.Watch(p, true)
	}
}

func (t *Table) newSender() (*bpf.Sender, error) {
	var legacy []bpf.Hierarchy
	for h := range t.trees {
		if h != int(bpf.HierarchyUnified) && t.trees[h].dir != "" {
			legacy = append(legacy, bpf.Hierarchy(h))
		}
	}
	return bpf.NewSender(t.trees[bpf.HierarchyUnified].dir, legacy...)
}

// serveAll starts handing out ports, and serves those handed out before. It is not an
// error if they belong to another collector: Refused returns that, and Sweep tries
// again.
func (t *Table) serveAll() error {
	if !t.takePorts() {
		return nil
	}
	return t.serveKept()
}

// takePorts claims the ports and starts receiving. It reports whether the ports are
// claimed.
func (t *Table) takePorts() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	was := t.refused
	if t.held, t.refused = claim(t.c.Ports); t.refused != nil {
		if was == nil {
			t.c.Log.Error("no container gets a port of its own", "err", t.refused)
		}
		return false
	}
	if was != nil {
		t.c.Log.Info("containers get ports of their own: the other collector has ended", "ports", t.c.Ports)
	}
	if t.c.Socket != nil && !t.c.NoBPF {
		if err := t.startSteering(); err != nil {
			t.c.Log.Warn("ports cannot be steered onto one socket: each container gets a socket", "err", err)
		}
	}
	return true
}

// Refused returns why no ports are handed out, or nil if they are.
func (t *Table) Refused() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.refused
}

// startDrops starts counting the kernel's drops by sender.
func (t *Table) startDrops() {
	d, err := bpf.NewDrops(t.sender)
	if err != nil {
		t.c.Log.Warn("the kernel's drops cannot be counted by sender", "err", err)
		return
	}
	t.drops = d
}

// Steered reports whether containers' ports are steered onto one socket.
func (t *Table) Steered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.steered
}

// SenderKnown reports whether senders to shared ports are identified by cgroup.
func (t *Table) SenderKnown() bool { return t.sender != nil }

// Counts returns the counts since the table was created.
func (t *Table) Counts() Counts {
	t.mu.Lock()
	defer t.mu.Unlock()
	c := Counts{Conflicts: t.conflicts.Load(), Unknown: t.unknown.Load(),
		Endpoints: len(t.endpoints), Unreached: t.failing}
	if c.Namespaces = len(t.attach); t.steered {
		c.Namespaces--
	}
	return c
}

// Info describes an origin. ok is false for 0 and for an origin that was released.
func (t *Table) Info(o Origin) (info Info, ok bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o == 0 || int(o) >= len(t.infos) {
		return Info{}, false
	}
	info = t.infos[o]
	return info, info.ContainerID != "" || info.Cgroup != ""
}

// number allocates an origin. It returns 0 if all are in use.
func (t *Table) number(info Info) Origin {
	if n := len(t.free); n > 0 {
		o := t.free[n-1]
		t.free = t.free[:n-1]
		t.infos[o] = info
		return o
	}
	if len(t.infos) >= maxOrigins {
		return 0
	}
	t.infos = append(t.infos, info)
	return Origin(len(t.infos) - 1)
}

// Release frees an origin for another sender. Call it when nothing is stored under it
// any more. It has no effect on origins of endpoints and of containers that the last
// call of Containers listed.
func (t *Table) Release(o Origin) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if o == 0 || int(o) >= len(t.infos) || t.infos[o].ContainerID == "" && t.infos[o].Cgroup == "" {
		return
	}
	for _, e := range t.endpoints {
		if e.origin == o {
			return
		}
	}
	if !t.infos[o].here {
		t.release(map[Origin]bool{o: true})
	}
}

// release frees origins under which nothing is stored.
func (t *Table) release(gone map[Origin]bool) {
	t.index.Store(t.index.Load().without(gone))
	for p := range t.ports {
		if o := t.ports[p].Load(); o != 0 && gone[Origin(o)] {
			t.ports[p].CompareAndSwap(o, 0)
		}
	}
	maps.DeleteFunc(t.cgroups, func(_ uint64, o Origin) bool { return gone[o] })
	for i := range t.pids {
		t.pids[i].Store(0)
	}
	for o := range gone {
		if t.infos[o].Claimed {
			t.claims--
		}
		t.infos[o] = Info{}
		t.free = append(t.free, o)
	}
}

// Unused releases the origins of containers that are gone and for which kept reports
// that nothing is stored, because they never sent anything. Call it regularly. It only
// releases containers that were gone at the previous call too, so that packets on their
// way are still counted.
func (t *Table) Unused(kept func(Origin) bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	served := map[Origin]bool{}
	for _, e := range t.endpoints {
		served[e.origin] = true
	}
	gone := map[Origin]bool{}
	for i := range t.infos {
		o, info := Origin(i), &t.infos[i]
		if info.here || info.ContainerID == "" || served[o] {
			info.idle = false
			continue
		}
		if info.idle {
			gone[o] = true
		}
		info.idle = true
	}
	t.mu.Unlock() // kept may block on a lock whose holder calls Info
	maps.DeleteFunc(gone, func(o Origin, _ bool) bool { return kept(o) })
	t.mu.Lock()
	maps.DeleteFunc(gone, func(o Origin, _ bool) bool { return t.infos[o].here || !t.infos[o].idle })
	if len(gone) > 0 {
		t.release(gone)
	}
}

// CloseAll detaches the programs and closes the endpoints' sockets. The file of
// endpoints and the store are left for the next process.
func (t *Table) CloseAll() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return nil
	}
	t.closed = true
	var errs []error
	for _, a := range t.attach {
		errs = append(errs, a.Close())
	}
	if t.steer != nil {
		errs = append(errs, t.steer.Close())
	}
	if t.held != nil {
		errs = append(errs, t.held.close())
	}
	if t.drops != nil {
		errs = append(errs, t.drops.Close())
	}
	if t.sender != nil {
		errs = append(errs, t.sender.Close())
	}
	errs = append(errs, t.closeTrees())
	return errors.Join(errs...)
}
