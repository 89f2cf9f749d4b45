package server

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testtick"
)

func TestAgents(t *testing.T) {
	srv := newTestServer(t, testtick.Now(testtick.New(2, false)))
	var answer struct{ Agents []v1.Agent }
	if code := get(t, srv, "/api/v1/agents", &answer); code != 200 || len(answer.Agents) != 1 {
		t.Fatalf("%d, %+v", code, answer)
	}
	a := answer.Agents[0]
	if a.AgentID != testtick.Agent || a.Hostname != "node-1" || a.Stale || a.Containers != 2 || a.Cgroups != 3 ||
		a.Interval != 1 {
		t.Errorf("%+v", a)
	}
	if a.Cores == nil || *a.Cores != 8 || a.CPUUsed == nil || *a.CPUUsed != 1 || *a.Load1 != 1.25 ||
		*a.MemoryAvailable != 8<<30 || *a.Uptime != 3600.5 {
		t.Errorf("values: %+v", a)
	}
}

func TestAgentsBeforeTheFirstTick(t *testing.T) {
	srv := serve(t, Options{Fleet: query.NewLocal("a", "h")})
	resp, body := do(t, srv, "GET", "/api/v1/agents", nil)
	if resp.StatusCode != 200 || body != "{\"agents\":[]}\n" {
		t.Errorf("%d %q", resp.StatusCode, body)
	}
}

func containersOf(t *testing.T, o Options, query string) []v1.Container {
	t.Helper()
	var answer struct{ Containers []v1.Container }
	srv := serve(t, o)
	if code := get(t, srv, "/api/v1/containers"+query, &answer); code != 200 {
		t.Fatalf("status %d", code)
	}
	return answer.Containers
}

func TestContainers(t *testing.T) {
	list := containersOf(t, historyOf(t, testtick.Several(testtick.Agent, 2, 2)...), "")
	if len(list) != 2 {
		t.Fatalf("%d containers", len(list))
	}
	c := list[0]
	if c.Name != "web-0" || c.Image != "registry.example/team/web:1.2.3" || c.TaskID != "web.0" ||
		c.Labels["com.example.team"] != "payments" {
		t.Errorf("identity: %+v", c)
	}
	if c.CPUUsed == nil || math.Abs(*c.CPUUsed-0.5) > 1e-9 || *c.CPULimit != 1.5 || *c.CPUUsage != 5.75 {
		t.Errorf("cpu: %v %v %v", c.CPUUsed, c.CPULimit, c.CPUUsage)
	}
	if *c.MemoryLimit != 512<<20 || *c.MemoryCurrent != 512<<20 || *c.MemoryWorkingSet != 412<<20 ||
		c.MemoryAnon != nil {
		t.Errorf("memory: %+v", c)
	}
	if *c.IORead != 4096 || *c.NetSent != 222 {
		t.Errorf("devices: %+v", c)
	}
	if all := containersOf(t, historyOf(t, testtick.New(2, false)), "?all=1"); len(all) != 3 ||
		all[2].Unit != "cron.service" || all[2].MemoryLimit != nil {
		t.Errorf("all: %+v", all)
	}
}

func TestContainersOfAgents(t *testing.T) {
	h := historyOf(t, append(testtick.Several("b", 1, 3), testtick.Several("a", 2, 2)...)...)
	list := containersOf(t, h, "")
	if len(list) != 3 || list[0].AgentID != "a" || list[2].AgentID != "b" {
		t.Fatalf("%+v", list)
	}
	for _, c := range list {
		if c.CPUUsed == nil || math.Abs(*c.CPUUsed-0.5) > 1e-9 {
			t.Errorf("%s of %s uses %v", c.Name, c.AgentID, c.CPUUsed)
		}
	}
	if only := containersOf(t, h, "?agent=b"); len(only) != 1 {
		t.Errorf("of one agent: %+v", only)
	}
}

func TestNoRateOfACounterThatFell(t *testing.T) {
	ticks := testtick.Several(testtick.Agent, 1, 2)
	ticks[1].Table(metric.Container).Row(0)[metric.CPUUsage] = 1
	if c := containersOf(t, historyOf(t, ticks...), ""); c[0].CPUUsed != nil {
		t.Errorf("a rate of a counter that fell: %v", *c[0].CPUUsed)
	}
}

