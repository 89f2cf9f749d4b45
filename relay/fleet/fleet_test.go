package fleet

import (
	"context"
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/bench/load"
)

const start = 1_700_000_000 * int64(time.Second)

// shelf keeps real frames by tick. It stands for relay/recent, which this
// package must not import; the two run together in relay's tests.
type shelf struct {
	mu    sync.Mutex
	ticks map[tickID][][]byte
	heads map[tickID]frame.Header
	reads int
}

type tickID struct {
	agent     string
	boot, seq uint64
}

var errGone = errors.New("gone")

func (s *shelf) put(parts [][]byte) frame.Header {
	h, err := frame.Peek(parts[0])
	if err != nil {
		panic(err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	id := tickID{h.Agent, h.Boot, h.Seq}
	s.ticks[id], s.heads[id] = parts, h
	return h
}

func (s *shelf) Tick(agent string, boot, seq uint64) (parts, key [][]byte, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads++
	h, ok := s.heads[tickID{agent, boot, seq}]
	if !ok {
		return nil, nil, errGone
	}
	if !h.Keyframe() {
		key = s.ticks[tickID{agent, boot, h.Key}]
	}
	return s.ticks[tickID{agent, boot, seq}], key, nil
}

func (s *shelf) Gaps(string) uint64 { return 3 }

func (s *shelf) Query(context.Context, server.Query) ([]server.Series, error) { return nil, nil }

type world struct {
	t     *testing.T
	shelf *shelf
	fleet *Fleet
	now   time.Time
}

func newWorld(t *testing.T, o Options) *world {
	w := &world{t: t, now: time.Unix(0, start), shelf: &shelf{ticks: map[tickID][][]byte{}, heads: map[tickID]frame.Header{}}}
	o.Now = func() time.Time { return w.now }
	w.fleet = New(w.shelf, o)
	return w
}

// tick makes a node's next tick heard, one interval later.
func (w *world) tick(n *load.Node) {
	h := w.shelf.put(n.Tick())
	w.now = w.now.Add(time.Duration(h.Interval))
	w.fleet.Heard(&h, w.now)
}

// shows fails unless the newest tick of a node is what it last made.
func (w *world) shows(n *load.Node) {
	w.t.Helper()
	err := w.fleet.View(n.Batch.Agent, func(b *frame.Batch) {
		if b.Boot != n.Batch.Boot || b.Seq != n.Batch.Seq {
			w.t.Fatalf("boot %d tick %d, want boot %d tick %d", b.Boot, b.Seq, n.Batch.Boot, n.Batch.Seq)
		}
		for i := range n.Batch.Tables {
			want := &n.Batch.Tables[i]
			got := b.Table(want.Kind)
			if got == nil || !slices.Equal(got.Vals, want.Vals) || len(got.Rows) != len(want.Rows) {
				w.t.Fatalf("%v of tick %d differ", want.Kind, b.Seq)
			}
			for j, r := range want.Rows {
				if got.Rows[j].ID != r.ID || got.Rows[j].Key != r.Key || !slices.Equal(got.Rows[j].Labels, r.Labels) {
					w.t.Fatalf("row %d of %v: %+v, want %+v", j, want.Kind, got.Rows[j], r)
				}
			}
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func simulated(agent string, o load.NodeOptions) *load.Node {
	o.Agent, o.Start = agent, start
	if o.Boot == 0 {
		o.Boot = 1
	}
	if o.Containers == 0 {
		o.Containers = 5
	}
	return load.NewNode(o)
}

func TestView(t *testing.T) {
	for name, o := range map[string]load.NodeOptions{
		"whole":    {KeyEvery: 7},
		"in parts": {KeyEvery: 7, Containers: 60, MaxPayload: 16 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			n := simulated("a", o)
			if err := w.fleet.View("a", nil); !errors.Is(err, server.ErrUnknownAgent) {
				t.Fatal(err)
			}
			for i := range 40 {
				if i%10 == 3 {
					n.Add("new")
				}
				if i%10 == 8 {
					n.Remove()
				}
				w.tick(n)
				if i%3 == 0 { // not every tick is looked at
					w.shows(n)
				}
			}
			if o.MaxPayload > 0 && n.Batch.Parts < 2 {
				t.Fatal("the tick has one part")
			}
			w.shows(n)
			reads := w.shelf.reads
			w.shows(n)
			if w.shelf.reads != reads {
				t.Error("a tick was decoded twice")
			}
		})
	}
}

// A batch stays as it is while somebody looks at it, whatever comes.
func TestViewIsStable(t *testing.T) {
	w := newWorld(t, Options{})
	n := simulated("a", load.NodeOptions{KeyEvery: 3})
	w.tick(n)
	for range 20 {
		w.tick(n)
		err := w.fleet.View("a", func(b *frame.Batch) {
			h, vals := b.Header, slices.Clone(b.Tables[1].Vals)
			for range 4 {
				w.tick(n)
				w.shows(n)
			}
			if b.Header != h || !slices.Equal(b.Tables[1].Vals, vals) {
				t.Fatal("the batch changed under its reader")
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestAgents(t *testing.T) {
	w := newWorld(t, Options{Forget: time.Hour})
	b, a := simulated("b", load.NodeOptions{Containers: 2}), simulated("a", load.NodeOptions{Containers: 4})
	w.tick(b)
	w.tick(a)
	w.tick(a)
	want := []server.Agent{
		{ID: "a", Hostname: "host-of-a", Boot: 1, Seq: 2, Time: a.Batch.Time, Interval: 1e9, Containers: 4, Cgroups: 5, Gaps: 3},
		{ID: "b", Hostname: "host-of-b", Boot: 1, Seq: 1, Time: b.Batch.Time, Interval: 1e9, Containers: 2, Cgroups: 3, Gaps: 3},
	}
	if got := w.fleet.Agents(); !slices.Equal(got, want) {
		t.Fatalf("%+v", got)
	}
	a.Add("one-more")
	w.tick(a)
	w.tick(a)
	if got := w.fleet.Agents(); got[0].Containers != 5 || got[0].Stale || !got[1].Stale {
		t.Fatalf("%+v", got)
	}
	if s := w.fleet.Stats(); s.Agents != 2 || s.Stale != 1 {
		t.Fatalf("%+v", s)
	}
	w.now = w.now.Add(time.Hour - time.Second)
	if got := w.fleet.Agents(); len(got) != 1 || got[0].ID != "a" || !got[0].Stale {
		t.Fatalf("%+v", got)
	}
	if err := w.fleet.View("b", nil); !errors.Is(err, server.ErrUnknownAgent) {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	w.fleet.Tidy()
	if s := w.fleet.Stats(); s.Agents != 0 || s.CacheBytes != 0 {
		t.Fatalf("%+v", s)
	}
}

func TestNewest(t *testing.T) {
	const second = int64(time.Second)
	at := func(s int64) time.Time { return time.Unix(0, start+s*second) }
	head := func(boot, seq uint64, s int64) frame.Header {
		return frame.Header{Agent: "a", Boot: boot, Seq: seq, Time: start + s*second, Interval: second}
	}
	type tick struct {
		boot, seq      uint64
		time, received int64
	}
	for name, c := range map[string]struct {
		ticks []tick
		want  tick
		news  []news
	}{
		"in order":                  {[]tick{{1, 1, 0, 0}, {1, 2, 1, 1}}, tick{boot: 1, seq: 2}, []news{advanced, advanced}},
		"late":                      {[]tick{{1, 1, 0, 0}, {1, 3, 2, 2}, {1, 2, 1, 3}}, tick{boot: 1, seq: 3}, []news{advanced, advanced, late}},
		"clock back":                {[]tick{{1, 1, 100, 0}, {1, 2, 50, 1}}, tick{boot: 1, seq: 2}, []news{advanced, advanced}},
		"restart":                   {[]tick{{1, 9, 0, 0}, {2, 1, 1, 1}}, tick{boot: 2, seq: 1}, []news{advanced, restarted}},
		"old run late":              {[]tick{{2, 1, 10, 0}, {1, 8, 5, 1}}, tick{boot: 2, seq: 1}, []news{advanced, late}},
		"replaced run late":         {[]tick{{1, 1, 0, 0}, {2, 1, 5, 1}, {1, 2, 1, 30}}, tick{boot: 2, seq: 1}, []news{advanced, restarted, late}},
		"restart with clock back":   {[]tick{{1, 1, 100, 0}, {2, 1, 50, 1}, {2, 5, 54, 5}}, tick{boot: 2, seq: 5}, []news{advanced, late, restarted}},
		"two machines with one id":  {[]tick{{1, 1, 0, 0}, {2, 1, 0, 1}, {2, 2, 1, 1}, {1, 3, 2, 2}, {2, 3, 2, 2}}, tick{boot: 2, seq: 3}, []news{advanced, late, restarted, late, advanced}},
		"one of two machines stops": {[]tick{{1, 1, 0, 0}, {2, 2, 1, 1}, {1, 9, 8, 8}}, tick{boot: 1, seq: 9}, []news{advanced, restarted, returned}},
	} {
		n := &node{id: "a"}
		for i, k := range c.ticks {
			h := head(k.boot, k.seq, k.time)
			if got := n.hear(&h, at(k.received)); got != c.news[i] {
				t.Errorf("%s: tick %d is %d, want %d", name, i, got, c.news[i])
			}
		}
		if n.newest.Boot != c.want.boot || n.newest.Seq != c.want.seq {
			t.Errorf("%s: the newest is tick %d of run %d", name, n.newest.Seq, n.newest.Boot)
		}
	}
	n := &node{id: "a"}
	for boot := uint64(1); boot < 1000; boot++ {
		h := head(boot, 1, int64(boot))
		n.hear(&h, at(int64(boot)))
	}
	if len(n.before) > maxBefore {
		t.Errorf("%d runs are remembered", len(n.before))
	}
}

// What is decoded stays within its bound, and comes back when it is asked for.
func TestCacheBound(t *testing.T) {
	w := newWorld(t, Options{})
	n := simulated("probe", load.NodeOptions{Containers: 50})
	w.tick(n)
	w.tick(n)
	w.shows(n)
	one := w.fleet.Stats().CacheBytes
	if one < 50*100*8 {
		t.Fatalf("one agent weighs %d", one)
	}
	w = newWorld(t, Options{CacheBytes: 5 * one})
	var nodes []*load.Node
	for i := range 20 {
		n := simulated(string(rune('a'+i)), load.NodeOptions{Containers: 50})
		nodes = append(nodes, n)
		w.tick(n)
		w.tick(n)
	}
	for range 2 {
		for _, n := range nodes {
			w.shows(n)
			if got := w.fleet.Stats().CacheBytes; got > 5*one {
				t.Fatalf("%d bytes, the bound is %d", got, 5*one)
			}
		}
	}
	reads := w.shelf.reads
	w.shows(nodes[len(nodes)-1])
	if w.shelf.reads != reads {
		t.Error("what was looked at last is gone")
	}
}

func TestBadTick(t *testing.T) {
	w := newWorld(t, Options{})
	n := simulated("a", load.NodeOptions{})
	w.tick(n)
	w.tick(n)
	w.shows(n)
	h := n.Batch.Header
	h.Seq++
	h.Parts = 1
	w.shelf.ticks[tickID{"a", h.Boot, h.Seq}], w.shelf.heads[tickID{"a", h.Boot, h.Seq}] = [][]byte{[]byte("rubbish")}, h
	w.fleet.Heard(&h, w.now)
	if err := w.fleet.View("a", func(*frame.Batch) { t.Error("shown") }); !errors.Is(err, frame.ErrCorrupt) {
		t.Fatal(err)
	}
	if a := w.fleet.Agents(); a[0].Seq != h.Seq || a[0].Containers != 5 {
		t.Fatalf("%+v", a)
	}
	n.Batch.Seq++
	w.tick(n)
	w.shows(n)
}

func TestFind(t *testing.T) {
	w := newWorld(t, Options{})
	for _, name := range []string{"n1", "n2"} {
		w.tick(simulated(name, load.NodeOptions{Containers: 3}))
	}
	for id, want := range map[string]string{
		"n1-c0002":      "n1-c0002", // an id
		"task.n2-c0000": "n2-c0000", // a task
	} {
		c, err := w.fleet.ContainerByID(id)
		if err != nil || c.Row.Label("container_id") != want || c.Agent != want[:2] {
			t.Errorf("%s: %+v %v", id, c, err)
		}
	}
	for id, want := range map[string]error{
		"n1-c":    ErrAmbiguous, // the start of several
		"app":     ErrAmbiguous, // the name of all
		"n3":      ErrNoContainer,
		"":        ErrNoContainer,
		"1-c0001": ErrNoContainer, // no start
	} {
		if c, err := w.fleet.ContainerByID(id); !errors.Is(err, want) {
			t.Errorf("%q: %+v %v, want %v", id, c, err, want)
		}
	}
	for pattern, want := range map[string]int{
		"": 6, "c0001": 2, "n2-": 3, "task.n1-*": 3, "n?-c000[01]": 4, "registry.example": 6, "nothing": 0, "/docker/n1": 3,
	} {
		got, err := w.fleet.Containers(pattern)
		if err != nil || len(got) != want {
			t.Errorf("%q: %d containers, want %d (%v)", pattern, len(got), want, err)
		}
	}
	if _, err := w.fleet.Containers("[x"); err == nil {
		t.Error("a broken pattern")
	}
}

// Readers and ticks at once, for the race detector.
func TestConcurrent(t *testing.T) {
	w := newWorld(t, Options{CacheBytes: 1 << 20})
	nodes := []*load.Node{simulated("a", load.NodeOptions{Containers: 20, KeyEvery: 5}), simulated("b", load.NodeOptions{Containers: 20, KeyEvery: 5})}
	for _, n := range nodes {
		w.tick(n)
	}
	w.fleet.o.Now = func() time.Time { return time.Unix(0, start) }
	done := make(chan struct{})
	var readers sync.WaitGroup
	for i := range 4 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				agent := []string{"a", "b"}[i%2]
				err := w.fleet.View(agent, func(b *frame.Batch) {
					t := b.Table(metric.Container)
					if len(t.Rows)*t.Width() != len(t.Vals) {
						panic("a batch is half written")
					}
				})
				if err != nil {
					t.Error(err)
					return
				}
				w.fleet.Agents()
				w.fleet.Stats()
			}
		})
	}
	for range 200 {
		for _, n := range nodes {
			h := w.shelf.put(n.Tick())
			w.fleet.Heard(&h, time.Unix(0, start))
		}
	}
	close(done)
	readers.Wait()
}

func BenchmarkView(b *testing.B) {
	s := &shelf{ticks: map[tickID][][]byte{}, heads: map[tickID]frame.Header{}}
	f := New(s, Options{})
	n := simulated("a", load.NodeOptions{Containers: 1000})
	h := s.put(n.Tick())
	f.Heard(&h, time.Now())
	var frames []frame.Header
	for range 59 {
		frames = append(frames, s.put(n.Tick()))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		h := frames[i%len(frames)]
		f.nodes["a"].newest = h
		if cur := f.nodes["a"].cur; cur != nil {
			cur.batch.Seq = 0 // so that every look is at another tick
		}
		if err := f.View("a", func(*frame.Batch) {}); err != nil {
			b.Fatal(err)
		}
	}
}
