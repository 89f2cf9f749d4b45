package series

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// told returns the events of the last flush: parent, title, labels and time.
func (r *rig) told() []string {
	r.t.Helper()
	t := r.s.Events()
	if len(t.Vals) != len(t.Rows)*t.Width() {
		r.t.Fatalf("%d rows, %d values", len(t.Rows), len(t.Vals))
	}
	var out []string
	for i, row := range t.Rows {
		for j := range row.Labels {
			if l := row.Labels[j]; l.Name == "" || l.Value == "" || j > 0 && row.Labels[j-1].Name >= l.Name {
				r.t.Errorf("labels %q", row.Labels)
			}
		}
		out = append(out, fmt.Sprintf("%d %s @%d", row.Parent, name(row), t.Row(i)[metric.EventTime]/1e9))
	}
	return out
}

func (r *rig) tells(want ...string) {
	r.t.Helper()
	if got := r.told(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		r.t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}

// An event is returned once, in the tick in which it came, with all its fields.
func TestEvents(t *testing.T) {
	r := newRig(t, Options{})
	r.flush()
	r.tells()
	gen := r.s.Events().Gen
	r.send(1, `_e{4,10}:boom|two\nlines|d:1600000000|h:web|k:key|p:low|s:src|t:error|#b:2,a,b:1,dd.internal.x:y`)
	r.send(3, "_e{1,0}:x||d:-5|p:none|t:bad|h:|#")
	r.flush()
	now := r.now.Unix()
	r.tells("101 boom aggregation_key=key alert_type=error host=web priority=low source_type=src tags=a,b:1,b:2 "+
		"text=two\nlines @1600000000",
		fmt.Sprintf("0 x @%d", now))
	if r.s.Events().Gen == gen {
		t.Error("the generation stays")
	}
	id := r.s.Events().Rows[1].ID
	r.flush()
	r.tells()
	r.send(1, "_e{1,1}:a|b")
	r.flush()
	r.tells(fmt.Sprintf("101 a text=b @%d", now))
	if got := r.s.Events().Rows[0].ID; got <= id {
		t.Errorf("number %d after %d", got, id)
	}
	r.counted("", metric.StatsdEvents, 3)
	r.counted("", metric.StatsdEventsDropped, 0)
	r.balance()
}

// Values that are too long are truncated at a rune, invalid UTF-8 is replaced, and both
// are valid in a frame.
func TestEventsAreCut(t *testing.T) {
	r := newRig(t, Options{})
	title := strings.Repeat("é", mostTitle/2) + "é"
	var tags []string
	for i := range line.MaxTags {
		tags = append(tags, fmt.Sprintf("t%03d:\xff", i))
	}
	r.send(1, fmt.Sprintf("_e{%d,2}:%s|\xffx|h:%s", len(title), title, strings.Repeat("h", mostLabel+1)))
	r.send(1, "_e{1,1}:a|b|#"+strings.Join(tags, ","))
	r.flush()
	rows := r.s.Events().Rows
	if len(rows) != 2 {
		t.Fatalf("%d events", len(rows))
	}
	if rows[0].Key != title[:mostTitle] || rows[0].Label("truncated") != "true" || rows[0].Label("text") != "\uFFFDx" ||
		len(rows[0].Label("host")) != mostLabel {
		t.Errorf("%d bytes of title, %q", len(rows[0].Key), rows[0].Labels)
	}
	if rows[1].Label("tag.t199") != "\uFFFD" || rows[1].Label("truncated") != "" || len(rows[1].Labels) > frame.MaxLabels {
		t.Errorf("%d labels", len(rows[1].Labels))
	}
}

// A status is a gauge. The first status and every change is an event.
func TestServiceChecks(t *testing.T) {
	r := newRig(t, Options{Budget: 2})
	r.send(1, `_sc|db.up|0|d:1600000000|h:web|#env:prod|m:fine\nm\:ok`)
	r.send(1, "_sc|db.up|0|h:web|#env:prod")
	r.flush()
	row := "db.up tag.env=prod tag.host=web type=check"
	r.value(row, metric.AppValue, 0)
	r.value(row, metric.AppSamples, 2)
	r.value(row, metric.AppUpdated, float64(r.now.Unix()))
	r.tells("101 db.up is ok alert_type=success check=db.up host=web message=fine\nm:ok status=ok tag.env=prod " +
		"tag.host=web @1600000000")
	r.now = r.now.Add(time.Second)
	r.send(1, "_sc|db.up|2|d:1600000001|h:web|#env:prod")
	r.send(1, "_sc|db.up|2|h:web|#env:prod")
	r.send(1, "_sc|db.up|1|h:web|#env:prod")
	r.flush()
	r.value(row, metric.AppValue, 1)
	r.tells("101 db.up is critical, was ok alert_type=error check=db.up host=web status=critical tag.env=prod "+
		"tag.host=web @1600000001",
		fmt.Sprintf("101 db.up is warning, was critical alert_type=warning check=db.up host=web status=warning "+
			"tag.env=prod tag.host=web @%d", r.now.Unix()))
	r.counted("", metric.StatsdServiceChecks, 5)
	r.counted("", metric.StatsdStatusChanges, 3)

	r.send(1, "_sc|db.up|3\ndb.up:1|c\n_sc|beyond|2\n_sc|beyond|0") // two series, and no budget for more
	r.flush()
	r.tells(fmt.Sprintf("101 db.up is unknown alert_type=info check=db.up status=unknown @%d", r.now.Unix()))
	r.counted("", metric.StatsdOverflowed, 3)
	r.value("daytwo.statsd.overflow type=check", metric.AppSamples, 2)
	r.balance()
	r.now = r.now.Add(2 * time.Hour)
	r.flush()
	if r.find(row) >= 0 {
		t.Error("a silent check stays")
	}
	r.send(1, "_sc|db.up|1|h:web|#env:prod")
	r.flush()
	if got := r.told(); len(got) != 1 || !strings.Contains(got[0], "db.up is warning alert") {
		t.Errorf("%q", got)
	}
}

// A check and a metric may have the same name: they are two series and count as a
// conflict.
func TestServiceCheckAndMetricOfOneName(t *testing.T) {
	r := newRig(t, Options{})
	r.send(1, "up:5|g\n_sc|up|2\nup:6|s")
	r.flush()
	r.value("up type=g", metric.AppValue, 5)
	r.value("up type=check", metric.AppValue, 2)
	r.value("up type=s", metric.AppValue, 1)
	r.counted("", metric.StatsdTypeConflicts, 2)
}

// The event of an unknown sender waits one tick for it to become known.
func TestEventsWaitForNames(t *testing.T) {
	named := map[uint32]bool{1: true}
	r := newRig(t, Options{
		Named: func(origin uint32) bool { return named[origin] },
		Key:   func(origin uint32) string { return fmt.Sprint("/x/", origin) },
		Labels: func(origin uint32) []frame.Label {
			if origin == 4 {
				return nil
			}
			return []frame.Label{{Name: "container_id", Value: "c"}, {Name: "zone", Value: "z"}}
		},
	})
	r.send(1, "_e{1,0}:a|")
	r.send(2, "_e{1,0}:b|")
	r.send(3, "_e{1,0}:c|")
	r.send(0, "_e{1,0}:d|")
	at := fmt.Sprintf(" @%d", r.now.Unix())
	r.flush()
	r.tells("101 a"+at, "0 d"+at)
	r.send(3, "_e{1,4}:e|text|#x:y")
	named[2], r.parent[2] = true, 202
	r.flush()
	r.tells("202 b"+at, "0 c container_id=c zone=z"+at)
	r.flush()
	r.tells("0 e container_id=c tag.x=y text=text zone=z" + at)
	r.send(4, "_e{1,0}:f|")
	r.flush()
	r.flush()
	r.tells("0 f cgroup=/x/4" + at)
}

// A flood of events is limited. Dropped events are counted for their senders, and other
// senders keep their room: one that sends no more than its fair share loses nothing.
func TestEventFlood(t *testing.T) {
	for _, text := range []int{10, 7000} { // either the number or the bytes reach the limit
		r := newRig(t, Options{})
		flood := fmt.Sprintf("_e{5,%d}:flood|%s", text, strings.Repeat("x", text))
		r.send(2, "_e{4,4}:calm|text")
		for range 1000 {
			r.send(1, flood)
		}
		r.send(3, "_e{5,4}:quiet|text")
		for range 1000 {
			r.send(1, flood)
			r.send(4, flood)
		}
		r.flush()
		rows := r.s.Events().Rows
		seen, bytes := map[string]int{}, 0
		for _, row := range rows {
			seen[fmt.Sprint(row.Key, row.Parent)]++
			bytes += len(row.Key) + len(row.Label("text"))
		}
		if len(rows) > mostEvents || bytes > mostEventBytes {
			t.Errorf("%d events of %d bytes", len(rows), bytes)
		}
		if len(rows) < mostEvents && bytes < mostEventBytes-2*text {
			t.Errorf("only %d events of %d bytes", len(rows), bytes)
		}
		if seen["calm102"] != 1 || seen["quiet0"] != 1 {
			t.Errorf("the others: %v", seen)
		}
		one, other := seen["flood101"], seen["flood0"]
		if fair := min(mostEvents/4, mostEventBytes/4/(len("flood")+text)); one+other != len(rows)-2 || one < fair ||
			other < fair {
			t.Errorf("%d and %d of those who flood", one, other)
		}
		r.counted("", metric.StatsdEvents, 3002)
		r.counted("", metric.StatsdEventsDropped, int64(3002-len(rows)))
		r.counted("1", metric.StatsdEventsDropped, int64(2000-one))
		r.counted("4", metric.StatsdEventsDropped, int64(1000-other))
		r.counted("2", metric.StatsdEventsDropped, 0)
		r.balance()
		r.flush()
		r.tells()
		if q := &r.s.events; q.bytes != 0 || len(q.shares) != 0 || len(q.pending) != 0 {
			t.Errorf("left: %+v", q)
		}
	}
}

// More senders than there is room for, from several workers at once.
func TestEventFloodOfManySenders(t *testing.T) {
	const senders, workers = 1000, 4
	r := newRig(t, Options{Workers: workers})
	done := make(chan bool)
	for i := range workers {
		go func() {
			w := r.s.Worker(i)
			for o := range uint32(senders) {
				w.Begin()
				receive(w, r.p, o+1, []byte("_e{1,1}:a|b\n_sc|c|1\n_sc|c|0"), r.now.UnixNano())
				w.End()
			}
			done <- true
		}()
	}
	told := 0
	for ended := 0; ended < workers; {
		select {
		case <-done:
			ended++
		default:
			r.flush()
			told += len(r.s.Events().Rows)
		}
	}
	r.flush()
	told += len(r.s.Events().Rows)
	v := r.ledger.Row(0)
	if lost := v[metric.StatsdEventsDropped]; v[metric.StatsdEvents] != senders*workers ||
		int64(told)+lost != v[metric.StatsdEvents]+v[metric.StatsdStatusChanges] {
		t.Errorf("%d events and %d changes, %d told and %d lost", v[metric.StatsdEvents], v[metric.StatsdStatusChanges],
			told, lost)
	}
	r.balance()
}
