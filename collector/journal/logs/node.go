package logs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/bounded"
	"github.com/daytwo/daytwo/collector/journal"
	"github.com/daytwo/daytwo/collector/journal/logfile"
)

// Options of a Node. Agent is required.
type Options struct {
	Agent      string
	Dirs       []string    // directories with journal files; default as journal.Options says
	Identities *Identities // default: none are known
	// NoCgroups says that journald knows no cgroups, since systemd does not run here. Then
	// what a root process says of itself is believed: see origins.
	NoCgroups bool
	// Ended lists containers that have ended and whose log is in files, as far as runtimes
	// keep them. It is asked when a query names what nothing else knows.
	Ended func(ctx context.Context) []*Identity
	// Calls holds the calls that a mount may hold for ever. Default: sources of the node's
	// own.
	Calls Calls
	// Idle is how long the journal's files stay open after the last query; default 5
	// minutes.
	Idle time.Duration
	// Counting is how long fields, values and counts may be looked for: then the answer is
	// what was found in the entries until then. Default 8 s, less than a relay waits.
	Counting time.Duration
	Log      *slog.Logger // default slog.Default()
}

// Node answers queries of the log entries of this node. It is safe for concurrent use.
// It opens the journal for the first query, and closes it when none was asked for a
// while.
type Node struct {
	o     Options
	stats stats

	mu     sync.Mutex
	closed bool
	open   *opened
	users  int
	idle   *time.Timer

	asking sync.Mutex // held while Ended is asked
	asked  time.Time
	starts starts
}

var (
	_ query.Logs        = (*Node)(nil)
	_ query.LogResolver = (*Node)(nil)
)

// opened is the journal while it is open.
type opened struct {
	node    *Node
	j       *journal.Journal
	catalog *catalog
	names   []*catalogReader // one a directory
	watcher *logfile.Watcher // of container log files; nil: they are looked at again and again
	end     func()
}

// New returns the logs of this node. It opens nothing.
func New(o Options) *Node {
	if o.Identities == nil {
		o.Identities = NewIdentities(func(string) (id, name string) { return "", "" })
	}
	if o.Idle == 0 {
		o.Idle = 5 * time.Minute
	}
	if o.Counting == 0 {
		o.Counting = 8 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Calls == (Calls{}) {
		o.Calls = NewCalls(bounded.NewSet(o.Log))
	}
	return &Node{o: o}
}

// use opens the journal if it is not open. Call release once for each use.
func (n *Node) use() (*opened, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.closed {
		return nil, fmt.Errorf("the collector ends: %w", context.Canceled)
	}
	n.users++
	if n.idle != nil {
		n.idle.Stop()
		n.idle = nil
	}
	if n.open == nil {
		n.open = n.openJournal() // a directory that does not respond delays it once, and not for ever
	}
	return n.open, nil
}

func (n *Node) openJournal() *opened {
	j := journal.Open(journal.Options{Dirs: n.o.Dirs, Calls: n.o.Calls.journal, Log: n.o.Log})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = j.Run(ctx) // its only error would be ctx's
	}()
	o := &opened{node: n, j: j, catalog: newCatalog(n.o.Identities.parse)}
	for _, dir := range j.Dirs() {
		o.names = append(o.names, newCatalogReader(j, dir))
	}
	if n.o.Identities.haveFiles() {
		var err error
		if o.watcher, err = logfile.NewWatcher(); err != nil {
			n.o.Log.Warn("container log files are looked at twenty times a second", "err", err)
			o.watcher = nil
		}
	}
	o.end = func() {
		if o.watcher != nil {
			_ = o.watcher.Close() // it holds nothing that could be lost
		}
		cancel()
		<-ended
		o.closeNames()
		if err := j.Close(); err != nil {
			n.o.Log.Warn("a journal file could not be closed", "err", err)
		}
	}
	return o
}

// endWait is how long the end of what is open may take: then it stays open.
const endWait = 5 * time.Second

// close closes what was open, nil if nothing was.
func (n *Node) close(o *opened) {
	if o == nil {
		return
	}
	done := make(chan struct{})
	go func() { defer close(done); o.end() }()
	select {
	case <-done:
	case <-time.After(endWait):
		n.o.Log.Warn("the journal stays open: a directory of it does not respond")
	}
}

// release ends a use. The last one closes the journal after a while.
func (n *Node) release() { n.close(n.released()) }

