package server

import (
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/v1"
	dto "github.com/prometheus/client_model/go"
)

// withLedger is a tick with the ledger of five senders and of all together.
func withLedger() *frame.Batch {
	b := testBatch(2, false)
	l := frame.Table{Kind: metric.Statsd, Gen: 1}
	ledgerRow(&l, 1, 0, "", 31, 5, 0)
	ledgerRow(&l, 2, 1, "/docker/x", 1, 1, 0)
	ledgerRow(&l, 3, 2, "/docker/y", 2, 1, 0)
	ledgerRow(&l, 4, 0, "unknown", 4, 1, 0)
	ledgerRow(&l, 5, 0, "/no/container", 8, 1, 0)
	ledgerRow(&l, 6, 0, "launched", 16, 1, 0)
	l.Rows[5].Labels = []frame.Label{{Name: "container_id", Value: "launched"}, {Name: "task_name", Value: "web"}}
	b.Tables = append(b.Tables, l)
	return b
}

// The ledgers of senders and that of all together are families of their own: the
// sum of either is what there is.
func TestLedgerExposition(t *testing.T) {
	for name, families := range map[string]map[string]*dto.MetricFamily{
		"text": parseText(t, expose(t, true, false, withLedger())), "proto": exposeProto(t, true, withLedger()),
	} {
		sum := func(family string) (n int, sum float64) {
			for _, m := range families[family].GetMetric() {
				sum += sampleValue(m)
			}
			return len(families[family].GetMetric()), sum
		}
		if n, v := sum("daytwo_statsd_accepted_lines_total"); n != 1 || v != 31 {
			t.Errorf("%s: of the node %d samples, %v in all", name, n, v)
		}
		if n, v := sum("container_statsd_accepted_lines_total"); n != 5 || v != 31 {
			t.Errorf("%s: of containers %d samples, %v in all", name, n, v)
		}
		labels := map[float64][2]string{1: {"/docker/x", ""}, 4: {"unknown", ""}, 8: {"/no/container", ""}, 16: {"", "launched"}}
		for _, m := range families["container_statsd_accepted_lines_total"].GetMetric() {
			want, ok := labels[sampleValue(m)]
			id, container := labelValue(m, "id"), labelValue(m, "container_id")
			switch {
			case sampleValue(m) == 1:
				if id != containerRow(0).Key || container != containerRow(0).Label("container_id") {
					t.Errorf("%s: %v", name, m)
				}
			case ok && (id != want[0] || container != want[1]):
				t.Errorf("%s: %v", name, m)
			}
		}
		if n, _ := sum("container_statsd_rejected_lines_total"); n < 5 {
			t.Errorf("%s: %d samples of rejected lines", name, n)
		}
	}
	srv := serve(t, historyOf(t, withLedger()))
	for name, want := range map[string]int{"daytwo_statsd_accepted_lines_total": 1, "container_statsd_accepted_lines_total": 5, "statsd.accepted": 6} {
		var answer struct{ Data v1.Matrix }
		if code := get(t, srv, "/api/v1/query?start=1699999000&end=1700001000&metric="+name, &answer); code != 200 || len(answer.Data.Result) != want {
			t.Errorf("query of %s: %d, %d series, want %d", name, code, len(answer.Data.Result), want)
		}
	}
}
