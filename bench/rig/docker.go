package rig

import (
	"cmp"
	"os/exec"
	"strings"
	"testing"
	"time"
)

var sharedDocker shared

// Docker starts dockerd on its own socket and directory, without bridge or iptables,
// and loads the image. Engine.Socket is DOCKER_HOST without "unix://".
func Docker(t testing.TB) *Engine {
	t.Helper()
	need(t, "docker", "apt-get install docker.io busybox-static", "dockerd", "docker", "containerd", "runc", "busybox")
	return sharedDocker.get(t, "docker", startDocker)
}

type docker struct {
	*Engine
	daemon *exec.Cmd
}

func startDocker(e *Engine) error {
	e.Socket, e.RuncRoot = e.Dir+"/s", e.Dir+"/x/runtime-runc/moby"
	d := &docker{Engine: e}
	e.ops = d
	_, image, err := imageIn(e.Dir)
	if err != nil {
		return err
	}
	d.daemon, err = daemon(e.Dir, "dockerd", "--data-root", e.Dir+"/d", "--exec-root", e.Dir+"/x", "--pidfile",
		e.Dir+"/pid",
		"-H", "unix://"+e.Socket, "--iptables=false", "--ip6tables=false", "--bridge=none")
	if err != nil {
		return err
	}
	e.Bin = []string{"docker", "-H", "unix://" + e.Socket}
	if err := eventually(30*time.Second, func() error { _, err := d.cmd("info"); return err }); err != nil {
		return err
	}
	_, err = d.cmd("load", "-i", image)
	return err
}

func (d *docker) cmd(args ...string) (string, error) {
	return output(append(d.Bin[:len(d.Bin):len(d.Bin)], args...)...)
}

func (d *docker) run(name string, s Spec) (string, error) {
	out, err := d.cmd(runArgs(name, s)...)
	return strings.TrimSpace(out), err
}

// runArgs returns the command line of "run", which docker and podman share.
func runArgs(name string, s Spec) []string {
	network := cmp.Or(s.Network, "none")
	if s.HostNet {
		network = "host"
	}
	args := []string{"run", "-d", "--name", name, "--network", network}
	for k, v := range s.Env {
		args = append(args, "--env", k+"="+v)
	}
	for k, v := range s.Labels {
		args = append(args, "--label", k+"="+v)
	}
	return append(append(append(args, s.Args...), Image), s.Cmd...)
}

func (d *docker) pid(id string) (int, error) {
	out, err := d.cmd("inspect", "-f", "{{.State.Pid}}", id)
	if err != nil {
		return 0, err
	}
	return pidOf(out)
}

func (d *docker) exec(id string, cmd []string) []string {
	return append(append(d.Bin[:len(d.Bin):len(d.Bin)], "exec", "-i", id), cmd...)
}

func (d *docker) remove(id string) error {
	_, err := d.cmd("rm", "-f", "-v", id)
	return err
}

func (d *docker) stop() error { return end(d.daemon) }
