package logs

import (
	"fmt"
	"reflect"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/query"
)

// What the index counts and lists is what reading each entry does.
func TestFacetsByIndex(t *testing.T) {
	tw := newTwin(t, 5, 400)
	ctx := t.Context()
	for _, c := range []struct {
		q     query.LogQuery
		index bool
	}{
		{query.LogQuery{}, true},
		{query.LogQuery{Units: []string{"ssh.service"}}, true},
		{query.LogQuery{Units: []string{"*.service"}, Priority: &query.PriorityRange{Max: 3}}, true},
		{query.LogQuery{Priority: &query.PriorityRange{Min: 5, Max: 7}}, true},
		{query.LogQuery{Matches: []string{"_UID=0", "+", "PRIORITY=3"}}, true},
		{query.LogQuery{Since: longAgo + 50_000, Until: longAgo + 301_000}, true},
		{query.LogQuery{Boot: boot2, Units: []string{"cron.service"}}, true},
		{query.LogQuery{Containers: []string{ids[0]}}, false},
		{query.LogQuery{Grep: "error"}, false},
		{query.LogQuery{Scope: &query.LogScope{
			Selectors: [][]query.LogCondition{{{Tag: "task_name", Patterns: []string{"web"}}}}}}, false},
	} {
		o, p, err := tw.n.plan(ctx, &c.q)
		if err != nil {
			t.Fatal(err)
		}
		if o.indexed(p) != c.index {
			t.Errorf("%+v: by index is %v, want %v", c.q, !c.index, c.index)
		}
		want := &buckets{step: 20_000, all: map[int64]*query.LogBucket{}}
		fields := []string{"PRIORITY", "_UID", "_SYSTEMD_UNIT", "_SYSTEMD_CGROUP", "NUMBER"}
		values := map[string][]string{}
		err = o.each(ctx, p, false, func(w *state, usec int64) bool {
			for _, f := range w.fields {
				if v := string(f.Value); slices.Contains(fields, f.Name) && !slices.Contains(values[f.Name], v) {
					values[f.Name] = append(values[f.Name], v)
				}
			}
			return want.add(usec, priorityOf(w.fields))
		})
		tw.n.release()
		if err != nil {
			t.Fatal(err)
		}
		got, err := tw.n.Histogram(ctx, &c.q, 20_000)
		if err != nil || !reflect.DeepEqual(got, want.list()) || len(got) < 3 {
			t.Errorf("%+v: got %v, want %v, error %v", c.q, got, want.list(), err)
		}
		for _, f := range fields {
			slices.Sort(values[f])
			got, err := tw.n.Values(ctx, &c.q, f, 1000)
			if err != nil || fmt.Sprint(got) != fmt.Sprint(values[f]) {
				t.Errorf("%+v: values of %s are %q, want %q, error %v", c.q, f, got, values[f], err)
			}
		}
	}
}

// An entry with two priorities counts once, as its first one says.
func TestHistogramOfSeveralPriorities(t *testing.T) {
	dir := t.TempDir()
	numbered(t, dir, 20, func(i int) []string {
		if i%4 == 0 {
			return []string{"PRIORITY=2", "PRIORITY=5"}
		}
		if i%4 == 1 {
			return nil
		}
		return []string{"PRIORITY=3"}
	})
	got, err := node(t, nil, dir).Histogram(t.Context(), &query.LogQuery{}, 1e9)
	var sum [8]uint64
	for _, b := range got {
		for i, n := range b.Counts {
			sum[i] += n
		}
	}
	if err != nil || sum != [8]uint64{2: 5, 3: 10, 6: 5} {
		t.Errorf("got %v, error %v", sum, err)
	}
}
