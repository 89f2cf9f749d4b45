package statsd

import (
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/intake"
)

// fakeClock is a clock whose wall time can be set.
type fakeClock struct{ steady, skew atomic.Int64 }

func (c *fakeClock) read() (wall, steady int64) {
	s := c.steady.Load()
	return s + c.skew.Load(), s
}

// Setting the wall clock must not change anything: series stay, and expire after an hour
// without samples; counters increase; the minutes of sets are minutes; the ledger
// balances. The time of the last sample is the wall clock's.
// balances; the time of the last sample is by the clock as it is.
func TestClockSteps(t *testing.T) {
	for _, step := range []time.Duration{0, 3 * time.Hour, -3 * time.Hour, 26 * time.Hour, -400 * 24 * time.Hour,
		40 * time.Second, -time.Second} {
		t.Run(step.String(), func(t *testing.T) { steps(t, step) })
	}
}

func steps(t *testing.T, step time.Duration) {
	c := &fakeClock{}
	c.steady.Store(1_800_000_000e9 + 5e9)
	r := newRig(t, Options{NoBPF: true, clock: c.read})
	lines, last := int64(0), 0.0
	send := func(text ...string) {
		for _, s := range text {
			r.handle(0, []intake.Packet{{Data: []byte(s)}})
			lines++
		}
	}
	tick := func() (app frame.Table) {
		t.Helper()
		wall, _ := c.read()
		app, ledger := r.Tick(time.Unix(0, wall), r.parent)
		if v := ledger.Row(0); v[metric.StatsdReceived] != lines || v[metric.StatsdAccepted] != lines {
			t.Fatalf("%d lines were sent: %v", lines, v)
		}
		return app
	}
	pass := func(d time.Duration) { c.steady.Add(int64(d)) }
	count := func(app frame.Table) {
		t.Helper()
		v := value(t, app, "count", "c")
		if v < last || v > last+1 {
			t.Fatalf("the counter goes from %v to %v", last, v)
		}
		last = v
	}
	members := func(app frame.Table, want float64) {
		t.Helper()
		if v := value(t, app, "set", "s"); v != want {
			t.Fatalf("the set has %v members, want %v", v, want)
		}
	}

	for i := range 70 { // a minute with 60 members, and 10 seconds of the next minute
		send("count:1|c", fmt.Sprintf("set:%d|s", i))
		count(tick())
		pass(time.Second)
	}
	send("old:1|g", "stamped:1|g|T1234567890")
	pass(30 * time.Minute)
	send("set:a|s", "set:b|s", "count:1|c", "young:1|g")
	count(tick())

	c.skew.Add(int64(step))
	send("set:c|s", "count:1|c") // arrives before the tick that detects the change
	app := tick()
	count(app)
	members(app, 3)
	wall, _ := c.read()
	for i, row := range app.Rows {
		want := wall
		switch row.Key {
		case "old":
			want = wall - int64(30*time.Minute)
		case "stamped":
			want = 1234567890e9
		}
		if got := app.Row(i)[metric.AppUpdated]; got != want {
			t.Errorf("%s came at %v, want %v", row.Key, time.Unix(0, got), time.Unix(0, want))
		}
	}
	if value(t, app, "old", "g") != 1 || value(t, app, "young", "g") != 1 {
		t.Error("something went early")
	}
	pass(29 * time.Minute)
	if app := tick(); value(t, app, "old", "g") != 1 {
		t.Error("it went after 59 minutes")
	}
	pass(2 * time.Minute)
	send("count:1|c")
	app = tick()
	count(app)
	for _, row := range app.Rows {
		if row.Key == "old" || row.Key == "stamped" {
			t.Errorf("%s is there after 61 minutes", row.Key)
		}
	}
	if value(t, app, "young", "g") != 1 {
		t.Error("the younger one went with it")
	}
	c.skew.Store(0) // and set it back
	send("count:1|c")
	app = tick()
	count(app)
	pass(time.Hour + time.Minute)
	if app = tick(); len(app.Rows) != 0 {
		t.Errorf("%d series live on", len(app.Rows))
	}
}
