package rig

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestMain(m *testing.M) { os.Exit(Main(m)) }

// TestEngines starts a container on each runtime, runs commands in it and stops it.
func TestEngines(t *testing.T) {
	for name, start := range map[string]func(testing.TB) *Engine{"docker": Docker, "containerd": Containerd,
		"podman": Podman, "runc": Runc} {
		t.Run(name, func(t *testing.T) {
			e := start(t)
			c := e.Run(t, Spec{Env: map[string]string{"A": "b"}, Labels: map[string]string{"k": "v"}})
			if out := c.Exec(t, "/bin/cat", "/proc/1/environ"); !slices.Contains(strings.Split(out, "\x00"), "A=b") {
				t.Errorf("environment in the container: %q", out)
			}
			if out := c.Exec(t, "/bin/ip", "link"); strings.Contains(out, "eth0") {
				t.Errorf("not an own network namespace: %s", out)
			}
			if !strings.Contains(c.Cgroup, c.ID) {
				t.Errorf("cgroup %q of container %q", c.Cgroup, c.ID)
			}
			c.Stop()
			if left, _ := filepath.Glob("/sys/fs/cgroup/*" + c.Cgroup); len(left) > 0 {
				t.Errorf("cgroups stay: %v", left)
			}
			if cg, err := cgroupOf(c.PID); err == nil && cg == c.Cgroup {
				t.Errorf("process %d still runs in %s", c.PID, cg)
			}
			host := e.Run(t, Spec{HostNet: true})
			hostNS, _ := os.Readlink("/proc/self/ns/net")
			if ns, err := os.Readlink("/proc/" + strconv.Itoa(host.PID) + "/ns/net"); err != nil || ns != hostNS {
				t.Errorf("network namespace %s, %v, want %s", ns, err, hostNS)
			}
		})
	}
}

// TestTeardown clears an engine away while a container runs, and one whose process has
// ended: nothing is left.
func TestTeardown(t *testing.T) {
	e := Runc(t)
	running, ended := e.Run(t, Spec{}), e.Run(t, Spec{})
	gone := func(c *Container) error {
		if cg, err := cgroupOf(c.PID); err == nil && cg == c.Cgroup {
			return fmt.Errorf("process %d still runs", c.PID)
		}
		return nil
	}
	syscall.Kill(ended.PID, syscall.SIGKILL)
	Eventually(t, 10*time.Second, func() error { return gone(ended) })
	clearAway(e.Dir + "/runc") // as after a crash: nobody called Stop
	for _, c := range []*Container{running, ended} {
		c.stopped.Store(true)
		Eventually(t, 10*time.Second, func() error { return gone(c) })
		if left, _ := filepath.Glob("/sys/fs/cgroup/*" + c.Cgroup); len(left) > 0 {
			t.Errorf("cgroups stay: %v", left)
		}
	}
}
