package collector

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/ready"
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
	snapshot *cgroups.Snapshot // of this tick; nil if they could not be read
	out      frame.Batch       // this tick, as it is published

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
// and absent; it fails only for a configuration that cannot be meant.
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
	n := &Node{cfg: cfg, log: cfg.Log, grid: newGrid(cfg.Interval)}
	hostname, err := os.Hostname()
	if err != nil {
		hostname = cfg.AgentID
	}
	n.local = query.NewLocal(cfg.AgentID, hostname)
	n.cgroups, err = cgroups.New(cgroups.Options{NoBPF: cfg.NoBPF, Log: cfg.Log.With("component", "cgroups")})
	if err != nil {
		n.log.Error("no cgroups are read", "err", err)
	}
	if n.host, err = host.New(host.Options{Log: cfg.Log.With("component", "host")}); err != nil {
		n.Close(context.Background())
		return nil, err
	}
	n.names = containers.New(containers.Options{Log: cfg.Log.With("component", "containers")})
	nextID := func() uint64 { n.lastID++; return n.lastID }
	server, err := newStatsd(&n.cfg)
	if err == nil {
		n.launch, err = serveLaunch(&n.cfg)
	}
	n.tasks = newTasks(server, n.names)
	n.groups = groupRows{resolve: n.tasks.resolve, forget: n.tasks.forgetGroup, nextID: nextID}
	n.io.nextID, n.hugetlb.nextID, n.parts.nextID = nextID, nextID, nextID
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

// Fleet is this node alone, for its own /metrics.
func (n *Node) Fleet() *query.Local { return n.local }

// AgentID is what the node calls itself.
func (n *Node) AgentID() string { return n.cfg.AgentID }

// Ready returns nil while ticks are made, else why they are not.
func (n *Node) Ready() error { return n.progress.check(n.cfg.Interval, readClocks().mono) }

