package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/v1"
	"google.golang.org/protobuf/encoding/protowire"
)

// point finds a datapoint by name and tags.
func point(m *v1.Metrics, name string, tags ...string) *v1.Datapoint {
	for i, d := range m.Datapoints {
		ok := d.Name == name
		for j := 0; j < len(tags); j += 2 {
			ok = ok && d.Tags[tags[j]] == tags[j+1]
		}
		if ok {
			return &m.Datapoints[i]
		}
	}
	return nil
}

func wantPoint(t *testing.T, m *v1.Metrics, value float64, unit, name string, tags ...string) {
	t.Helper()
	d := point(m, name, tags...)
	if d == nil {
		t.Errorf("%s %v is missing", name, tags)
		return
	}
	if d.Value != value || d.Unit != unit {
		t.Errorf("%s = %v %s, want %v %s", name, d.Value, d.Unit, value, unit)
	}
	if at, err := time.Parse(time.RFC3339Nano, d.Timestamp); err != nil || at.UnixNano() != testTime {
		t.Errorf("%s at %q", name, d.Timestamp)
	}
}

func TestDCOSNode(t *testing.T) {
	srv := newTestServer(t, testBatch(1, false))
	for _, path := range []string{"/system/v1/metrics/v0/node", "/system/v1/agent/" + testAgent + "/metrics/v0/node"} {
		var m v1.Metrics
		if code := get(t, srv, path, &m); code != 200 {
			t.Fatalf("%s: %d", path, code)
		}
		wantPoint(t, &m, 12.5, "percent", "cpu.total")
		wantPoint(t, &m, 8, "count", "cpu.cores")
		wantPoint(t, &m, 1.25, "count", "load.1min")
		wantPoint(t, &m, 3600, "count", "system.uptime")
		wantPoint(t, &m, 16<<30, "bytes", "memory.total")
		wantPoint(t, &m, 100<<30, "bytes", "filesystem.capacity.total", "path", "/")
		wantPoint(t, &m, 2000, "bytes", "network.out", "interface", "eth0")
		wantPoint(t, &m, 1000, "bytes", "network.in", "interface", "eth0")
		if d := m.Dimensions; d.MesosID != testAgent || d.ClusterID != "c-1" || d.Hostname != "node-1" {
			t.Errorf("dimensions %+v", d)
		}
	}
}

func TestDCOSContainer(t *testing.T) {
	srv := newTestServer(t, testBatch(2, false))
	base := "/system/v1/agent/" + testAgent + "/metrics/v0/containers"
	var ids []string
	if code := get(t, srv, base, &ids); code != 200 || len(ids) != 2 {
		t.Fatalf("%d %v", code, ids)
	}
	var m v1.Metrics
	if code := get(t, srv, base+"/"+ids[0], &m); code != 200 {
		t.Fatal(code)
	}
	tags := []string{"container_id", ids[0], "framework_id", "f-0001"}
	for _, name := range []string{"cpus.user.time", "cpus.user_time_secs"} {
		wantPoint(t, &m, 4, "seconds", name, tags...)
	}
	for _, name := range []string{"mem.limit", "mem.limit_bytes"} {
		wantPoint(t, &m, 512<<20, "bytes", name, tags...)
	}
	wantPoint(t, &m, 1.5, "count", "cpus.limit", tags...)
	for _, name := range []string{"net.tx.bytes", "net.tx_bytes"} {
		wantPoint(t, &m, 222, "bytes", name, tags...)
	}
	wantPoint(t, &m, 111, "bytes", "net.rx.bytes", tags...)
	wantPoint(t, &m, 8192, "bytes", "blkio.throttling.io_service_bytes.write", "blkio_device", "254:0")
	wantPoint(t, &m, 12288, "bytes", "blkio.throttling.io_service_bytes.total", "blkio_device", "total")
	wantPoint(t, &m, 3, "count", "blkio.throttling.io_serviced.total", "blkio_device", "254:0")
	if d := m.Dimensions; d.ContainerID != ids[0] || d.TaskName != "web" || d.FrameworkName != "marathon" || d.Labels["version"] != "1.2.3" || d.Hostname != "node-1" {
		t.Errorf("dimensions %+v", d)
	}
	for _, d := range m.Datapoints {
		if d.Unit == "" || d.Tags["container_id"] != ids[0] {
			t.Errorf("%+v", d)
		}
	}
}

