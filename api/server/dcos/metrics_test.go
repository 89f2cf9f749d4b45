package dcos

import (
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig/testtick"
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
	if at, err := time.Parse(time.RFC3339Nano, d.Timestamp); err != nil || at.UnixNano() != testtick.Time {
		t.Errorf("%s at %q", name, d.Timestamp)
	}
}

func TestDCOSNode(t *testing.T) {
	srv := newTestServer(t, testtick.New(1, false))
	for _, path := range []string{"/system/v1/metrics/v0/node", "/system/v1/agent/" + testtick.Agent +
		"/metrics/v0/node"} {
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
		if d := m.Dimensions; d.MesosID != testtick.Agent || d.ClusterID != "c-1" || d.Hostname != "node-1" {
			t.Errorf("dimensions %+v", d)
		}
	}
}

func TestDCOSContainer(t *testing.T) {
	srv := newTestServer(t, testtick.New(2, false))
	base := "/system/v1/agent/" + testtick.Agent + "/metrics/v0/containers"
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
	if d := m.Dimensions; d.ContainerID != ids[0] || d.TaskName != "web" || d.FrameworkName != "marathon" ||
		d.Labels["version"] != "1.2.3" || d.Hostname != "node-1" {
		t.Errorf("dimensions %+v", d)
	}
	for _, d := range m.Datapoints {
		if d.Unit == "" || d.Tags["container_id"] != ids[0] {
			t.Errorf("%+v", d)
		}
	}
}

func TestDCOSEmptyAndUnknown(t *testing.T) {
	srv := newTestServer(t, testtick.New(1, false))
	id := testtick.Container(0).Label("container_id")
	for path, want := range map[string]int{
		"/system/v1/metrics/v0/ping":                                 200,
		"/system/v1/metrics/v0/containers/" + id + "/app":            204,
		"/system/v1/metrics/v0/containers/" + id + "/app/my.counter": 204,
		"/system/v1/metrics/v0/containers/nobody":                    404,
		"/system/v1/metrics/v0/containers/nobody/app":                404,
		"/system/v1/agent/nobody/metrics/v0/node":                    404,
		"/system/v1/agent/nobody/metrics/v0/ping":                    404,
		"/system/v1/agent/" + testtick.Agent + "/metrics/v1/node":    404,
	} {
		if code := get(t, srv, path, nil); code != want {
			t.Errorf("%s: %d, want %d", path, code, want)
		}
	}
	empty := newTestServer(t, testtick.New(0, false))
	if code := get(t, empty, "/system/v1/metrics/v0/containers", nil); code != 204 {
		t.Errorf("no containers: %d, want 204", code)
	}
	early := serve(t, API{Fleet: query.NewLocal("a", "h"), Agent: "a"})
	for _, path := range []string{"/system/v1/metrics/v0/node", "/system/v1/agent/a/metrics/v0/node"} {
		if code := get(t, early, path, nil); code != 503 {
			t.Errorf("%s before the first tick: %d, want 503", path, code)
		}
	}
	remote := serve(t, API{Fleet: testtick.Local(testtick.New(1, false))})
	if code := get(t, remote, "/system/v1/metrics/v0/node", nil); code != 404 {
		t.Errorf("this node, where none is: %d", code)
	}
}
