package fleet

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/load"
)

func TestView(t *testing.T) {
	for name, o := range map[string]load.NodeOptions{
		"whole":    {KeyEvery: 7},
		"in parts": {KeyEvery: 7, Containers: 60, MaxPayload: 16 << 10},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Options{})
			n := simulated("a", o)
			if err := w.fleet.View("a", nil); !errors.Is(err, query.ErrUnknownAgent) {
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
				if i%3 == 0 { // not every tick is viewed
					w.shows(n)
				}
			}
			if o.MaxPayload > 0 && n.Batch.Parts < 2 {
				t.Fatal("the tick has one part")
			}
			w.shows(n)
			reads := w.store.reads
			w.shows(n)
			if w.store.reads != reads {
				t.Error("a tick was decoded twice")
			}
		})
	}
}

// A batch does not change while a reader has it, although new ticks arrive.
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
	want := []query.Agent{
		{
			ID:         "a",
			Hostname:   "host-of-a",
			Boot:       1,
			Seq:        2,
			Time:       a.Batch.Time,
			Interval:   1e9,
			Containers: 4,
			Cgroups:    5,
			Missing:    3,
		},
		{
			ID:         "b",
			Hostname:   "host-of-b",
			Boot:       1,
			Seq:        1,
			Time:       b.Batch.Time,
			Interval:   1e9,
			Containers: 2,
			Cgroups:    3,
			Missing:    3,
		},
	}
	if got := w.fleet.Agents(); !slices.Equal(got, want) {
		t.Fatalf("%+v", got)
	}
	a.Add("one-more")
	for range 16 {
		w.tick(a)
	}
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
	if err := w.fleet.View("b", nil); !errors.Is(err, query.ErrUnknownAgent) {
		t.Fatal(err)
	}
	w.now = w.now.Add(time.Hour)
	w.fleet.Tidy()
	if s := w.fleet.Stats(); s.Agents != 0 || s.CacheBytes != 0 {
		t.Fatalf("%+v", s)
	}
}

// The memory of decoded ticks stays within its bound, and a dropped tick is decoded again
// when it is requested.
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
	reads := w.store.reads
	w.shows(nodes[len(nodes)-1])
	if w.store.reads != reads {
		t.Error("the tick that was viewed last was dropped")
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
	w.store.ticks[tickID{"a", h.Boot, h.Seq}], w.store.heads[tickID{"a", h.Boot, h.Seq}] = [][]byte{
		[]byte("rubbish"),
	}, h
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

// Readers and ticks at once, for the race detector.
func TestConcurrent(t *testing.T) {
	w := newWorld(t, Options{CacheBytes: 1 << 20})
	nodes := []*load.Node{
		simulated("a", load.NodeOptions{Containers: 20, KeyEvery: 5}),
		simulated("b", load.NodeOptions{Containers: 20, KeyEvery: 5}),
	}
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
			h := w.store.put(n.Tick())
			w.fleet.Heard(&h, time.Unix(0, start))
		}
	}
	close(done)
	readers.Wait()
}

func BenchmarkView(b *testing.B) {
	s := &memoryStore{ticks: map[tickID][][]byte{}, heads: map[tickID]frame.Header{}}
	f := New(Options{})
	f.ReadFrom(s)
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
			cur.batch.Seq = 0 // so that every view decodes another tick
		}
		if err := f.View("a", func(*frame.Batch) {}); err != nil {
			b.Fatal(err)
		}
	}
}