func TestDCOSEmptyAndUnknown(t *testing.T) {
	srv := newTestServer(t, testBatch(1, false))
	id := containerRow(0).Label("container_id")
	for path, want := range map[string]int{
		"/system/v1/metrics/v0/ping":                                 200,
		"/system/v1/metrics/v0/containers/" + id + "/app":            204,
		"/system/v1/metrics/v0/containers/" + id + "/app/my.counter": 204,
		"/system/v1/metrics/v0/containers/nobody":                    404,
		"/system/v1/metrics/v0/containers/nobody/app":                404,
		"/system/v1/agent/nobody/metrics/v0/node":                    404,
		"/system/v1/agent/nobody/metrics/v0/ping":                    404,
		"/system/v1/agent/" + testAgent + "/metrics/v1/node":         404,
	} {
		if code := get(t, srv, path, nil); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	empty := newTestServer(t, testBatch(0, false))
	if code := get(t, empty, "/system/v1/metrics/v0/containers", nil); code != 204 {
		t.Errorf("no containers: %d, want 204", code)
	}
	early := serve(t, Options{Fleet: query.NewLocal("a", "h"), Agent: "a"})
	for _, path := range []string{"/system/v1/metrics/v0/node", "/system/v1/agent/a/metrics/v0/node"} {
		if code := get(t, early, path, nil); code != 503 {
			t.Errorf("%s before the first tick: %d, want 503", path, code)
		}
	}
	remote := serve(t, Options{Fleet: localOf(t, testBatch(1, false))})
	if code := get(t, remote, "/system/v1/metrics/v0/node", nil); code != 404 {
		t.Errorf("this node, where none is: %d", code)
	}
}

func TestNestedContainers(t *testing.T) {
	table := frame.Table{Kind: metric.Container}
	for i, c := range []struct{ key, id string }{
		{"/mesos/p/mesos/c", "p.c"}, {"/mesos/p", "p"}, {"/mesos/p/init", "p"}, {"/mesos/x.c", "x.c"},
	} {
		addRow(&table, &frame.Row{ID: uint64(i + 1), Key: c.key, Labels: labels("container_id", c.id)})
	}
	for id, want := range map[string]int{"p": 1, "p.c": 0, "x.c": 3, "nobody": -1, "": -1} {
		if got := findContainer(&table, id); got != want {
			t.Errorf("%q is row %d, want %d", id, got, want)
		}
	}
}

func TestMesosState(t *testing.T) {
	o := historyOf(t, append(ticksOf("a", 1, 1), ticksOf("b", 1, 1)...)...)
	o.Cluster = "c-1"
	srv := serve(t, o)
	var state struct {
		Hostname            string
		Slaves              []struct{ ID, Hostname, PID string }
		Frameworks          []framework
		CompletedFrameworks []any `json:"completed_frameworks"`
	}
	if code := get(t, srv, "/mesos/master/state.json", &state); code != 200 {
		t.Fatal(code)
	}
	if state.Hostname != "127.0.0.1" || state.CompletedFrameworks == nil || len(state.Slaves) != 2 {
		t.Errorf("%+v", state)
	}
	for _, s := range state.Slaves {
		if !strings.Contains(s.PID, "@") || !strings.Contains(s.PID, ":") {
			t.Errorf("pid %q", s.PID)
		}
	}
	var ids []string
	for _, f := range state.Frameworks {
		for _, tk := range f.Tasks {
			ids = append(ids, tk.ID)
			if tk.SlaveID == "" || len(tk.Statuses) != 1 || tk.Statuses[0].ContainerStatus.ContainerID.Value == "" {
				t.Errorf("%+v", tk)
			}
		}
	}
	slices.Sort(ids)
	if len(ids) != 2 || len(slices.Compact(ids)) != 2 {
		t.Errorf("ids of tasks: %v", ids)
	}
}

func TestMesosCalls(t *testing.T) {
	srv := newTestServer(t, nowTick(testBatch(1, false)))
	for call, field := range map[string]protowire.Number{"\x08\x0a": 10, "\x08\x0b": 11} {
		resp, body := do(t, srv, "POST", "/mesos/api/v1", strings.NewReader(call), "Content-Type", protobufType, "Accept", protobufType)
		if resp.StatusCode != 200 || resp.Header.Get("Content-Type") != protobufType {
			t.Fatalf("%d %s", resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		list := field2(t, []byte(body), field)
		want := testAgent
		if field == 11 {
			want = "f-0001"
		}
		if !bytes.Contains(list, []byte(want)) {
			t.Errorf("call %x: no %s in %q", call, want, list)
		}
	}
	for body, want := range map[string]int{"": 400, "\xff\xff": 400, "\x08": 400, "\x08\x01": 501, "\x12\x00\x08\x0a": 200} {
		if resp, _ := do(t, srv, "POST", "/mesos/api/v1", strings.NewReader(body), "Content-Type", protobufType); resp.StatusCode != want {
			t.Errorf("%x: %d, want %d", body, resp.StatusCode, want)
		}
	}
	if resp, _ := do(t, srv, "POST", "/mesos/api/v1", strings.NewReader("{}"), "Content-Type", "application/json"); resp.StatusCode != http.StatusUnsupportedMediaType {
		t.Errorf("JSON: %d", resp.StatusCode)
	}
}

// field2 is the bytes of a field of a message.
func field2(t *testing.T, b []byte, want protowire.Number) []byte {
	t.Helper()
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			t.Fatal("no message")
		}
		b = b[n:]
		if num == want && typ == protowire.BytesType {
			v, _ := protowire.ConsumeBytes(b)
			return v
		}
		b = b[protowire.ConsumeFieldValue(num, typ, b):]
	}
	t.Fatalf("no field %d", want)
	return nil
}

func FuzzCallType(f *testing.F) {
	f.Add([]byte("\x08\x0a"))
	f.Add([]byte("\x12\x7f"))
	f.Fuzz(func(t *testing.T, b []byte) { callType(b) })
}

func TestSmallDocuments(t *testing.T) {
	srv := newTestServer(t, testBatch(1, false))
	resp, _ := do(t, srv, "GET", "/capabilities", nil)
	if ct := resp.Header.Get("Content-Type"); ct != "application/vnd.dcos.capabilities+json;charset=utf-8;version=v1" {
		t.Errorf("capabilities: %q", ct)
	}
	for path, want := range map[string]string{
		"/mesos_dns/v1/hosts/master.mesos": `[{"host":"master.mesos.","ip":"127.0.0.1"}]`,
		"/metadata":                        `{"CLUSTER_ID":"c-1","PUBLIC_IPV4":"127.0.0.1"}`,
		"/capabilities":                    `{"capabilities":[]}`,
	} {
		_, body := do(t, srv, "GET", path, nil)
		if strings.TrimSpace(body) != want {
			t.Errorf("%s: %s", path, body)
		}
		if !json.Valid([]byte(body)) {
			t.Errorf("%s is no JSON", path)
		}
	}
}