// Close ends what New began; ctx bounds how long frames in flight are awaited.
func (n *Node) Close(ctx context.Context) error {
	var errs []error
	if n.tasks != nil && n.tasks.server != nil {
		errs = append(errs, n.tasks.server.Close())
		// Events that no tick told would be lost; they may wait for two.
		for i := 0; i < 2 && n.progress.any() && n.tasks.server.Waiting(); i++ {
			n.tick(time.Now())
		}
	}
	if n.pub != nil {
		errs = append(errs, n.pub.Close(ctx))
	}
	if n.conn != nil {
		n.conn.Close()
	}
	if n.launch != nil {
		errs = append(errs, n.launch.Close())
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

// Run ticks until ctx ends.
func (n *Node) Run(ctx context.Context) (err error) {
	ctx, cancel := context.WithCancel(ctx)
	watching, serving := make(chan error, 1), make(chan error, 1)
	go func() { watching <- n.names.Run(ctx) }()
	go func() { serving <- n.tasks.run(ctx); cancel() }()
	defer func() {
		cancel()
		<-watching
		err = <-serving
	}()
	for {
		at, ok := n.grid.next(ctx)
		if !ok {
			return nil
		}
		n.tick(at)
	}
}

// tick reads everything once and hands it on. Whoever reads the node's tick
// waits neither for the cgroups, which are the long part, nor for the encoder.
func (n *Node) tick(at time.Time) {
	start := time.Now()
	n.read()
	n.local.Update(func(b *frame.Batch) {
		n.header.Seq++
		n.header.Key = 0 // the encoder decides
		n.header.Time = at.UnixNano()
		b.Header = n.header
		n.fill(b, at)
		n.out = *b // the tables stay as they are until the next Update
	})
	if n.pub != nil {
		before := time.Now()
		if err := n.pub.Publish(&n.out); err != nil {
			n.complain("a tick could not be published", err)
		}
		n.tookPub = time.Since(before)
	}
	n.ticks++
	n.tookTick = time.Since(start)
	n.progress.completed(readClocks().mono)
	n.memory.after(len(n.groups.rows))
}

// read reads the cgroups. What the tick before shows of them is left alone.
func (n *Node) read() {
	n.snapshot = nil
	if n.cgroups == nil {
		return
	}
	before := time.Now()
	s, err := n.cgroups.Read()
	n.tookRead = time.Since(before)
	if err != nil {
		n.readErrors++
		n.complain("the cgroups could not be read", err)
		return
	}
	n.snapshot = s
}

// fill makes the batch of one tick. Tables share memory with their readers.
func (n *Node) fill(b *frame.Batch, at time.Time) {
	b.Tables = append(b.Tables[:0], n.host.Read(at)...)
	if n.snapshot != nil {
		n.fillCgroups(b, n.snapshot)
	}
	n.fillSelf(b)
	if n.tasks.server != nil {
		app, ledger := n.tasks.tables(at, &n.groups)
		b.Tables = append(b.Tables, app, ledger)
		if events := n.tasks.server.Events(); len(events.Rows) > 0 {
			b.Tables = append(b.Tables, events)
		}
		b.Tables = append(b.Tables, n.tasks.server.Listeners())
	}
}

func (n *Node) fillCgroups(b *frame.Batch, s *cgroups.Snapshot) {
	n.groups.update(s, n.names.Gen()+n.tasks.update())
	b.Tables = append(b.Tables, table(metric.Container, n.groups.gen, n.groups.rows, s.Vals))
	n.io.update(len(s.IO), [2]uint64{s.IOGen, n.groups.gen},
		func(i int) childKey {
			d := s.IO[i].Device
			return childKey{parent: n.groups.rows[s.IO[i].Group].ID, a: int64(d.Major), b: int64(d.Minor)}
		},
		func(i int) (string, []frame.Label) {
			d := s.IO[i].Device
			return deviceLabels(d, cgroups.DeviceName(d.Major, d.Minor))
		})
	b.Tables = append(b.Tables, table(metric.ContainerIO, n.io.gen, n.io.rows, s.IOVals))
	n.hugetlb.update(len(s.Hugetlb), [2]uint64{s.HugetlbGen, n.groups.gen},
		func(i int) childKey {
			return childKey{parent: n.groups.rows[s.Hugetlb[i].Group].ID, a: s.Hugetlb[i].Size}
		},
		func(i int) (string, []frame.Label) { return n.pages.of(s.Hugetlb[i].Size) })
	b.Tables = append(b.Tables, table(metric.ContainerHugetlb, n.hugetlb.gen, n.hugetlb.rows, s.HugetlbVals), n.net.read(&n.groups))
}

func (n *Node) fillSelf(b *frame.Batch) {
	n.self.read()
	v := n.self.vals
	v[metric.SelfTicks] = int64(n.ticks)
	v[metric.SelfTicksMissed] = int64(n.grid.missed)
	v[metric.SelfClockSteps] = int64(n.grid.steps)
	v[metric.SelfTickDuration] = int64(n.tookTick)
	v[metric.SelfReadDuration] = int64(n.tookRead)
	v[metric.SelfReadErrors] = int64(n.readErrors)
	if n.cgroups != nil {
		s := n.cgroups.Stats()
		v[metric.SelfGroups] = int64(s.Groups)
		v[metric.SelfContainers] = int64(n.groups.containers)
		v[metric.SelfKeptFDs] = int64(s.KeptFDs)
		v[metric.SelfChecks] = int64(s.Checks)
		v[metric.SelfMismatches] = 0
		for _, m := range s.Mismatches {
			v[metric.SelfMismatches] += int64(m)
		}
		n.parts.update(n.cgroups.Status(), func(p cgroups.Part) uint64 { return s.Mismatches[p] })
	}
	if n.tasks.server != nil {
		n.tasks.server.Fill(v)
	}
	if n.pub != nil {
		s := n.pub.Stats()
		v[metric.SelfPublishDuration] = int64(n.tookPub)
		v[metric.SelfFrames] = int64(s.Frames)
		v[metric.SelfFrameBytes] = int64(s.Bytes)
		v[metric.SelfKeyframes] = int64(s.Keyframes)
		v[metric.SelfAcked] = int64(s.Acked)
		v[metric.SelfSpooledFrames] = int64(s.SpoolDepth)
		v[metric.SelfSpoolBytes] = int64(s.SpoolBytes)
		v[metric.SelfDroppedFrames] = int64(s.Dropped)
		v[metric.SelfPublishErrors] = int64(s.Errors)
		v[metric.SelfInFlight] = int64(s.InFlight)
	}
	b.Tables = append(b.Tables, table(metric.Collector, 1, n.self.rows, v), table(metric.Part, n.parts.gen, n.parts.rows, n.parts.vals))
}

// complain logs what may go wrong at every tick only when it changes.
func (n *Node) complain(what string, err error) {
	if s := fmt.Sprint(what, err); s != n.lastError {
		n.lastError = s
		n.log.Error(what, "err", err)
	}
}
