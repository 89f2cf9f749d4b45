package query_test

import (
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// TestLocalIsSeenWhole reads while ticks are written: a reader must never see
// two ticks mixed.
func TestLocalIsSeenWhole(t *testing.T) {
	l := testtick.Local(testtick.Several(testtick.Agent, 20, 1)...)
	write := func(tick int64) {
		l.Update(func(b *frame.Batch) {
			b.Seq++
			b.Time = tick
			t := b.Table(metric.Container)
			for r := range t.Rows {
				t.Row(r)[metric.CPUUsage] = tick
			}
		})
	}
	write(0)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 300 {
			write(int64(i))
		}
	}()
	for {
		select {
		case <-done:
			return
		default:
		}
		b, err := query.Snapshot(l, testtick.Agent)
		if err != nil {
			t.Fatal(err)
		}
		table := b.Table(metric.Container)
		for r := range table.Rows {
			if v := table.Row(r)[metric.CPUUsage]; v != table.Row(0)[metric.CPUUsage] {
				t.Fatal("a tick is seen half written")
			}
		}
		query.Release(b)
	}
}

// A tick that does not end keeps no reader waiting for long, and its agent is known.
func TestLocalIsStalled(t *testing.T) {
	l := testtick.Local(testtick.Several(testtick.Agent, 20, 1)...)
	release, filling := make(chan struct{}), make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		l.Update(func(*frame.Batch) { close(filling); <-release })
	}()
	<-filling
	began := time.Now()
	if a := l.Agents(); len(a) != 1 || a[0].ID != testtick.Agent || a[0].Containers != 20 {
		t.Errorf("agents %+v", a)
	}
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("the agents took %v", took)
	}
	if _, err := query.Snapshot(l, testtick.Agent); err != query.ErrStalled {
		t.Errorf("%v, want ErrStalled", err)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("the reader waited %v", took)
	}
	close(release)
	<-done
	if _, err := query.Snapshot(l, testtick.Agent); err != nil {
		t.Error(err)
	}
}

// A tick that panics while it is filled is not shown.
func TestLocalPanics(t *testing.T) {
	l := testtick.Local(testtick.Several(testtick.Agent, 20, 1)...)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic is swallowed")
			}
		}()
		l.Update(func(b *frame.Batch) { b.Tables = b.Tables[:1]; panic("half") })
	}()
	if _, err := query.Snapshot(l, testtick.Agent); err != query.ErrNoTick {
		t.Errorf("%v, want ErrNoTick", err)
	}
	l.Update(func(b *frame.Batch) { b.Seq = 7 })
	if _, err := query.Snapshot(l, testtick.Agent); err != nil {
		t.Error(err)
	}
}
