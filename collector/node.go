package collector

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/join"
	"github.com/daytwo/daytwo/api/plaintext"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/cgroups"
	"github.com/daytwo/daytwo/collector/containers"
	"github.com/daytwo/daytwo/collector/host"
	"github.com/daytwo/daytwo/collector/journal/logs"
	"github.com/daytwo/daytwo/collector/publish"
	"github.com/daytwo/daytwo/collector/sessions"
	"github.com/daytwo/daytwo/collector/shipping"
)

// Node is the collector of this machine.
type Node struct {
	cfg     Config
	log     *slog.Logger
	cgroups *cgroups.Reader // nil if no cgroup hierarchy can be read
	host    *host.Reader
	names   *containers.Resolver
	conn    *nats.Conn         // nil with NoPublish
	pub     *publish.Publisher // nil with NoPublish
	logs    *logs.Node         // nil if no logs are read

	sessions      *sessions.Manager // nil if there are none
	sessionAudit  *audit.Log        // of sessions
	noSessions    error             // why
	sessionsSince time.Time

	sessionPolicy *policy.File // the node's own, nil without one

	ship    *shipping.Shipper // nil if logs are not shipped
	rules   *rulesFile        // of ship, nil if there is none
	renewer *join.Renewer     // of the node's credential; nil without one
	local   *query.Local
	grid    *grid

	readersClosed sync.Once

	header   frame.Header
	snapshot *cgroups.Snapshot    // cgroups of this tick; nil if they could not be read
	machine  []frame.Table        // tables of host for this tick; nil likewise
	networks *containers.NetTable // interfaces of containers for this tick; nil likewise
	out      frame.Batch          // batch of this tick that is published

	calls     *bounded.Set
	held      heldRows
	hostShown [numHostTables]tableCopy
	netShown  tableCopy
	broke     map[step]time.Time // when a reader panicked that has not been reopened yet

	lastID  uint64
	groups  groupRows
	io      childRows
	hugetlb childRows
	pages   pageLabels
	net     *netRows
	self    *self
	parts   partRows
	tasks   *tasks
	shipRow shippingRow
	logRows logRows
	rpc     map[string]rpc.Handler // what relays may ask, by verb
	launch  *launchServer          // the launch API's server if there is no StatsD server, else nil

	ticks      uint64        // completed
	readErrors uint64        // ticks at which the cgroups could not be read
	lastError  string        // the last one that complain logged
	tookTick   time.Duration // the last whole tick
	tookRead   time.Duration // its reading of cgroups
	tookPub    time.Duration // its publishing
	progress   progress
	memory     memoryKeeper
}

// New prepares a collector. Sources that cannot be read on this machine are logged,
// and their values are absent. New returns an error only for an invalid
// configuration, for an agent id that cannot be stored, and for a listener or a
// spool that cannot be opened.
func New(cfg Config) (*Node, error) {
	if err := cfg.defaults(); err != nil {
		return nil, err
	}
	if err := cfg.useEnrolled(); err != nil {
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
		cfg.Log.Error("the data directory cannot be made: nothing is stored, and the launch API is not served", "err", err)
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
		n.launch, err = serveLaunch(&n.cfg, n.calls)
	}
	n.tasks = newTasks(server, n.names)
	if n.launch != nil {
		n.tasks.launch = n.launch.ended
	}
	n.groups = groupRows{resolve: n.tasks.resolve, forget: n.tasks.forgetGroup, nextID: nextID}
	n.openLogs()
	n.openSessions()
	n.logRows.nextID = nextID
	n.io.nextID, n.hugetlb.nextID, n.parts.nextID, n.held.nextID = nextID, nextID, nextID, nextID
	n.net = newNetRows(&n.groups, nextID)
	n.self = newSelf(nextID)
	if err != nil {
		n.Close(context.Background())
		return nil, err
	}

	n.header = frame.Header{Agent: cfg.AgentID, Boot: cfg.Boot, Interval: int64(cfg.Interval), Parts: 1}
	if !cfg.NoPublish {
		exposed, err := cfg.NATS.Exposures()
		if err == nil {
			err = plaintext.Refuse(exposed, cfg.NATS.Insecure)
		}
		if err != nil {
			n.Close(context.Background())
			return nil, err
		}
		plaintext.Warn(cfg.Log, exposed)
		n.self.exposed(exposed)
		cfg.NATS.Agent = cfg.AgentID // replies go to the agent's own inbox, which its NATS permissions allow
		if n.conn, err = bus.Connect(cfg.NATS); err != nil {
			n.Close(context.Background())
			return nil, err
		}
		n.renewer = n.newRenewer()
		n.pub, err = publish.New(publish.Options{
			Conn: n.conn, Cluster: cfg.Cluster, Shards: cfg.Shards, Agent: cfg.AgentID,
			SpoolDir: cfg.spoolDir(), SpoolMaxBytes: cfg.SpoolMax, Log: cfg.Log.With("component", "publish"),
		})
		if err != nil {
			n.Close(context.Background())
			return nil, err
		}
	}
	if n.rpc, err = n.rpcHandlers(); err != nil {
		n.Close(context.Background())
		return nil, err
	}
	if n.ship, err = n.newShipper(n.Logs()); err != nil {
		n.Close(context.Background())
		return nil, err
	}
	for _, name := range n.cfg.listeners() {
		cfg.Ready.Up(name)
	}
	cfg.Ready.AddVital(ready.Ticks, n.Ready)
	return n, nil
}