func TestMatch(t *testing.T) {
	container := testtick.Container(3)
	dev := &frame.Row{ID: 1, Parent: container.ID, Key: "vda", Labels: testtick.Labels("device", "vda")}
	id := container.Label("container_id")
	try := func(match string, want bool) {
		t.Helper()
		f, err := parseMatch(match)
		if err != nil {
			t.Fatalf("%q: %v", match, err)
		}
		if got := f == nil || f(testtick.Agent, container, nil); got != want {
			t.Errorf("%q matches the container: %v", match, got)
		}
		if got := f == nil || f(testtick.Agent, dev, container); got != want {
			t.Errorf("%q matches its device: %v", match, got)
		}
	}
	try("", true)
	try("web", true)
	try("web-3", true)
	try("web-4", false)
	try("team/web", true)
	try("0004", false) // the end of an id of hex digits
	try(id[:12], true)
	try("/docker/0000", true)
	try("docker", true) // the runtime
	try("payments", false)
	try("web-*", true)
	try("web-?", true)
	try("w*3", true)
	try("*b", true)
	try("eb-3*", false)
	try("web-[0-3]", true)
	try("web-[!0-3]", false)
	try("eb[-]3", true) // no wildcard: text
	try("name=web-3", true)
	try("name=web", false)
	try("name=web*,task_id=web.3", true)
	try("name=web*,task_id=other", false)
	try("label.com.example.team=payments", true)
	try("agent_id="+testtick.Agent, true)
	try("cgroup=/docker/*", true)
	try("namespace=", true)
	try("namespace=?*", false)
}

func FuzzParseMatch(f *testing.F) {
	f.Add("web", "a")
	f.Add("name=*,x=?", "b")
	f.Add("=,=", "*")
	f.Fuzz(func(t *testing.T, match, value string) {
		m, err := parseMatch(match)
		if err != nil || m == nil {
			return
		}
		r := &frame.Row{ID: 1, Key: value, Labels: testtick.Labels("name", value)}
		m("agent", r, nil)
		m("agent", r, r)
		if name := value; name != "" && !strings.ContainsAny(name, "*?[,=") && len(name) < 100 {
			if exact, err := parseMatch("name=" + name); err == nil && !exact("agent", r, nil) {
				t.Fatalf("%q does not match itself", name)
			}
		}
	})
}

func queryOf(t *testing.T, o Options, want int, pairs ...string) v1.Matrix {
	t.Helper()
	v := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		v.Set(pairs[i], pairs[i+1])
	}
	var answer struct {
		Status string
		Data   v1.Matrix
	}
	srv := serve(t, o)
	if code := get(t, srv, "/api/v1/query?"+v.Encode(), &answer); code != want {
		t.Errorf("%v: status %d, want %d", pairs, code, want)
	}
	if want == 200 && answer.Status != "success" {
		t.Errorf("status %q", answer.Status)
	}
	return answer.Data
}

func TestQuery(t *testing.T) {
	h := historyOf(t, append(testtick.Several("a", 2, 10), testtick.Several("b", 1, 10)...)...)
	at := func(i int) string {
		return time.Unix(0, testtick.Time+int64(i)*testtick.Interval).UTC().Format(time.RFC3339)
	}
	m := queryOf(t, h, 200, "metric", "cpu.usage", "start", at(0), "end", at(20), "step", "0")
	if m.Metric != "container.cpu.usage" || m.Unit != "seconds" || m.Type != "counter" || len(m.Result) != 5 {
		t.Fatalf("%s %s %s, %d series", m.Metric, m.Unit, m.Type, len(m.Result))
	}
	first := m.Result[0]
	if len(first.Points) != 10 || first.Points[0].Value != 5.25 ||
		!first.Points[9].Time.Equal(time.Unix(0, testtick.Time+9*testtick.Interval)) {
		t.Errorf("%+v", first)
	}
	if first.Labels["name"] != "web-0" || first.Labels["agent_id"] != "a" ||
		first.Labels["__name__"] != "container.cpu.usage" || first.Labels["cgroup"] == "" {
		t.Errorf("labels %v", first.Labels)
	}
	m = queryOf(t, h, 200, "metric", "container_cpu_usage_seconds_total", "match", "name=web-0", "agent", "b",
		"start", "1700000005", "end", "1700000009.5", "rate", "1", "step", "0")
	if len(m.Result) != 1 || len(m.Result[0].Points) != 5 || m.Unit != "seconds/second" {
		t.Fatalf("%+v", m)
	}
	for _, p := range m.Result[0].Points {
		if math.Abs(p.Value-0.5) > 1e-9 {
			t.Errorf("rate %v", p.Value)
		}
	}
	m = queryOf(t, h, 200, "metric", `node_cpu_seconds_total{mode="idle"}`, "agent", "a", "start", at(0), "end", at(1),
		"step", "0")
	if len(m.Result) != 2 || m.Result[0].Labels["mode"] != "idle" || m.Result[0].Points[0].Value != 2.000000001 {
		t.Errorf("%+v", m)
	}
	if m = queryOf(t, h, 200, "metric", "node_cpu_seconds_total", "agent", "a", "start", at(0), "end",
		at(1)); len(m.Result) != 4 {
		t.Errorf("a family of several columns: %d series, want user and idle of two CPUs", len(m.Result))
	}
	m = queryOf(t, h, 200, "metric", "pids.max", "start", at(0), "end", at(1))
	if len(m.Result) == 0 || !math.IsInf(m.Result[0].Points[0].Value, 1) {
		t.Errorf("a limit that is not set: %+v", m)
	}
	m = queryOf(t, h, 200, "metric", "container_net.net.tx.bytes", "match", "web-1", "start", at(0), "end", at(1))
	if len(m.Result) != 1 || m.Result[0].Labels["interface"] != "eth0" || m.Result[0].Labels["task_id"] != "web.1" {
		t.Errorf("a device of a container: %+v", m)
	}
}

