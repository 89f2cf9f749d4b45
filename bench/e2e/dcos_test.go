package e2e

import (
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// TestDCOSCommandLine drives the unmodified DC/OS command line against our
// relay.
func TestDCOSCommandLine(t *testing.T) {
	docker := rig.Docker(t)
	t.Setenv("DOCKER_HOST", "unix://"+docker.Socket)
	_, relay, _ := up(t, t.TempDir())
	dcos := rig.DCOS(t, relay.url, relay.token)
	c := docker.Run(t, rig.Spec{Name: rig.UniqueName("task"), Args: []string{"--memory=64m"}})
	agent, err := newest(relay)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, 5*time.Second, func() error { _, err := relay.try("/system/v1/metrics/v0/containers/" + c.ID); return err })

	f := func(want []string, args ...string) {
		t.Helper()
		out, errs, status := dcos.Run(t, args...)
		for _, w := range want {
			if !strings.Contains(out, w) {
				t.Errorf("dcos %s: status %d, no %q:\n%s%s", strings.Join(args, " "), status, w, out, errs)
			}
		}
		if status != 0 {
			t.Errorf("dcos %s: status %d\n%s%s", strings.Join(args, " "), status, out, errs)
		}
	}
	f([]string{"CPU", "LOAD", "MEM", "GiB"}, "node", "metrics", "summary", agent.AgentID)
	f([]string{"system.uptime", "cpu.total", "filesystem.capacity.used", "path: /"}, "node", "metrics", "details", agent.AgentID)
	f([]string{`"memory.total"`}, "node", "metrics", "details", agent.AgentID, "--json")
	f([]string{agent.AgentID}, "node")
	f([]string{c.Name, c.ID}, "task")
	f([]string{"CPU", "MEM"}, "task", "metrics", "summary", c.ID)
	f([]string{"mem.limit", "cpus.user.time"}, "task", "metrics", "details", c.ID)
}
