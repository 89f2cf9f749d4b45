package query

import (
	"maps"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// tagLabels are the labels of a row with tags of names of their own and a list.
func tagLabels(list string, pairs ...string) []frame.Label {
	var labels []frame.Label
	for i := 0; i < len(pairs); i += 2 {
		labels = append(labels, frame.Label{Name: metric.TagLabel + pairs[i], Value: pairs[i+1]})
	}
	if list != "" {
		labels = append(labels, frame.Label{Name: metric.TagsLabel, Value: list})
	}
	return append(labels, frame.Label{Name: "type", Value: "c"})
}

func TestTagMap(t *testing.T) {
	taken := func(name string) bool { return name == "task_id" }
	check := func(labels []frame.Label, pairs ...string) {
		t.Helper()
		want := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			want[pairs[i]] = pairs[i+1]
		}
		if got := TagMap(Tags(labels), taken); !maps.Equal(got, want) {
			t.Errorf("%q: %q, want %q", labels, got, want)
		}
	}
	check(tagLabels(""))
	check(tagLabels("", "env", "true"), "env", "true")
	check(tagLabels("env"), "env", "true", "statsd_tags", "env")
	check(tagLabels("env:"), "env", "")
	check(tagLabels("env:a,env:b", "x", "y"), "env", "a;b", "statsd_tags", "env:a,env:b", "x", "y")
	check(tagLabels("env,env:"), "env", "true", "statsd_tags", "env,env:")
	check(tagLabels("", "env", "a;b"), "env", "a;b")
	check(tagLabels(":x"), "statsd_tags", ":x")
	check(tagLabels("", "a.b", "1"), "a.b", "1")
	check(tagLabels("", "task_id", "1"), "tag_task_id", "1", "statsd_tags", "task_id:1")
	check(tagLabels("", "statsd_tags", "1"), "tag_statsd_tags", "1", "statsd_tags", "statsd_tags:1")
}

func TestTagValue(t *testing.T) {
	labels := tagLabels("b,c:,d:1,d:2,d:", "a", "x")
	var got []string
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		got = append(got, TagValue(labels, name))
	}
	if want := []string{"x", "true", "", "1;2", ""}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
