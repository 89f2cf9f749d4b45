package gateway

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig"
)

// follower reads a query that follows.
type follower struct {
	c      *cluster
	r      query.LogReader
	cursor string
}

func (c *cluster) follow(q query.LogQuery) *follower {
	c.Helper()
	q.Follow = true
	r, err := c.Entries(c.Context(), &q)
	if err != nil {
		c.Fatal(err)
	}
	c.Cleanup(func() { r.Close() })
	return &follower{c: c, r: r, cursor: q.Cursor}
}

// next returns the next message, or the kind of the next event.
func (f *follower) next() string {
	f.c.Helper()
	ctx, cancel := context.WithTimeout(f.c.Context(), 20*time.Second)
	defer cancel()
	for {
		rec, err := f.r.Next(ctx)
		switch {
		case err != nil:
			f.c.Fatal(err)
		case rec.Event != nil:
			return string(rec.Event.Kind) + " " + rec.Event.Agent
		case rec.Entry != nil:
			f.cursor = strings.Clone(rec.Entry.Cursor)
			m, _ := rec.Entry.Get("MESSAGE")
			return string(m)
		}
	}
}

func (f *follower) expect(want ...string) {
	f.c.Helper()
	for _, w := range want {
		if got := f.next(); got != w {
			f.c.Fatalf("%q, want %q", got, w)
		}
	}
}

func (c *cluster) add(agent string, at int64, messages ...string) {
	for i, m := range messages {
		c.node(agent).Say(start0+at+int64(i), "web", m)
	}
}

// That nothing matches yet is said once, and only if it is so on all agents.
func TestWaiting(t *testing.T) {
	c := newCluster(t, 3)
	c.add("node-0", 0, "a")
	var all [2]string // what each follower got
	var reading sync.WaitGroup
	for i, q := range []query.LogQuery{{Grep: "x"}, {}} {
		f := c.follow(q)
		reading.Go(func() { all[i] = f.next() + "," + f.next() })
	}
	rig.Eventually(t, 10*time.Second, func() error {
		for _, a := range c.Agents() {
			if n := c.node(a.ID).Followers(); n != 2 {
				return fmt.Errorf("%s has %d followers", a.ID, n)
			}
		}
		return nil
	})
	for _, a := range c.Agents() {
		c.node(a.ID).Event(entry.Event{Kind: entry.Waiting, Agent: a.ID})
	}
	c.add("node-1", 10, "x")
	reading.Wait()
	if want := [2]string{"waiting ,x", "a,x"}; all != want {
		t.Errorf("%q, want %q", all, want)
	}
}

func TestFollow(t *testing.T) {
	c := newCluster(t, 3)
	c.add("node-0", 0, "a", "b")
	c.add("node-1", 1, "c", "d")
	f := c.follow(query.LogQuery{Tail: true, Limit: 2})
	f.expect("c", "d")
	c.add("node-2", 1000, "e")
	f.expect("e")
	c.add("node-0", 2000, "f", "g")
	f.expect("f", "g")
	c.node("node-1").Event(entry.Event{Kind: entry.Suppressed, Agent: "node-1"})
	f.expect("suppressed node-1")
	f.r.Close()
	c.restart()
	c.add("node-1", 3000, "h")
	c.add("node-2", 3001, "i")
	again := c.follow(query.LogQuery{Cursor: f.cursor})
	again.expect("h", "i")
	c.add("node-0", 4000, "j")
	again.expect("j")
}

// Nothing of the past: what comes, and nothing of what a skip covers.
func TestFollowFromTheEnd(t *testing.T) {
	c := newCluster(t, 2)
	c.add("node-0", 0, "a", "b")
	f := c.follow(query.LogQuery{Tail: true})
	skips := c.follow(query.LogQuery{Tail: true, Skip: 2})
	c.add("node-1", 10, "c")
	f.expect("c")
	c.add("node-0", 20, "d")
	f.expect("d")
	c.add("node-1", 30, "e")
	f.expect("e")
	skips.expect("e")
}

// Entries that come at about the same time are in the order of their own time, although
// they come from several agents.
func TestReorder(t *testing.T) {
	c := newCluster(t, 3, func(o *Options) { o.Reorder = 200 * time.Millisecond })
	f := c.follow(query.LogQuery{Tail: true})
	for i := range int64(10) {
		c.add("node-2", 100*i+2, "third")
		c.add("node-0", 100*i, "first")
		c.add("node-1", 100*i+1, "second")
		f.expect("first", "second", "third")
	}
}

