package collector

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/host"
	"github.com/daytwo/daytwo/collector/publish"
)

// Node is the collector of this machine.
type Node struct {
	cfg     Config
	log     *slog.Logger
	cgroups *cgroups.Reader // nil where there is no hierarchy
	host    *host.Reader
	names   *containers.Resolver
	conn    *nats.Conn         // nil with NoPublish
	pub     *publish.Publisher // nil with NoPublish
	local   *query.Local
	grid    *grid

	header   frame.Header
	snapshot *cgroups.Snapshot    // of this tick; nil if they could not be read
	machine  []frame.Table        // likewise, of host
	networks *containers.NetTable // likewise
	out      frame.Batch          // this tick, as it is published

	calls     *bounded.Set
	held      heldRows
	hostShown [numHostTables]tableCopy
	netShown  tableCopy
	broke     map[step]time.Time // readers that panicked, and are still to be opened anew

	lastID  uint64
	groups  groupRows
	io      childRows
	hugetlb childRows
	pages   pageLabels
	net     *netRows
	self    *self
	parts   partRows
	tasks   *tasks
	launch  *http.Server // answers launchers where there is no StatsD

	ticks      uint64
	readErrors uint64
	lastError  string
	tookTick   time.Duration
	tookRead   time.Duration
	tookPub    time.Duration
	progress   progress
	memory     memoryKeeper
}

// New prepares a collector. What this machine does not let it read is logged,
// and absent; it fails only for an invalid configuration.
func New(cfg Config) (*Node, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	if cfg.AgentID == "" {
		id, err := AgentID(cfg.DataDir)
		if err != nil {
			return nil, err
		}
		cfg.AgentID = id
	}
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		cfg.Log.Error("nothing is kept, and launchers are not served", "err", err)
		cfg.Socket = ""
	}
	cfg.Ready.Expect(cfg.parts()...)
	n := &Node{cfg: cfg, log: cfg.Log, grid: newGrid(cfg.Interval), broke: map[step]time.Time{},
		calls: bounded.NewSet(cfg.Log.With("component", "calls"))}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = cfg.AgentID
	}
	n.local = query.NewLocal(cfg.AgentID, hostname)
	n.openCgroups()
	if err := n.openHost(); err != nil {
		n.Close(context.Background())
		return nil, err
	}
	n.names = containers.New(containers.Options{Log: cfg.Log.With("component", "containers"), Calls: n.calls})
	nextID := func() uint64 { n.lastID++; return n.lastID }
	server, err := newStatsd(&n.cfg, n.calls)
	if err == nil {
		n.launch, err = serveLaunch(&n.cfg)
	}
	n.tasks = newTasks(server, n.names)
	n.groups = groupRows{resolve: n.tasks.resolve, forget: n.tasks.forgetGroup, nextID: nextID}
	n.io.nextID, n.hugetlb.nextID, n.parts.nextID, n.held.nextID = nextID, nextID, nextID, nextID
	n.net = newNetRows(&n.groups, nextID)
	n.self = newSelf(nextID)
	if err != nil {
		n.Close(context.Background())
		return nil, err
	}

	n.header = frame.Header{Agent: cfg.AgentID, Boot: cfg.Boot, Interval: int64(cfg.Interval), Parts: 1}
	if !cfg.NoPublish {
		cfg.NATS.Agent = cfg.AgentID // its replies come to its own inbox, as its permissions say
		if n.conn, err = bus.Connect(cfg.NATS); err != nil {
			n.Close(context.Background())
			return nil, err
		}
		n.pub, err = publish.New(publish.Options{
			Conn: n.conn, Cluster: cfg.Cluster, Shards: cfg.Shards, Agent: cfg.AgentID,
			SpoolDir: cfg.spoolDir(), SpoolMaxBytes: cfg.SpoolMax, Log: cfg.Log.With("component", "publish"),
		})
		if err != nil {
			n.Close(context.Background())
			return nil, err
		}
	}
	for _, name := range n.cfg.listeners() {
		cfg.Ready.Up(name)
	}
	cfg.Ready.AddVital(ready.Ticks, n.Ready)
	return n, nil
}

// openCgroups opens the reader of cgroups; without one there are none to be read.
func (n *Node) openCgroups() {
	r, err := cgroups.New(cgroups.Options{NoBPF: n.cfg.NoBPF, Log: n.log.With("component", "cgroups")})
	if err != nil {
		n.log.Error("no cgroups are read", "err", err)
		return
	}
	n.cgroups = r
}

func (n *Node) openHost() (err error) {
	n.host, err = host.New(host.Options{Log: n.log.With("component", "host")})
	return err
}

// Fleet is this node alone, for its own /metrics.
func (n *Node) Fleet() *query.Local { return n.local }

// AgentID is what the node calls itself.
func (n *Node) AgentID() string { return n.cfg.AgentID }

// Ready returns nil while ticks are made, else why they are not.
func (n *Node) Ready() error { return n.progress.check(n.cfg.Interval, readClocks().mono) }

// Close ends what New began; ctx bounds how long frames in flight are awaited. What
// a tick uses that does not end is left to the end of the process.
func (n *Node) Close(ctx context.Context) error {
	var errs []error
	stuck := n.progress.making()
	if stuck != nil {
		errs = append(errs, stuck)
	} else if n.tasks != nil && n.tasks.server != nil {
		errs = append(errs, n.tasks.server.Close())
		// Events that no tick told would be lost; they may wait for two.
		for i := 0; i < 2 && n.progress.any() && n.tasks.server.Waiting(); i++ {
			n.tick(time.Now())
		}
	}
	if n.pub != nil && (stuck == nil || n.progress.at() != stepPublish) {
		errs = append(errs, n.pub.Close(ctx))
	}
	if n.conn != nil {
		n.conn.Close()
	}
	if n.launch != nil {
		errs = append(errs, n.launch.Close())
	}
	if stuck != nil {
		return errors.Join(errs...)
	}
	if n.cgroups != nil {
		errs = append(errs, n.cgroups.Close())
	}
	if n.host != nil {
		n.host.Close()
	}
	if n.self != nil {
		n.net.reader.Close()
		n.self.close()
	}
	return errors.Join(errs...)
}

// lastTick is how long a tick that is being made may take once ctx of Run has ended.
const lastTick = 2 * time.Second

// Run ticks until ctx ends.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, serving, ticking := make(chan error, 1), make(chan error, 1), make(chan struct{})
	go func() { watching <- n.names.Run(ctx) }()
	go func() { serving <- n.tasks.run(ctx); cancel() }()
	go n.progress.watch(ctx, n.cfg.Interval, n.log)
	go func() {
		defer close(ticking)
		for at, ok := n.grid.next(ctx); ok; at, ok = n.grid.next(ctx) {
			n.tick(at)
		}
	}()
	<-ctx.Done()
	select {
	case <-ticking:
	case <-time.After(lastTick):
		n.log.Error("the last tick does not end", "in", n.progress.at().String())
	}
	<-watching
	return <-serving
}
