package rig

import (
	"os/exec"
	"strings"
	"testing"
	"time"
)

var sharedPodman shared

// Podman is podman with its own storage and the image loaded. It has no daemon;
// Serve starts its API.
func Podman(t testing.TB) *Engine {
	t.Helper()
	need(t, "podman", "apt-get install podman conmon runc busybox-static", "podman", "conmon", "runc", "busybox")
	return sharedPodman.get(t, "podman", startPodman)
}

type podman struct {
	*Engine
	service *exec.Cmd
}

func startPodman(e *Engine) error {
	p := &podman{Engine: e}
	e.ops, e.RuncRoot = p, e.Dir+"/runc"
	runc, err := exec.LookPath("runc") // crun does not work with the hybrid hierarchy
	if err != nil {
		return err
	}
	_, image, err := imageIn(e.Dir)
	if err != nil {
		return err
	}
	e.Bin = []string{"podman", "--root", e.Dir + "/r", "--runroot", e.Dir + "/rr", "--tmpdir", e.Dir + "/t",
		"--storage-driver", "vfs",
		"--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime", runc, "--runtime-flag", "root=" + e.RuncRoot}
	_, err = p.cmd("load", "-q", "-i", image)
	return err
}

// Serve starts podman's API on Engine.Socket and returns a function that ends it. Tests
// that run in parallel must not do so at the same time: they share the engine.
func Serve(t testing.TB, e *Engine) (stop func()) {
	t.Helper()
	p, ok := e.ops.(*podman)
	if !ok {
		t.Fatalf("%s has its API already", e.Name)
	}
	sock := e.Dir + "/api"
	cmd, err := daemon(e.Dir, append(e.Bin[:len(e.Bin):len(e.Bin)], "system", "service", "--time", "0", "unix://"+sock)...)
	if err == nil {
		p.service, e.Socket = cmd, sock
		err = eventually(10*time.Second, func() error {
			_, err := output("podman", "--url", "unix://"+sock,
				"version")
			return err
		})
	}
	if err != nil {
		t.Fatalf("podman's API does not start: %v", err)
	}
	stop = func() { p.stop() }
	t.Cleanup(stop)
	return stop
}

func (p *podman) cmd(args ...string) (string, error) {
	return output(append(p.Bin[:len(p.Bin):len(p.Bin)], args...)...)
}

func (p *podman) run(name string, s Spec) (string, error) {
	// Podman's defaults for these two need CAP_SYS_RESOURCE.
	limits := []string{"--ulimit", "nofile=1024:1024", "--ulimit", "nproc=4096:4096"}
	s.Args = append(limits, s.Args...)
	out, err := p.cmd(runArgs(name, s)...)
	return strings.TrimSpace(out), err
}

func (p *podman) pid(id string) (int, error) {
	out, err := p.cmd("inspect", "-f", "{{.State.Pid}}", id)
	if err != nil {
		return 0, err
	}
	return pidOf(out)
}

func (p *podman) exec(id string, cmd []string) []string {
	return append(append(p.Bin[:len(p.Bin):len(p.Bin)], "exec", "-i", id), cmd...)
}

func (p *podman) remove(id string) error {
	_, err := p.cmd("rm", "-f", "-t", "0", "-v", id)
	return err
}

func (p *podman) stop() error {
	cmd := p.service
	p.service, p.Socket = nil, ""
	err := end(cmd)
	for _, root := range hierarchies() {
		rmdirUp(root, "/libpod_parent/conmon") // the directory of its monitors, which podman leaves
	}
	return err
}