// A node goes away and comes back: its entries come then, none twice, and the others do not
// wait for them.
func TestAwayAndBack(t *testing.T) {
	c := newCluster(t, 2)
	c.add("node-0", 0, "a")
	c.add("node-1", 1, "b")
	f := c.follow(query.LogQuery{})
	one := c.follow(query.LogQuery{Agents: []string{"node-1"}})
	f.expect("a", "b")
	one.expect("b")
	c.node("node-1").leave()
	f.expect("node_away node-1")
	one.expect("node_away node-1")
	c.add("node-1", 2, "c")
	c.add("node-0", 3, "d")
	f.expect("d")
	cursor := f.cursor
	c.node("node-1").back()
	for _, f := range []*follower{f, one} {
		f.expect("node_back node-1", "c")
		c.add("node-1", 10, "e")
		if f == one {
			f.expect("e")
		}
		f.expect("e")
	}
	c.node("node-1").leave()
	c.restart()
	late := c.follow(query.LogQuery{Cursor: cursor})
	late.expect("node_away node-1")
	c.add("node-0", 20, "f")
	late.expect("f")
	c.node("node-1").back()
	late.expect("node_back node-1", "c", "e", "e")
}

// What does not follow says which part is missing, and ends.
func TestPartial(t *testing.T) {
	c := newCluster(t, 3)
	c.fill(30, 1, false)
	c.node("node-1").leave()
	g := c.read(query.LogQuery{})
	if len(g.events) != 1 || g.events[0].Kind != entry.NodeAway || g.events[0].Agent != "node-1" || len(g.lines) == 0 {
		t.Errorf("%+v", g)
	}
	g = c.read(query.LogQuery{Tail: true, Limit: 5})
	if len(g.lines) != 5 || len(g.events) != 1 {
		t.Errorf("the last: %+v", g)
	}
}

// An entry that was deleted under the cursor is an event.
func TestVacuumed(t *testing.T) {
	c := newCluster(t, 2)
	c.add("node-0", 0, "a", "b")
	c.add("node-1", 10, "c", "d")
	g := c.read(query.LogQuery{})
	c.join("node-0") // with other entries
	c.add("node-0", 5, "x")
	f := c.follow(query.LogQuery{Cursor: g.cursors[2]})
	f.expect("vacuumed node-0", "x", "d")
}

// A task that starts on another node, and a node that joins, are followed, too.
func TestGrows(t *testing.T) {
	c := newCluster(t, 2)
	c.add("node-0", 0, "a")
	now := time.Now().UnixMicro() - start0
	all, task := c.follow(query.LogQuery{}), c.follow(query.LogQuery{Tasks: []string{"we"}})
	all.expect("a")
	task.expect("a")
	c.add("node-1", now+1e6, "b")
	all.expect("b")
	task.expect("b")
	c.join("node-2")
	c.add("node-2", now+2e6, "c")
	all.expect("c")
	task.expect("c")
	task.r.Close()
	c.add("node-1", now+3e6, "d")
	again := c.follow(query.LogQuery{Cursor: task.cursor, Tasks: []string{"we"}})
	again.expect("d")
}

// A fleet that has one node when it is followed may get more.
func TestGrowsFromOne(t *testing.T) {
	c := newCluster(t, 1)
	c.node("node-0").Say(start0, "web", "a", "_SYSTEMD_UNIT=web.service")
	all := []*follower{
		c.follow(query.LogQuery{}), c.follow(query.LogQuery{Tasks: []string{"w*"}}),
		c.follow(query.LogQuery{Units: []string{"web.service"}}),
	}
	for _, f := range all {
		f.expect("a")
	}
	c.join("node-1")
	c.node("node-1").Say(time.Now().UnixMicro()+1e6, "web", "b", "_SYSTEMD_UNIT=web.service")
	for _, f := range all {
		f.expect("b")
	}
}

// A unit that is logged on another node later, and what matches nowhere at first, are
// followed, too: a pattern and a unit wait, and another name that nobody has is an error.
func TestGrowsByUnit(t *testing.T) {
	c := newCluster(t, 3)
	add := func(agent, unit, message string) {
		c.node(agent).Say(time.Now().UnixMicro()+1e6, unit, message, "_SYSTEMD_UNIT="+unit+".service")
	}
	c.node("node-0").Say(start0, "web", "a", "_SYSTEMD_UNIT=web.service")
	unit := c.follow(query.LogQuery{Units: []string{"web.service"}})
	both := c.follow(query.LogQuery{Units: []string{"web.*"}, Tasks: []string{"w*"}})
	unit.expect("a")
	both.expect("a")
	late := []*follower{
		c.follow(query.LogQuery{Units: []string{"db*"}}), c.follow(query.LogQuery{Units: []string{"db.service"}}),
		c.follow(query.LogQuery{Units: []string{"db"}}),
		c.follow(query.LogQuery{Tasks: []string{"d?"}, Tail: true, Limit: 3}),
		c.follow(query.LogQuery{Containers: []string{"db-on-*"}}),
	}
	for _, f := range late {
		f.expect("waiting ")
	}
	for _, q := range []query.LogQuery{
		{Units: []string{"db"}}, {Tasks: []string{"db"}, Follow: true}, {Tasks: []string{"d*"}},
	} {
		if r, err := c.Entries(t.Context(), &q); !errors.Is(err, query.ErrNoSuchSource) {
			t.Errorf("%+v: %v", q, err)
			if err == nil {
				r.Close()
			}
		}
	}
	add("node-1", "web", "b")
	unit.expect("b")
	both.expect("b")
	add("node-2", "db", "c")
	for _, f := range late {
		f.expect("c")
	}
	add("node-0", "web", "d")
	unit.expect("d")
	add("node-2", "web", "e")
	unit.expect("e")
	both.expect("d", "e")
}

