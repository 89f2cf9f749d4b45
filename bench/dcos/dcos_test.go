package dcos

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector"
)

const (
	token = "a-token-for-tests-only"
	agent = "0123-test-agent-S1"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// node serves a relay's routes over this machine as a collector sees it.
func node(t *testing.T) *httptest.Server {
	t.Helper()
	n, err := collector.New(collector.Config{
		AgentID: agent, Interval: 200 * time.Millisecond, DataDir: t.TempDir(), NoPublish: true, Log: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
		if err := n.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	guard, err := auth.NewGuard(token)
	if err != nil {
		t.Fatal(err)
	}
	h, err := server.New(server.Options{Fleet: n.Fleet(), Guard: guard, Agent: agent, Cluster: "test", Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	// Shares of CPU are there from the second tick on.
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		if list := n.Fleet().Agents(); len(list) == 1 && list[0].Seq >= 3 {
			return srv
		}
		if time.Now().After(deadline) {
			t.Fatal("no tick in 20 s")
		}
	}
}

// want runs a command that must succeed and print these.
func want(t *testing.T, c *rig.DCOSCLI, texts []string, args ...string) string {
	t.Helper()
	out, errs, status := c.Run(t, args...)
	if status != 0 {
		t.Fatalf("dcos %s: exit %d\n%s%s", strings.Join(args, " "), status, out, errs)
	}
	for _, text := range texts {
		if !strings.Contains(out, text) {
			t.Errorf("dcos %s does not print %q:\n%s", strings.Join(args, " "), text, out)
		}
	}
	return out
}

// datapoints decodes what --json prints.
func datapoints(t *testing.T, out string) map[string]float64 {
	t.Helper()
	var list []struct {
		Name  string
		Value float64
		Unit  string
		Tags  map[string]string
	}
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		t.Fatalf("%v in %s", err, out)
	}
	points := map[string]float64{}
	for _, d := range list {
		points[d.Name+d.Tags["path"]] = d.Value
	}
	return points
}

func TestNodeMetrics(t *testing.T) {
	srv := node(t)
	c := rig.DCOS(t, srv.URL, token)
	t.Log(want(t, c, []string{"CPU", "MEM", "DISK", "%", "GiB"}, "node", "metrics", "summary", agent))
	want(t, c, []string{"cpu.total", "memory.total", "filesystem.capacity.total", "network.in", "interface: lo", "path: /"}, "node", "metrics", "details", agent)

	points := datapoints(t, want(t, c, nil, "node", "metrics", "details", agent, "--json"))
	for _, name := range []string{"cpu.total", "cpu.idle", "load.1min", "memory.total", "memory.free", "filesystem.capacity.total/", "filesystem.capacity.used/", "process.count", "system.uptime"} {
		if _, ok := points[name]; !ok {
			t.Errorf("%s is missing", name)
		}
	}
	if total := memTotal(t); points["memory.total"] != total {
		t.Errorf("memory.total %v, /proc/meminfo says %v", points["memory.total"], total)
	}
	if v := points["cpu.total"]; v < 0 || v > 100 {
		t.Errorf("cpu.total %v%%", v)
	}
	want(t, c, []string{agent}, "node", "--json")
	want(t, c, []string{agent}, "node")
}

func TestTaskMetrics(t *testing.T) {
	docker := rig.Docker(t)
	t.Setenv("DOCKER_HOST", "unix://"+docker.Socket)
	name := rig.UniqueName("dcos-task")
	box := docker.Run(t, rig.Spec{Name: name, Args: []string{"--memory=64m", "--cpus=0.5"}})
	srv := node(t)
	c := rig.DCOS(t, srv.URL, token)
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		out, errs, status := c.Run(t, "task")
		if status == 0 && strings.Contains(out, name) {
			t.Log(out)
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("the container is no task: exit %d\n%s%s", status, out, errs)
		}
	}
	t.Log(want(t, c, []string{"CPU", "MEM"}, "task", "metrics", "summary", name))
	want(t, c, []string{"cpus.limit", "mem.total", "mem.limit_bytes"}, "task", "metrics", "details", name)
	points := datapoints(t, want(t, c, nil, "task", "metrics", "details", name, "--json"))
	for name, value := range map[string]float64{"mem.limit": 64 << 20, "mem.limit_bytes": 64 << 20, "cpus.limit": 0.5} {
		if points[name] != value {
			t.Errorf("%s = %v, want %v", name, points[name], value)
		}
	}
	if points["mem.total"] <= 0 || points["cpus.user.time"]+points["cpus.system.time"] <= 0 {
		t.Errorf("container %s uses nothing: %v", box.ID, points)
	}
}

func TestRefusals(t *testing.T) {
	srv := node(t)
	_, errs, status := rig.DCOS(t, srv.URL, "some-other-token-altogether").Run(t, "node", "metrics", "summary", agent)
	if status == 0 || !strings.Contains(strings.ToLower(errs), "token") {
		t.Errorf("a wrong token: exit %d, %s", status, errs)
	}
	if out, errs, status := rig.DCOS(t, srv.URL, token).Run(t, "node", "metrics", "summary", "nobody"); status == 0 || strings.Contains(errs, "Traceback") {
		t.Errorf("an unknown agent: exit %d, %s%s", status, out, errs)
	}
}

// memTotal is the machine's memory in bytes.
func memTotal(t *testing.T) float64 {
	t.Helper()
	b, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		t.Fatal(err)
	}
	var kb float64
	if _, err := fmt.Sscanf(string(b), "MemTotal: %f kB", &kb); err != nil {
		t.Fatal(err)
	}
	return kb * 1024
}
