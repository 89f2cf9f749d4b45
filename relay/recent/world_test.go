package recent

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/load"
)

const start = 1_700_000_000 * int64(time.Second)

// clock is a wall clock that tests set.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(start)
	return c
}

func (c *clock) now() time.Time      { return time.Unix(0, c.ns.Load()) }
func (c *clock) add(d time.Duration) { c.ns.Add(int64(d)) }

// world is a store, a node whose frames it stores, and the expected answer of a query.
type world struct {
	t     testing.TB
	clock *clock
	opt   Options
	store *Store
	node  *load.Node
	want  map[string]map[int64]int64 // row key to time to cpu.usage
}

func newWorld(t testing.TB, o Options, n load.NodeOptions) *world {
	t.Helper()
	w := &world{t: t, clock: newClock(), want: map[string]map[int64]int64{}}
	o.Now = w.clock.now
	w.opt = o
	if n.Agent == "" {
		n.Agent = "node-1"
	}
	if n.Boot == 0 {
		n.Boot = 7
	}
	n.Start = start
	w.node = load.NewNode(n)
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	s, err := Open(w.opt)
	if err != nil {
		w.t.Fatal(err)
	}
	w.store = s
	w.t.Cleanup(func() { s.Close() })
}

// written waits until the writer is idle.
func written(t testing.TB, s *Store) {
	t.Helper()
	if s.writer == nil {
		return
	}
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		s.mu.Lock()
		idle := s.disk.pending.empty() && s.writer.busy.IsZero() && !s.writer.expire
		s.mu.Unlock()
		if idle {
			return
		}
		if time.Now().After(end) {
			t.Fatal("the writer is not done after 20 s")
		}
	}
}

// abandon leaves the files of a store as a crash of the process would.
func abandon(t testing.TB, s *Store) {
	t.Helper()
	written(t, s)
	s.mu.Lock()
	s.disk.active = nil
	s.mu.Unlock()
	s.Close()
}

func (w *world) reopen() {
	w.t.Helper()
	if err := w.store.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

// next returns the frames of the node's next tick, and advances the clock.
func (w *world) next() [][]byte {
	parts := w.node.Tick()
	w.clock.add(time.Duration(w.node.Batch.Interval))
	return parts
}

// expect records that queries have to find the node's last tick.
func (w *world) expect() {
	b := &w.node.Batch
	t := b.Table(metric.Container)
	for i, r := range t.Rows {
		if v := t.Row(i)[metric.CPUUsage]; v != metric.Absent {
			if w.want[r.Key] == nil {
				w.want[r.Key] = map[int64]int64{}
			}
			w.want[r.Key][b.Time] = v
		}
	}
}

func (w *world) append(parts [][]byte) {
	w.t.Helper()
	for _, p := range parts {
		if err := appendTo(w.store, p); err != nil {
			w.t.Fatalf("tick %d: %v", w.node.Batch.Seq, err)
		}
	}
}

// appendTo appends a frame. It retries after ErrBusy, for 20 seconds.
func appendTo(s *Store, data []byte) error {
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		if err := appendStored(s, data, nil); !errors.Is(err, ErrBusy) || time.Now().After(end) {
			return err
		}
	}
}

func appendStored(s *Store, data []byte, stored func()) error {
	h, err := frame.Peek(data)
	if err != nil {
		return err
	}
	_, err = s.Append(&h, data, stored)
	return err
}

// tidy calls Tidy once all frames are written, and waits for the writer again.
func (w *world) tidy() {
	w.t.Helper()
	written(w.t, w.store)
	w.store.Tidy()
	written(w.t, w.store)
}

// stats returns the store's Stats once all frames are written.
func (w *world) stats() Stats {
	w.t.Helper()
	written(w.t, w.store)
	return w.store.Stats()
}

// ticks makes, appends and expects n ticks.
func (w *world) ticks(n int) {
	w.t.Helper()
	for range n {
		parts := w.next()
		w.append(parts)
		w.expect()
	}
}

func all() query.Query {
	return query.Query{Kind: metric.Container, Column: metric.CPUUsage, Start: 0, End: maxTime}
}

func (w *world) query(q query.Query) []query.Series {
	w.t.Helper()
	out, err := w.store.Query(context.Background(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// check compares the whole history with the expected ticks since a time.
func (w *world) check(since int64) {
	w.t.Helper()
	if err := compare(w.query(all()), w.want, since); err != nil {
		w.t.Fatal(err)
	}
}

func compare(got []query.Series, want map[string]map[int64]int64, since int64) error {
	left := 0
	for _, points := range want {
		for at := range points {
			if at >= since {
				left++
			}
		}
	}
	for _, s := range got {
		last := int64(0)
		for i, at := range s.Times {
			v, ok := want[s.Row.Key][at]
			switch {
			case at <= last:
				return fmt.Errorf("%s: times do not rise at %d", s.Row.Key, at)
			case !ok || v != s.Values[i]:
				return fmt.Errorf("%s at %d: got %d, want %d (%v)", s.Row.Key, at, s.Values[i], v, ok)
			case at >= since:
				left--
			}
			last = at
		}
	}
	if left != 0 {
		return fmt.Errorf("%d points are missing", left)
	}
	return nil
}
