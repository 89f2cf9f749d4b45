package prom

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// A limit that is not set is 0 in every family that shows one, and a quota that is
// not set has no sample. Both scopes of page faults are shown.
func TestLimitsNotSet(t *testing.T) {
	vals := make([]int64, metric.Width(metric.Container))
	for c := range vals {
		vals[c] = metric.Unlimited
	}
	huge := make([]int64, metric.Width(metric.ContainerHugetlb))
	for c := range huge {
		huge[c] = metric.Unlimited
	}
	vals[metric.StatPgfault], vals[metric.StatPgmajfault] = 7, 3
	vals[metric.FailuresPgfault], vals[metric.FailuresPgmajfault] = 5, 2
	vals[metric.MemSoftLimit], vals[metric.MemMin] = metric.Absent, metric.Unlimited
	b := &frame.Batch{Tables: []frame.Table{
		{Kind: metric.Container, Gen: 1, Rows: []*frame.Row{{ID: 1, Key: "/a"}}, Vals: vals},
		{Kind: metric.ContainerHugetlb, Gen: 1, Rows: []*frame.Row{{ID: 2, Parent: 1, Key: "2MB"}}, Vals: huge},
	}}
	var out strings.Builder
	if err := newExposition(false).write(&out, textFormat, nil, b); err != nil {
		t.Fatal(err)
	}
	text := out.String()
	for _, want := range []string{
		`container_spec_memory_limit_bytes{id="/a"} 0`, `container_spec_memory_swap_limit_bytes{id="/a"} 0`,
		`container_spec_memory_reservation_limit_bytes{id="/a"} 0`, `container_spec_memory_high_bytes{id="/a"} 0`,
		`container_spec_memory_low_bytes{id="/a"} 0`, `container_spec_memory_min_bytes{id="/a"} 0`,
		`container_spec_memory_memsw_limit_bytes{id="/a"} 0`, `container_threads_max{id="/a"} 0`,
		`container_memory_failures_total{id="/a",failure_type="pgfault",scope="container"} 5`,
		`container_memory_failures_total{id="/a",failure_type="pgfault",scope="hierarchy"} 7`,
		`container_memory_failures_total{id="/a",failure_type="pgmajfault",scope="container"} 2`,
		`container_memory_failures_total{id="/a",failure_type="pgmajfault",scope="hierarchy"} 3`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%s is missing", want)
		}
	}
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, "container_spec_cpu_quota") ||
			strings.Contains(line, "limit_bytes{") && !strings.HasSuffix(line, " 0\n") {
			t.Errorf("shown: %s", line)
		}
	}
}
