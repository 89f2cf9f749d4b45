package statsd

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/intake"
	"github.com/daytwo/daytwo/collector/statsd/origin"
	"github.com/daytwo/daytwo/collector/statsd/series"
)

// panicRig is a server whose log is recorded.
func panicRig(t *testing.T) (*rig, *strings.Builder, uint16) {
	t.Helper()
	log := new(strings.Builder)
	r := newRig(t, Options{NoBPF: true, Log: slog.New(slog.NewTextHandler(log, nil))})
	c, err := r.table.Add(launch.Request{ContainerID: "c1"})
	if err != nil {
		t.Fatal(err)
	}
	return r, log, c.StatsdPort
}

// balanced ticks, and checks that every received line is accounted for.
func (r *rig) balanced(received, panicked int64) (app, ledger frame.Table) {
	r.t.Helper()
	app, ledger = r.await(received)
	for i, row := range ledger.Rows {
		v := ledger.Row(i)
		sum := v[metric.StatsdAccepted] + v[metric.StatsdShed]
		for _, m := range metric.Columns(metric.Statsd) {
			if strings.HasPrefix(m.Name, "statsd.rejected.") {
				sum += v[m.Column]
			}
		}
		if sum != v[metric.StatsdReceived] {
			r.t.Errorf("%q: %d received, %d accounted for: %v", row.Key, v[metric.StatsdReceived], sum, v)
		}
	}
	if n := ledger.Row(0)[metric.StatsdRejectedPanic]; n != panicked {
		r.t.Errorf("%d lines rejected for a panic, want %d", n, panicked)
	}
	self := make([]int64, metric.Width(metric.Collector))
	if r.Fill(self); (self[metric.SelfStatsdPanics] > 0) != (panicked > 0) {
		r.t.Errorf("%d panics are counted", self[metric.SelfStatsdPanics])
	}
	return app, ledger
}

// told checks that the log has one short stack that names a function.
func told(t *testing.T, log, function string) {
	t.Helper()
	if n := strings.Count(log, "panicked"); n != 1 || !strings.Contains(log, "level=ERROR") ||
		!strings.Contains(log, function) || len(log) > 3*maxStack {
		t.Errorf("%d panics are logged, want 1 with %s:\n%s", n, function, log)
	}
}

// A panic while a series is created, with the store locked, loses only that line.
func TestPanicOverALine(t *testing.T) {
	r, log, port := panicRig(t)
	boom := true
	r.store = series.New(series.Options{Workers: 2, Log: r.log, Labels: func(uint32) []frame.Label {
		if boom {
			panic("no labels today")
		}
		return nil
	}})
	from := intake.Source{Port: port}
	r.handle(0, []intake.Packet{
		{Data: []byte("a:1|c\nb:1|c\nbad\nc:1|c|c:x"), Source: from}, {Data: []byte("_sc|up|0\nd:1|s"), Source: from},
	})
	boom = false
	r.handle(0, []intake.Packet{{Data: []byte("a:1|c\nb:1|c\nc:1|c\nd:1|s"), Source: from}})
	app, _ := r.balanced(10, 5)
	if len(app.Rows) != 4 || value(t, app, "a", "c") != 1 {
		t.Errorf("%d series", len(app.Rows))
	}
	told(t, log.String(), "newRow")
}

// A panic in the parser loses only the lines that cause it, whatever comes before and
// after them.
func TestPanicInTheParser(t *testing.T) {
	r, log, port := panicRig(t)
	broken, err := r.in.ListenUDP(intake.UDP{Address: netip.MustParseAddrPort("127.0.0.1:0")})
	if err != nil {
		t.Fatal(err)
	}
	own := r.own
	r.own = nil // so that the listener has no parser at all
	good := intake.Source{Port: port}
	r.setParser(r.in.Listeners()[0], own)
	r.handle(0, []intake.Packet{
		{Data: []byte("a:1|c"), Source: good},
		{Data: []byte("a:1|c\n\na:2|c\n"), Source: intake.Source{Port: port, Listener: broken.Number}},
		{Data: []byte("a:1|c"), Source: good},
	})
	r.own = own
	app, _ := r.balanced(4, 2)
	if v := value(t, app, "a", "c"); v != 2 {
		t.Errorf("a is %v", v)
	}
	told(t, log.String(), "Parse")
}

// A panic while looking up the sender of a packet loses that packet, which counts for
// the unknown sender.
func TestPanicOverASender(t *testing.T) {
	r, log, port := panicRig(t)
	table := r.table
	r.table = new(origin.Table) // has no cache of processes
	r.handle(0, []intake.Packet{
		{Data: []byte("a:1|c\nb:1|c\r\n"), Source: intake.Source{PID: uint32(os.Getpid())}},
		{Data: []byte("a:1|c"), Source: intake.Source{Port: port}},
	})
	r.shed(&intake.Source{PID: uint32(os.Getpid())}, 1, 3, 20)
	r.table = table
	app, ledger := r.balanced(6, 2)
	if v := value(t, app, "a", "c"); v != 1 {
		t.Errorf("a is %v", v)
	}
	if v := ledger.Row(0); v[metric.StatsdPackets] != 3 || v[metric.StatsdShed] != 3 {
		t.Errorf("%v", v)
	}
	told(t, log.String(), "process")
}

// If there are many panics, not all of them are logged, and no lock is left held: ticks
// and receiving continue.
func TestManyPanics(t *testing.T) {
	r, log, port := panicRig(t)
	ticking := false
	odd := func(n uint32) []frame.Label {
		if !ticking {
			panic(n)
		}
		return nil
	}
	r.store = series.New(series.Options{Workers: 2, Budget: 3, Log: r.log, Labels: odd,
		Rules: mustRules(t, `mappings: [{match: "m.*", name: "$1"}]`)})
	received := int64(0)
	for i := range 200 {
		var b []byte
		for _, l := range []string{"a%d:1|c", "m.a%d:1|g", "_sc|c%d|1", "h%d:1:2|ms|#x,y:1", "_e{1,%d}:a|b"} {
			b = append(fmt.Appendf(b, l, i%7), '\n')
		}
		r.handle(0, []intake.Packet{{Data: b, Source: intake.Source{Port: port}}})
		received += 5
		if i%50 == 0 {
			ticking = true
			r.await(received)
			ticking = false
		}
	}
	ticking = true
	_, ledger := r.await(received)
	if v := ledger.Row(0); v[metric.StatsdRejectedPanic] != 4*200 {
		t.Errorf("%v", v)
	}
	if n := strings.Count(log.String(), "panicked"); n != 1 {
		t.Errorf("%d panics are logged", n)
	}
}

func mustRules(t *testing.T, text string) *series.Rules {
	t.Helper()
	rules, err := series.ReadRules(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return rules
}
