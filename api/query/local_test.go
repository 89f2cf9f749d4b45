package query_test

import (
	"testing"

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