// A task that runs in no container that the fleet knows, as one of a log pipe, is found in the
// journals of its nodes.
func TestGrowsByJournal(t *testing.T) {
	c := newCluster(t, 2)
	c.restart(func(o *Options) { o.Fleet = idleFleet{c} })
	f := c.follow(query.LogQuery{Tasks: []string{"job-*"}})
	f.expect("waiting ")
	for i, node := range []string{"node-1", "node-0"} {
		message := fmt.Sprint("line ", i)
		c.node(node).Say(time.Now().UnixMicro()+int64(i)*1e6, fmt.Sprint("job-", i), message)
		f.expect(message)
	}
}

// What was just started is followed although no tick of its node has it yet; without a name
// to wait for, or once two ticks are over, nothing matches.
func TestFollowsWhatWasJustStarted(t *testing.T) {
	c := newCluster(t, 2)
	c.restart(func(o *Options) { o.Fleet = tickingFleet{c, 30 * time.Second} })
	started := time.AfterFunc(400*time.Millisecond, func() {
		c.node("node-1").Say(time.Now().UnixMicro(), "job", "hello")
	})
	defer started.Stop()
	c.follow(query.LogQuery{Tasks: []string{"job"}}).expect("hello")

	c.restart(func(o *Options) { o.Fleet = tickingFleet{c, 200 * time.Millisecond} })
	begun := time.Now()
	_, err := c.Entries(t.Context(), &query.LogQuery{Tasks: []string{"none"}, Follow: true})
	if took := time.Since(begun); !errors.Is(err, query.ErrNoSuchSource) || took < 400*time.Millisecond {
		t.Errorf("after %v: %v", took, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := c.Entries(ctx, &query.LogQuery{Tasks: []string{"none"}, Follow: true}); !errors.Is(err, ctx.Err()) {
		t.Errorf("of a client that has gone: %v", err)
	}
}

// tickingFleet has nodes with an interval.
type tickingFleet struct {
	*cluster
	interval time.Duration
}

func (f tickingFleet) Agents() []query.Agent {
	list := f.cluster.Agents()
	for i := range list {
		list[i].Interval = int64(f.interval)
	}
	return list
}

// idleFleet knows of no container that runs.
type idleFleet struct{ Fleet }

func (idleFleet) Running(func(func(string) string) bool) []string { return nil }

// However many queries look for the same, a node is asked once.
func TestSearchIsShared(t *testing.T) {
	c := newCluster(t, 2, func(o *Options) { o.Refresh = time.Hour })
	c.node("node-1").Say(start0, "web", "a", "_SYSTEMD_UNIT=web.service")
	var work sync.WaitGroup
	for range 50 {
		work.Go(func() {
			q := &query.LogQuery{Units: []string{"web.service"}}
			got := c.whoHas(t.Context(), []string{"node-0", "node-1"}, q, time.Minute)
			if !slices.Equal(got, []string{"node-1"}) {
				t.Errorf("%q", got)
			}
		})
	}
	work.Wait()
	if n := c.node("node-0").asks; n != 1 {
		t.Errorf("a node was asked %d times", n)
	}
}

// Closing ends a query that waits, and its streams.
func TestClose(t *testing.T) {
	c := newCluster(t, 3)
	c.add("node-0", 0, "a")
	f := c.follow(query.LogQuery{})
	f.expect("a")
	ended := make(chan error, 1)
	go func() {
		_, err := f.r.Next(context.Background())
		ended <- err
	}()
	time.Sleep(10 * time.Millisecond)
	f.r.Close()
	if err := <-ended; !errors.Is(err, context.Canceled) || err == io.EOF {
		t.Errorf("%v", err)
	}
	rig.Eventually(t, 10*time.Second, func() error {
		n := int(c.streams.Load())
		for _, a := range c.Agents() {
			n += c.node(a.ID).Readers()
		}
		if n != 0 {
			return fmt.Errorf("%d streams are open", n)
		}
		return nil
	})
}

// What is said of a node that is away is true: who lost whom, if that is known.
func TestAwayMessage(t *testing.T) {
	lost := fmt.Errorf("%w: %s", query.ErrNodeAway, "the relay is not connected to NATS")
	for _, c := range []struct {
		why    error
		follow bool
		want   string
	}{
		{query.ErrNodeAway, false, "the node is not connected; its entries are missing here"},
		{query.ErrNodeAway, true, "the node is not connected; its entries come when it is back"},
		{lost, true, "the node cannot be read: the relay is not connected to NATS; its entries come when it is back"},
		{query.ErrLogsBusy, false, query.ErrLogsBusy.Error() + "; its entries are missing here"},
	} {
		if got := awayMessage(c.why, c.follow); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}
