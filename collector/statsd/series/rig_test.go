package series

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// start is at a whole minute.
var start = time.Unix(1_700_000_040, 0)

// rig is a store with a parser, and a clock.
type rig struct {
	t      testing.TB
	s      *Store
	p      *line.Parser
	now    time.Time
	parent map[uint32]uint64
	app    frame.Table
	ledger frame.Table
}

func newRig(t testing.TB, o Options) *rig {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &rig{t: t, s: New(o), p: line.New(line.Options{GaugeDelta: true}), now: start,
		parent: map[uint32]uint64{1: 101, 2: 102}}
}

// send adds the lines of a packet, as the server does.
func (r *rig) send(origin uint32, packet string) {
	w := r.s.Worker(0)
	w.Begin()
	defer w.End()
	receive(w, r.p, origin, []byte(packet), r.now.UnixNano())
}

func receive(w *Worker, p *line.Parser, origin uint32, packet []byte, now int64) {
	w.Packet(origin, len(packet))
	var l line.Line
	for {
		var text []byte
		if text, packet = line.Next(packet); len(text) == 0 {
			return
		}
		if reason := p.Parse(text, &l); reason != line.Accepted {
			w.Reject(origin, reason, text, now)
		} else {
			w.Line(origin, p, &l, now)
		}
	}
}

func (r *rig) flush() {
	r.app, r.ledger = r.s.Flush(r.now, func(origin uint32) uint64 { return r.parent[origin] })
	if len(r.app.Vals) != len(r.app.Rows)*r.app.Width() ||
		len(r.app.Histograms) != 0 && len(r.app.Histograms) != len(r.app.Rows) ||
		len(r.app.Sets) != 0 && len(r.app.Sets) != len(r.app.Rows) ||
		len(r.ledger.Vals) != len(r.ledger.Rows)*r.ledger.Width() {
		r.t.Fatalf("%d rows, %d values, %d histograms, %d sets", len(r.app.Rows), len(r.app.Vals), len(r.app.Histograms),
			len(r.app.Sets))
	}
	for i, row := range r.app.Rows { // the sketch from which a set's value is estimated is in the table
		isSet := row.Label("type") == "s"
		switch has := len(r.app.Sets) > 0 && r.app.Sets[i] != nil; {
		case has != isSet:
			r.t.Fatalf("%s: a set goes along: %v", name(row), has)
		case has && metric.FromFloat(r.app.Sets[i].Estimate()) != r.app.Row(i)[metric.AppValue]:
			r.t.Fatalf("%s: the set has %v", name(row), r.app.Sets[i].Estimate())
		}
	}
}

// name returns a row as text: parent, key and labels.
func name(row *frame.Row) string {
	var b strings.Builder
	b.WriteString(row.Key)
	for _, l := range row.Labels {
		b.WriteString(" " + l.Name + "=" + l.Value)
	}
	return b.String()
}

// find returns the index of a row written as by name, or -1 if there is none.
func (r *rig) find(want string) int {
	r.t.Helper()
	at := -1
	for i, row := range r.app.Rows {
		if name(row) == want {
			if at >= 0 {
				r.t.Fatalf("two rows %q", want)
			}
			at = i
		}
	}
	return at
}

// value checks a column of a row; Absent is written as -1e99.
func (r *rig) value(row string, column int, want float64) {
	r.t.Helper()
	i := r.find(row)
	if i < 0 {
		var all []string
		for _, row := range r.app.Rows {
			all = append(all, name(row))
		}
		r.t.Fatalf("no row %q in %q", row, all)
	}
	v := r.app.Row(i)[column]
	got := absent
	if v != metric.Absent {
		got = metric.Columns(metric.App)[column].Value(v)
		if column == metric.AppUpdated {
			got = float64(v) / 1e9
		}
	}
	if got != want {
		r.t.Errorf("%s: %s is %v, want %v", row, metric.Columns(metric.App)[column].Name, got, want)
	}
}

const absent = -1e99

// counted checks a column of the ledger of a container ("" for all).
func (r *rig) counted(key string, column int, want int64) {
	r.t.Helper()
	for i, row := range r.ledger.Rows {
		if row.Key == key {
			if got := r.ledger.Row(i)[column]; got != want {
				r.t.Errorf("ledger of %q: %s is %d, want %d", key, metric.Columns(metric.Statsd)[column].Name, got, want)
			}
			return
		}
	}
	r.t.Errorf("no ledger of %q", key)
}

// balance checks that every ledger's lines add up.
func (r *rig) balance() {
	r.t.Helper()
	for i, row := range r.ledger.Rows {
		v := r.ledger.Row(i)
		sum := v[metric.StatsdAccepted] + v[metric.StatsdShed]
		for c := metric.StatsdRejectedEmpty; c <= metric.StatsdRejectedSyntax; c++ {
			sum += v[c]
		}
		if sum != v[metric.StatsdReceived] {
			r.t.Fatalf("ledger of %q: %d received, %d accounted for", row.Key, v[metric.StatsdReceived], sum)
		}
	}
}
