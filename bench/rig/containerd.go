package rig

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

var sharedContainerd shared

// Containerd starts containerd on its own socket and directory, with the CRI plugin,
// and with the image in its namespace Namespace().
func Containerd(t testing.TB) *Engine {
	t.Helper()
	need(t, "containerd", "apt-get install containerd runc busybox-static", "containerd", "ctr", "runc", "busybox")
	return sharedContainerd.get(t, "containerd", startContainerd)
}

// Namespace returns the containerd namespace of this test process. Each process has
// its own, since ctr puts containers into a cgroup named after it.
func Namespace() string { return "rig" + strconv.Itoa(os.Getpid()) }

type containerd struct {
	*Engine
	daemon *exec.Cmd
}

func startContainerd(e *Engine) error {
	e.Socket, e.RuncRoot = e.Dir+"/s", e.Dir+"/runc/"+Namespace()
	c := &containerd{Engine: e}
	e.ops = c
	_, image, err := imageIn(e.Dir)
	if err != nil {
		return err
	}
	config := fmt.Sprintf(`version = 2
root = "%[1]s/d"
state = "%[1]s/x"
[grpc]
address = "%[1]s/s"
[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = "%[2]s"
restrict_oom_score_adj = true
[plugins."io.containerd.grpc.v1.cri".containerd]
snapshotter = "native"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
Root = "%[1]s/runc"
`, e.Dir, Image)
	if err := os.WriteFile(e.Dir+"/config.toml", []byte(config), 0o644); err != nil {
		return err
	}
	if c.daemon, err = daemon(e.Dir, "containerd", "--config", e.Dir+"/config.toml"); err != nil {
		return err
	}
	e.Bin = []string{"ctr", "--address", e.Socket, "--namespace", Namespace()}
	if err := eventually(30*time.Second, func() error { _, err := c.cmd("version"); return err }); err != nil {
		return err
	}
	for _, ns := range []string{Namespace(), "k8s.io"} {
		if _, err = output("ctr", "--address", e.Socket, "--namespace", ns, "images", "import", "--snapshotter", "native",
			image); err != nil {
			return err
		}
	}
	return nil
}

func (c *containerd) cmd(args ...string) (string, error) {
	return output(append(c.Bin[:len(c.Bin):len(c.Bin)], args...)...)
}

func (c *containerd) run(name string, s Spec) (string, error) {
	args := []string{"run", "-d", "--snapshotter", "native", "--runc-root", c.Dir + "/runc"}
	if s.HostNet {
		args = append(args, "--net-host")
	}
	for k, v := range s.Env {
		args = append(args, "--env", k+"="+v)
	}
	for k, v := range s.Labels {
		args = append(args, "--label", k+"="+v)
	}
	_, err := c.cmd(append(append(append(args, s.Args...), Image, name), s.Cmd...)...)
	return name, err
}

func (c *containerd) pid(id string) (int, error) {
	out, err := c.cmd("tasks", "ls")
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(out) {
		if f := strings.Fields(line); len(f) == 3 && f[0] == id {
			return pidOf(f[1])
		}
	}
	return 0, fmt.Errorf("no task %s", id)
}

func (c *containerd) exec(id string, cmd []string) []string {
	return append(append(c.Bin[:len(c.Bin):len(c.Bin)], "tasks", "exec", "--exec-id", UniqueName("e"), id), cmd...)
}

func (c *containerd) remove(id string) error {
	c.cmd("tasks", "kill", "--signal", "SIGKILL", id) // it may have exited already
	err := eventually(10*time.Second, func() error {
		_, err := c.cmd("tasks", "rm", "--force",
			id)
		return ignoreNotFound(err)
	})
	if err == nil {
		_, err = c.cmd("containers", "rm", id)
	}
	return ignoreNotFound(err)
}

func ignoreNotFound(err error) error {
	if err != nil && strings.Contains(err.Error(), "not found") {
		return nil
	}
	return err
}

func (c *containerd) stop() error { return end(c.daemon) }
