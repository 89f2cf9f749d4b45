package series

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/collector/statsd/line"
)

// Whatever is sent, events are valid rows of a frame, and each event is either returned
// once or counted as dropped.
func FuzzEvents(f *testing.F) {
	for _, s := range []string{"_e{1,1}:a|b|#x:1,x:2,y|h:h|k:k|s:s|p:low|t:error|d:9", "_sc|a|2|m:x\\ny|h:h|#host:z",
		"_e{2,2}:\xff\xff|\\n|#\xfe:\xfd,:,a:", "_e{1,0}:a||d:99999999999999999", "_sc|\xff|0|d:-1"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		r := newRig(t, Options{Budget: 3})
		told := 0
		ids := map[uint64]bool{}
		for i, s := range []string{one, two, one} {
			r.send(uint32(i), s)
			if i == 1 {
				continue
			}
			r.flush()
			r.balance()
			for k, row := range r.s.Events().Rows {
				if ids[row.ID] || row.ID == 0 || row.Key == "" || !utf8.ValidString(row.Key) || r.s.Events().Vals[k] <= 0 {
					t.Fatalf("row %+v", row)
				}
				ids[row.ID] = true
				for k, l := range row.Labels {
					if l.Name == "" || l.Value == "" || !utf8.ValidString(l.Name+l.Value) || k > 0 && l.Name <= row.Labels[k-1].Name {
						t.Fatalf("labels %q", row.Labels)
					}
				}
				told++
			}
		}
		v := r.ledger.Row(0)
		if int64(told)+v[metric.StatsdEventsDropped] != v[metric.StatsdEvents]+v[metric.StatsdStatusChanges] {
			t.Fatalf("%d told: %v", told, v)
		}
	})
}

// Whatever is sent, the tables are valid, and a line made from the form in a series' row
// belongs to that series.
func FuzzForm(f *testing.F) {
	for _, s := range []string{"a:1|c|#x:1,x:2,y", "a:1|g|#,:,a:", "\xff:1|c|#\xfe:\xfd", "a:1|s|#dd.internal.x:1,b",
		"a:1:2|ms|#x:1;2,x:1", "a:1|c|#type:x,tag.a:b", "daytwo.statsd.overflow:1|c"} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, one, two string) {
		r := newRig(t, Options{Budget: 3})
		for _, s := range []string{one, two, one} {
			r.send(1, s)
		}
		r.flush()
		r.balance()
		seen := map[string]bool{}
		for i, row := range r.app.Rows {
			id := fmt.Sprintf("%q %q", row.Key, row.Labels)
			if seen[id] {
				t.Fatalf("two rows %s", id)
			}
			seen[id] = true
			if !utf8.ValidString(row.Key) || row.Key == "" || row.ID == 0 {
				t.Fatalf("row %+v", row)
			}
			var tags []string
			for k, l := range row.Labels {
				if l.Value == "" || !utf8.ValidString(l.Name+l.Value) || k > 0 && l.Name <= row.Labels[k-1].Name {
					t.Fatalf("labels %q", row.Labels)
				}
				if name, ok := strings.CutPrefix(l.Name, metric.TagLabel); ok {
					tags = append(tags, name+":"+l.Value)
				} else if l.Name == metric.TagsLabel {
					tags = append(tags, metric.SplitTags(l.Value)...)
				}
			}
			if row.Key == overflowName || strings.ContainsAny(row.Key, ":|\n") {
				continue
			}
			again := fmt.Sprintf("%s:7|%s|#%s", row.Key, row.Label("type"), strings.Join(tags, ","))
			before := r.app.Row(i)[metric.AppSamples]
			var l line.Line
			if r.p.Parse([]byte(again), &l) != line.Accepted || strings.Contains(again, "\n") ||
				strings.Contains(again, "#dd.internal.") || strings.Contains(again, ",dd.internal.") {
				continue
			}
			r.send(1, again)
			r.flush()
			if n := r.app.Row(i)[metric.AppSamples]; n != before+1 {
				t.Fatalf("%q did not reach %s: %d samples", again, id, n-before)
			}
		}
	})
}
