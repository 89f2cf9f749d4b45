package prom

import (
	"testing"

	"github.com/daytwo/daytwo/bench/rig/testtick"
	dto "github.com/prometheus/client_model/go"
)

// The ledgers of senders and that of all together are families of their own: the
// sum of either is what there is.
func TestLedgerExposition(t *testing.T) {
	for name, families := range map[string]map[string]*dto.MetricFamily{
		"text":  parseText(t, expose(t, true, false, testtick.WithLedger())),
		"proto": exposeProto(t, true, testtick.WithLedger()),
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
		labels := map[float64][2]string{1: {"/docker/x", ""}, 4: {"unknown", ""}, 8: {"/no/container", ""},
			16: {"", "launched"}}
		for _, m := range families["container_statsd_accepted_lines_total"].GetMetric() {
			want, ok := labels[sampleValue(m)]
			id, container := labelValue(m, "id"), labelValue(m, "container_id")
			switch {
			case sampleValue(m) == 1:
				if id != testtick.Container(0).Key || container != testtick.Container(0).Label("container_id") {
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
}
