package recent

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/load"
)

func TestThousandAgents(t *testing.T) {
	const agents, ticks = 1000, 12
	clock := newClock()
	dir := t.TempDir()
	o := Options{Dir: dir, SegmentFor: 4 * time.Second, MemoryFor: 6 * time.Second, Now: clock.now}
	s, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	nodes := make([]*load.Node, agents)
	for i := range nodes {
		nodes[i] = load.NewNode(
			load.NodeOptions{
				Agent:      fmt.Sprintf("node-%04d", i),
				Boot:       uint64(i + 1),
				Containers: 2,
				Start:      start,
				KeyEvery:   5,
				Codec:      frame.Raw,
			},
		)
	}
	for range ticks {
		for _, n := range nodes {
			if err := appendTo(s, n.Tick()[0]); err != nil {
				t.Fatal(err)
			}
		}
		clock.add(time.Second)
	}
	check := func() {
		t.Helper()
		series, err := s.Query(t.Context(), all())
		if err != nil {
			t.Fatal(err)
		}
		if len(series) != 3*agents {
			t.Fatalf("%d series", len(series))
		}
		for _, x := range series {
			if len(x.Times) != ticks {
				t.Fatalf("%s %s has %d ticks", x.Agent, x.Row.Key, len(x.Times))
			}
		}
		for i, n := range nodes {
			want := n.Batch.Table(metric.Container).Row(2)[metric.CPUUsage]
			for _, x := range series[3*i : 3*i+3] {
				if x.Row.Key == n.Batch.Table(metric.Container).Rows[2].Key && x.Values[ticks-1] != want {
					t.Fatalf("%s: %d, want %d", x.Row.Key, x.Values[ticks-1], want)
				}
			}
		}
	}
	check()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if s, err = Open(o); err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if st := s.Stats(); st.Agents != agents || st.Missing != 0 {
		t.Fatalf("%+v", st)
	}
	check()
}

// Writers, readers and expiry at once, for the race detector.
func TestConcurrent(t *testing.T) {
	w := newWorld(t, Options{Dir: t.TempDir(), MemoryBytes: 200_000, DiskBytes: 400_000, SegmentFor: 5 * time.Second},
		load.NodeOptions{Containers: 10, KeyEvery: 7})
	w.ticks(1)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				q := all()
				q.Start = w.clock.ns.Load() - 60e9
				series, err := w.store.Query(t.Context(), q)
				if err != nil || len(series) == 0 {
					t.Errorf("%d series, %v", len(series), err)
					return
				}
				w.store.Stats()
			}
		})
	}
	for i := range 300 {
		w.append(w.next())
		w.expect()
		if i%20 == 0 {
			w.store.Tidy()
		}
	}
	close(done)
	readers.Wait()
	w.check(w.node.Batch.Time - 20e9)
	if st := w.store.Stats(); st.DecodeErrors != 0 || st.DiskErrors != 0 {
		t.Fatalf("%+v", st)
	}
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name string
		disk bool
	}{{"memory", false}, {"disk", true}} {
		for _, containers := range []int{10, 1000} {
			b.Run(fmt.Sprintf("%s/containers=%d", c.name, containers), func(b *testing.B) {
				n := load.NewNode(load.NodeOptions{Agent: "node-1", Boot: 1, Containers: containers, Start: start})
				frames := make([][]byte, 60)
				bytes := 0
				for i := range frames {
					frames[i] = n.Tick()[0]
					bytes += len(frames[i])
				}
				o := Options{}
				if c.disk {
					o.Dir = b.TempDir()
				}
				s, err := Open(o)
				if err != nil {
					b.Fatal(err)
				}
				defer s.Close()
				h := n.Batch.Header
				b.SetBytes(int64(bytes / len(frames)))
				b.ReportAllocs()
				for i := uint64(0); b.Loop(); i++ {
					h.Seq, h.Key = i+1, i-i%60+1
					h.Time += 1e9
					_, err := s.Append(&h, frames[i%60], nil)
					for ; errors.Is(err, ErrBusy); _, err = s.Append(&h, frames[i%60], nil) {
						time.Sleep(100 * time.Microsecond)
					}
					if err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// One column of ten minutes of a node of 100 containers, from memory and from disk.
func BenchmarkQuery(b *testing.B) {
	for _, where := range []string{"memory", "disk"} {
		for _, step := range []time.Duration{0, 10 * time.Second} {
			b.Run(fmt.Sprintf("%s/step=%v", where, step), func(b *testing.B) {
				w := newWorld(b, Options{Dir: b.TempDir()}, load.NodeOptions{Containers: 100})
				for range 600 {
					w.append(w.next())
				}
				if where == "disk" {
					w.reopen()
				}
				q := query.Query{
					Kind:   metric.Container,
					Column: metric.CPUUsage,
					Start:  start,
					End:    start + 600e9,
					Step:   int64(step),
				}
				points := 0
				b.ReportAllocs()
				for b.Loop() {
					points = 0
					for _, s := range w.query(q) {
						points += len(s.Times)
					}
				}
				b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(points), "ns/point")
			})
		}
	}
}
