package prom

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

// A service check is a gauge; an event is no sample.
func TestChecks(t *testing.T) {
	b := testtick.New(1, false)
	testtick.AddSent(b,
		testtick.Sent{ID: 1, Parent: 1, Name: "db.up", Type: "check", Value: 2, Tags: []string{"host", "h"}},
		testtick.Sent{ID: 2, Parent: 1, Name: "db.up", Type: "c", Value: 9},
	)
	events := frame.Table{Kind: metric.Event, Gen: 1}
	testtick.AddRow(&events, &frame.Row{ID: 1, Parent: 1, Key: "secret title"})[metric.EventTime] = testtick.Time
	b.Tables = append(b.Tables, events)
	text := expose(t, false, false, b)
	parseText(t, text)
	for _, want := range []string{"# TYPE db_up untyped\n",
		`host="h",statsd_separators=".",statsd_type="check"} 2` + "\n",
		`statsd_separators=".",statsd_type="counter"} 9` + "\n"} {
		if !strings.Contains(text, want) {
			t.Errorf("not exposed: %q", want)
		}
	}
	if strings.Contains(text, "secret") || strings.Contains(text, "daytwo_event") {
		t.Error("an event is exposed")
	}
}
