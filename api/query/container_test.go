package query_test

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

func TestNestedContainers(t *testing.T) {
	table := frame.Table{Kind: metric.Container}
	for i, c := range []struct{ key, id string }{
		{"/mesos/p/mesos/c", "p.c"}, {"/mesos/p", "p"}, {"/mesos/p/init", "p"}, {"/mesos/x.c", "x.c"},
	} {
		testtick.AddRow(&table, &frame.Row{ID: uint64(i + 1), Key: c.key,
			Labels: testtick.Labels("container_id", c.id)})
	}
	for id, want := range map[string]int{"p": 1, "p.c": 0, "x.c": 3, "nobody": -1, "": -1} {
		if got := query.FindContainer(&table, id); got != want {
			t.Errorf("%q is row %d, want %d", id, got, want)
		}
	}
}