// released is release, and returns what is to be closed now, nil if nothing is.
func (n *Node) released() *opened {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.users--; n.users > 0 || n.open == nil {
		return nil
	}
	if n.closed {
		return n.take()
	}
	var timer *time.Timer
	timer = time.AfterFunc(n.o.Idle, func() {
		n.mu.Lock()
		var o *opened
		if n.idle == timer && n.users == 0 {
			o, n.idle = n.take(), nil
		}
		n.mu.Unlock()
		n.close(o)
	})
	n.idle = timer
	return nil
}

// take takes what is open, to close it; mu is held.
func (n *Node) take() *opened {
	o := n.open
	n.open = nil
	return o
}

// Close closes the journal as soon as no reader uses it.
func (n *Node) Close() {
	n.mu.Lock()
	n.closed = true
	if n.idle != nil {
		n.idle.Stop()
		n.idle = nil
	}
	var o *opened
	if n.users == 0 {
		o = n.take()
	}
	n.mu.Unlock()
	n.close(o)
}

// source returns what has the entries of a plan.
func (o *opened) source(p *plan) source {
	if len(p.files) == 0 {
		return o.journal(p)
	}
	m := &merged{none: state{p: p}, kids: []*kid{newKid(o.journal(p), "")}}
	for _, i := range p.files[:min(len(p.files), maxLogFiles)] {
		m.kids = append(m.kids, newKid(o.file(p, i), i.id()))
	}
	return m
}

// checkAgents returns query.ErrUnknownAgent if a query is not for this node.
func (n *Node) checkAgents(q *query.LogQuery) error {
	if len(q.Agents) == 0 || slices.ContainsFunc(q.Agents, func(s string) bool {
		p := glob.Compile(s)
		return strings.HasPrefix(n.o.Agent, s) || p.Match(n.o.Agent)
	}) {
		return nil
	}
	return fmt.Errorf("%w: this node is %s", query.ErrUnknownAgent, n.o.Agent)
}

// plan opens the journal and plans a query. If there is no error, call release.
func (n *Node) plan(ctx context.Context, q *query.LogQuery) (*opened, *plan, error) {
	o, p, err := n.planKnown(q)
	if (errors.Is(err, query.ErrNoSuchSource) || errors.Is(err, query.ErrNoJournal)) && n.askEnded(ctx, askEveryFor(q)) {
		return n.planKnown(q)
	}
	return o, p, err
}

// askEvery is how often Options.Ended is asked at most.
const askEvery = 5 * time.Second

// askEveryFor is askEvery for a query. One that follows may be of a container that was
// started for it.
func askEveryFor(q *query.LogQuery) time.Duration {
	if q.Follow {
		return askAgain
	}
	return askEvery
}

// askEnded makes the containers known that have ended, and reports whether it asked: not if
// it did so lately.
func (n *Node) askEnded(ctx context.Context, every time.Duration) bool {
	n.asking.Lock()
	defer n.asking.Unlock()
	if n.o.Ended == nil || !n.asked.IsZero() && time.Since(n.asked) < every {
		return false
	}
	for _, i := range n.o.Ended(ctx) {
		n.o.Identities.Remember(i)
	}
	n.asked = time.Now()
	return true
}

// askAgain is how often Options.Ended is asked at most by queries that follow.
const askAgain = time.Second

// askEndedSince makes the containers known that have ended, unless that was done since a time.
// It reports whether they are known.
func (n *Node) askEndedSince(ctx context.Context, t time.Time) bool {
	n.asking.Lock()
	defer n.asking.Unlock()
	switch {
	case n.o.Ended == nil || n.asked.After(t):
		return true
	case time.Since(n.asked) < askAgain:
		return false
	}
	n.asked = time.Now()
	for _, i := range n.o.Ended(ctx) {
		n.o.Identities.Remember(i)
	}
	return true
}

func (n *Node) planKnown(q *query.LogQuery) (*opened, *plan, error) {
	if err := n.checkAgents(q); err != nil {
		return nil, nil, err
	}
	o, err := n.use()
	if err != nil {
		return nil, nil, err
	}
	if !q.Follow && o.j.Len() == 0 && !n.o.Identities.haveFiles() {
		err = query.ErrNoJournal
		if bad := o.j.Bad(); len(bad) > 0 {
			err = fmt.Errorf("%w: %w", query.ErrNoJournal, bad[0])
		}
		n.release()
		return nil, nil, err
	}
	p, err := o.newPlan(q)
	if err != nil {
		n.release()
		return nil, nil, err
	}
	return o, p, nil
}
