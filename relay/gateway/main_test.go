package gateway

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/bench/rig/testlogs"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

const start0 = 1_760_000_000_000_000

// cluster is a fleet whose nodes are in memory.
type cluster struct {
	*testing.T
	mu    sync.Mutex
	nodes map[string]*node
	*Gateway
}

// node is the logs of a node that can go away.
type node struct {
	*testlogs.Logs
	mu   sync.Mutex
	gone chan struct{} // closed while it is away
	asks int
}

func newCluster(t *testing.T, agents int, change ...func(*Options)) *cluster {
	t.Helper()
	c := &cluster{T: t, nodes: map[string]*node{}}
	for i := range agents {
		c.join(fmt.Sprintf("node-%d", i))
	}
	c.restart(change...)
	return c
}

// restart replaces the gateway by a new one.
func (c *cluster) restart(change ...func(*Options)) {
	o := Options{
		Fleet: c, Node: func(agent string) Node { return c.node(agent) },
		Patience: 200 * time.Millisecond, Refresh: 50 * time.Millisecond,
	}
	for _, f := range change {
		f(&o)
	}
	c.Gateway = New(o)
}

func (c *cluster) join(agent string) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := &node{Logs: testlogs.New(agent), gone: make(chan struct{})}
	c.nodes[agent] = n
	return n
}

func (c *cluster) node(agent string) *node {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.nodes[agent]
}

// Agents implements Fleet.
func (c *cluster) Agents() []query.Agent {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := []query.Agent{}
	for id := range c.nodes {
		list = append(list, query.Agent{ID: id, Hostname: "host-of-" + id})
	}
	slices.SortFunc(list, func(a, b query.Agent) int { return cmp.Compare(a.ID, b.ID) })
	return list
}

// Running implements Fleet: what has entries runs.
func (c *cluster) Running(match func(label func(string) string) bool) (ids []string) {
	for _, a := range c.Agents() {
		r, err := c.node(a.ID).Logs.Entries(c.Context(), &query.LogQuery{})
		if err != nil {
			continue
		}
		for {
			rec, err := r.Next(c.Context())
			if err != nil {
				break
			}
			if match(rec.Entry.Origin.Tag) {
				ids = append(ids, a.ID)
				break
			}
		}
		r.Close()
	}
	return ids
}

func (n *node) leave() {
	n.mu.Lock()
	defer n.mu.Unlock()
	close(n.gone)
}

func (n *node) back() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.gone = make(chan struct{})
}

func (n *node) away() (<-chan struct{}, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.asks++
	select {
	case <-n.gone:
		return n.gone, query.ErrNodeAway
	default:
		return n.gone, nil
	}
}

func (n *node) Sources(ctx context.Context, q *query.LogQuery) ([]query.LogSource, error) {
	if _, err := n.away(); err != nil {
		return nil, err
	}
	return n.Logs.Sources(ctx, q)
}

func (n *node) Fields(ctx context.Context, q *query.LogQuery) ([]string, error) {
	if _, err := n.away(); err != nil {
		return nil, err
	}
	return n.Logs.Fields(ctx, q)
}

func (n *node) Entries(ctx context.Context, q *query.LogQuery) (query.LogReader, error) {
	gone, err := n.away()
	if err != nil {
		return nil, err
	}
	r, err := n.Logs.Entries(ctx, q)
	if err != nil {
		return nil, err
	}
	return &nodeReader{r, gone}, nil
}

// nodeReader breaks when its node goes away.
type nodeReader struct {
	query.LogReader
	gone <-chan struct{}
}

func (r *nodeReader) Next(ctx context.Context) (entry.Record, error) {
	ctx, cancel := context.WithCancel(ctx)
	stop := make(chan struct{})
	go func() {
		defer close(stop)
		select {
		case <-r.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	rec, err := r.LogReader.Next(ctx)
	cancel()
	<-stop
	select {
	case <-r.gone:
		return entry.Record{}, query.ErrNodeAway
	default:
	}
	return rec, err
}

// fill adds entries with random times, many of them the same, in the order of each node's
// time unless a clock steps back.
func (c *cluster) fill(entries int, seed uint64, stepBack bool) {
	rnd := rand.New(rand.NewPCG(seed, 1))
	at := map[string]int64{}
	for i := range entries {
		a := fmt.Sprintf("node-%d", rnd.IntN(len(c.nodes)))
		if at[a] == 0 {
			at[a] = start0
		}
		at[a] += rnd.Int64N(4)
		if stepBack && rnd.IntN(10) == 0 {
			at[a] -= rnd.Int64N(30)
		}
		c.node(a).Say(at[a], []string{"web", "db"}[rnd.IntN(2)], fmt.Sprint(i))
	}
}

// line is what tests compare of an entry.
func line(e *entry.Entry) string {
	m, _ := e.Get("MESSAGE")
	return fmt.Sprintf("%s %d %s", e.Origin.Tag("agent_id"), e.Realtime-start0, m)
}

// got is what a query returned.
type got struct {
	lines, cursors []string
	events         []entry.Event
}

// read reads a query to its end.
func (c *cluster) read(q query.LogQuery) (g got) {
	c.Helper()
	r, err := c.Entries(c.Context(), &q)
	if err != nil {
		c.Fatalf("%+v: %v", q, err)
	}
	defer r.Close()
	for {
		rec, err := r.Next(c.Context())
		switch {
		case err == io.EOF:
			return g
		case err != nil:
			c.Fatal(err)
		case rec.Entry != nil:
			g.lines, g.cursors = append(g.lines, line(rec.Entry)), append(g.cursors, strings.Clone(rec.Entry.Cursor))
		case rec.Event != nil:
			g.events = append(g.events, *rec.Event)
		}
	}
}

// merged returns all entries in the order of their time.
func (c *cluster) merged() (lines []string) {
	type one struct {
		at   int64
		line string
	}
	var all []one
	for _, a := range c.Agents() { // sorted
		r, _ := c.node(a.ID).Logs.Entries(c.Context(), &query.LogQuery{})
		for {
			rec, err := r.Next(c.Context())
			if err != nil {
				break
			}
			all = append(all, one{rec.Entry.Realtime, line(rec.Entry)})
		}
		r.Close()
	}
	slices.SortStableFunc(all, func(a, b one) int { return cmp.Compare(a.at, b.at) })
	for _, o := range all {
		lines = append(lines, o.line)
	}
	return lines
}
