package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// The unmodified DC/OS command line queries our relay.

const dcosAgent = "0123-test-agent-S1"

// want runs a command that must succeed and print these texts.
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

func TestDCOSNodeMetrics(t *testing.T) {
	t.Parallel()
	relay := rig.Up(t, "--agent-id", dcosAgent, "--no-bpf").Relay
	c := rig.DCOS(t, relay.URL, relay.Token)
	past(t, relay, 2, 10*time.Second) // percentages of CPU need two ticks
	t.Log(want(t, c, []string{"CPU", "MEM", "DISK", "%", "GiB"}, "node", "metrics", "summary", dcosAgent))
	want(t, c, []string{"cpu.total", "memory.total", "filesystem.capacity.total", "network.in", "interface: lo",
		"path: /"}, "node", "metrics", "details", dcosAgent)

	points := datapoints(t, want(t, c, nil, "node", "metrics", "details", dcosAgent, "--json"))
	for _, name := range []string{"cpu.total", "cpu.idle", "load.1min", "memory.total", "memory.free",
		"filesystem.capacity.total/", "filesystem.capacity.used/", "process.count", "system.uptime"} {
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
	want(t, c, []string{dcosAgent}, "node", "--json")
	want(t, c, []string{dcosAgent}, "node")
}

func TestDCOSTaskMetrics(t *testing.T) {
	t.Parallel()
	docker := rig.Docker(t)
	name := rig.UniqueName("dcos-task")
	c1 := docker.Run(t, rig.Spec{Name: name, Args: []string{"--memory=64m", "--cpus=0.5"}})
	o := rig.Options{Args: []string{"--agent-id", dcosAgent}, Env: []string{"DOCKER_HOST=unix://" + docker.Socket}}
	relay := rig.StartReady(t, o).Relay
	c := rig.DCOS(t, relay.URL, relay.Token)
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
		t.Errorf("container %s uses no CPU and memory: %v", c1.ID, points)
	}
}

func TestDCOSRefusals(t *testing.T) {
	t.Parallel()
	relay := rig.Up(t, "--agent-id", dcosAgent, "--no-bpf").Relay
	_, errs, status := rig.DCOS(t, relay.URL, "some-other-token-altogether").Run(t, "node", "metrics", "summary",
		dcosAgent)
	if status == 0 || !strings.Contains(strings.ToLower(errs), "token") {
		t.Errorf("a wrong token: exit %d, %s", status, errs)
	}
	if out, errs, status := rig.DCOS(t, relay.URL, relay.Token).Run(t, "node", "metrics", "summary",
		"nobody"); status == 0 || strings.Contains(errs, "Traceback") {
		t.Errorf("an unknown agent: exit %d, %s%s", status, out, errs)
	}
}

// memTotal returns the memory of the machine, in bytes.
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