// openCgroups opens the reader of cgroups. If that fails, it logs the error, and no
// cgroups are read.
func (n *Node) openCgroups() {
	r, err := cgroups.New(cgroups.Options{NoBPF: n.cfg.NoBPF, Log: n.log.With("component", "cgroups")})
	if err != nil {
		n.log.Error("no cgroups are read", "err", err)
		return
	}
	n.cgroups = r
}

// openHost opens the reader of the machine.
func (n *Node) openHost() (err error) {
	n.host, err = host.New(host.Options{Log: n.log.With("component", "host")})
	return err
}

// Fleet returns the fleet of this node alone, which the node's own /metrics shows.
func (n *Node) Fleet() *query.Local { return n.local }

// AgentID returns the node's id.
func (n *Node) AgentID() string { return n.cfg.AgentID }

// Ready returns nil while ticks complete in time, else an error that says why not.
func (n *Node) Ready() error { return n.progress.check(n.cfg.Interval, readClocks().mono) }

// Close releases what New opened. It waits for frames in flight until ctx ends. If a
// tick does not end, what that tick uses stays open until it does.
func (n *Node) Close(ctx context.Context) error {
	var errs []error
	stuck := n.progress.making()
	if stuck != nil {
		errs = append(errs, stuck)
	} else if n.tasks != nil && n.tasks.server != nil {
		errs = append(errs, n.tasks.server.Close())
		// Events that are in no tick yet would be lost; it may take two ticks to send them.
		for i := 0; i < 2 && n.progress.any() && n.tasks.server.Waiting(); i++ {
			n.tick(time.Now())
		}
	}
	if n.pub != nil && (stuck == nil || n.progress.at() != stepPublish) {
		errs = append(errs, n.pub.Close(ctx))
	}
	if n.ship != nil {
		errs = append(errs, n.ship.Close(ctx))
	}
	if n.logs != nil {
		n.logs.Close()
	}
	if n.sessions != nil {
		errs = append(errs, n.closeSessions())
	}
	if n.conn != nil {
		n.conn.Close()
	}
	if n.launch != nil {
		errs = append(errs, n.launch.server.Close())
	}
	if stuck != nil {
		go n.closeLater()
		return errors.Join(errs...)
	}
	return errors.Join(append(errs, n.closeReaders())...)
}

// closeLater closes the readers once the tick that uses them has ended.
func (n *Node) closeLater() {
	for n.progress.making() != nil {
		time.Sleep(50 * time.Millisecond)
	}
	if err := n.closeReaders(); err != nil {
		n.log.Warn("a reader could not be closed", "err", err)
	}
}

// closeReaders closes what ticks read, once: after a tick that did not end, closeLater
// and a second Close may meet here.
func (n *Node) closeReaders() error {
	var errs []error
	n.readersClosed.Do(func() {
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
	})
	return errors.Join(errs...)
}

// lastTick is how long Run waits for the current tick once its ctx has ended.
const lastTick = 2 * time.Second

// Run makes ticks until ctx ends. It returns the error of the StatsD server, if any.
func (n *Node) Run(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watching, serving := make(chan error, 1), make(chan error, 1)
	ticking, answering, shipped := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() { watching <- n.names.Run(ctx) }()
	go func() { serving <- n.tasks.run(ctx); cancel() }()
	go func() { defer close(answering); n.serveRPC(ctx) }()
	go n.followSessionPolicy(ctx)
	go func() {
		defer close(shipped)
		if n.ship == nil {
			return
		}
		if n.rules != nil {
			go n.rules.follow(ctx, n.ship)
		}
		_ = n.ship.Run(ctx) // what fails is logged, and tried again
	}()
	if n.renewer != nil {
		go n.renewer.Run(ctx)
	}
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
	select {
	case <-shipped:
	case <-time.After(lastTick):
		n.log.Error("reading the logs does not end: some of them may be shipped again")
	}
	select {
	case <-answering:
	case <-time.After(lastTick):
		n.log.Error("an answer to a relay does not end")
	}
	<-watching
	return <-serving
}