// TestQueryByPrometheusNames has the values that /fleet/metrics has.
func TestQueryByPrometheusNames(t *testing.T) {
	ticks := testtick.Several("a", 1, 2)
	for i, b := range ticks {
		row := b.Table(metric.Container).Row(0)
		row[metric.StatInactiveFile], row[metric.CPUWeight], row[metric.MemSWMax] = int64(i+1)<<27, 100,
			metric.Unlimited
	}
	h := historyOf(t, ticks...)
	for name, want := range map[string]float64{
		"container_memory_working_set_bytes":                    1 << 28,
		"container_spec_cpu_quota":                              150_000,
		"container_spec_cpu_period":                             100_000,
		"container_spec_cpu_shares":                             2597,
		"container_threads_max":                                 0,
		"container_spec_memory_swap_limit_bytes":                0,
		"machine_cpu_cores":                                     8,
		`container_blkio_device_usage_total{operation="Write"}`: 8192,
	} {
		m := queryOf(t, h, 200, "metric", name, "start", "1700000000", "end", "1700000001", "step", "0")
		if len(m.Result) != 1 || len(m.Result[0].Points) != 2 {
			t.Errorf("%s: %+v", name, m)
			continue
		}
		if v := m.Result[0].Points[1].Value; v != want {
			t.Errorf("%s = %v, want %v", name, v, want)
		}
	}
}

func TestQueryErrors(t *testing.T) {
	h := historyOf(t, testtick.Several("a", 2, 3)...)
	bad := func(want int, pairs ...string) { t.Helper(); queryOf(t, h, want, pairs...) }
	bad(400)
	bad(400, "metric", "no.such")
	bad(400, "metric", "cpu.user") // of Host, CPU and Container
	bad(400, "metric", "memory.current", "rate", "1")
	bad(400, "metric", "memory.current", "start", "now", "end", "-1h")
	bad(400, "metric", "memory.current", "start", "yesterday")
	bad(400, "metric", "memory.current", "start", "NaN")
	bad(400, "metric", "memory.current", "start", "1e300")
	bad(400, "metric", "memory.current", "start", "-90000h")
	bad(400, "metric", "memory.current", "step", "-1s")
	bad(400, "metric", "memory.current", "step", "x")
	bad(404, "metric", "memory.current", "agent", "nobody")
	for _, ask := range []string{"memory.current", "app:requests", "app:request.time&q=0.5", "app:users&distinct=1"} {
		if code := get(t, serve(t, Options{Fleet: testtick.Local(testtick.New(1, false))}), "/api/v1/query?metric="+ask,
			nil); code != http.StatusNotImplemented {
			t.Errorf("%s: a collector alone answers %d", ask, code)
		}
	}
}

func TestEveryMetricCanBeAskedFor(t *testing.T) {
	for k := metric.Host; k <= metric.MaxKind; k++ {
		for _, m := range metric.Columns(k) {
			for _, name := range []string{k.String() + "." + m.Name, m.Prom} {
				if k == metric.App && name == m.Prom {
					continue // tasks name these families
				}
				cols, err := findColumns(name)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if len(cols) > 0 && cols[0].Metric.Kind != k {
					t.Errorf("%s is found in %s", name, cols[0].Metric.Kind)
				}
			}
		}
	}
}

func FuzzTimeParam(f *testing.F) {
	for _, s := range []string{"now", "-5m", "1700000000.25", "2026-01-02T03:04:05Z", "9e9", "-1", "+1h", "inf",
		"1e-320"} {
		f.Add(s)
	}
	now := time.Unix(1.7e9, 0)
	f.Fuzz(func(t *testing.T, s string) {
		at, err := timeParam(url.Values{"t": {s}}, "t", now, now)
		if err == nil && fmt.Sprint(time.Unix(0, at.UnixNano()).Unix()) != fmt.Sprint(at.Unix()) {
			t.Fatalf("%q: %v does not fit in nanoseconds", s, at)
		}
	})
}
