package rig

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Image is the busybox image that docker, containerd and podman have.
const Image = "docker.io/library/rig:test"

// Spec describes a container to run.
type Spec struct {
	Name    string            // default: a unique one; containerd and runc use it as the id
	Cmd     []string          // default: sleep 1000
	Env     map[string]string // added to the image's
	Labels  map[string]string // runc: annotations
	HostNet bool              // in the host's network namespace; default: an empty one of its own
	Network string            // docker and podman: another --network, e.g. "container:<id>"
	Args    []string          // further flags of the runtime's own run command, e.g. "--memory=64m"
}

// Container is a running container. It is removed when the test ends.
type Container struct {
	ID, Name string
	PID      int    // first process, in our pid namespace
	Cgroup   string // path of that process in the v2 hierarchy, else in the first one
	Engine   *Engine
	stopped  atomic.Bool
}

// Engine is a container runtime with its own state directory. The tests of one
// process share it, and Main stops it.
type Engine struct {
	Name     string // docker, containerd, podman, runc
	Dir      string // all of its state
	Socket   string // of its API; "" where it has none
	RuncRoot string // state directory of the runc that it uses
	Bin      []string
	ops      engineOps
}

type engineOps interface {
	run(id string, s Spec) (string, error) // starts a container, returns its id
	pid(id string) (int, error)
	exec(id string, cmd []string) []string
	remove(id string) error
	stop() error
}

var counter atomic.Uint64

// Run starts a container and waits until its first process runs.
func (e *Engine) Run(t testing.TB, s Spec) *Container {
	t.Helper()
	if s.Name == "" {
		s.Name = UniqueName("c")
	}
	if len(s.Cmd) == 0 {
		s.Cmd = []string{"/bin/sleep", "1000"}
	}
	id, err := e.ops.run(s.Name, s)
	if err != nil {
		e.ops.remove(s.Name) // what it had made by then
		t.Fatalf("%s: run %s: %v", e.Name, s.Name, err)
	}
	ran.Store(id, true)
	c := &Container{ID: id, Name: s.Name, Engine: e}
	t.Cleanup(c.Stop)
	if c.PID, err = e.ops.pid(id); err != nil {
		t.Fatalf("%s: pid of %s: %v", e.Name, s.Name, err)
	}
	if c.Cgroup, err = cgroupOf(c.PID); err != nil {
		t.Fatalf("%s: cgroup of %s: %v", e.Name, s.Name, err)
	}
	return c
}

// Exec runs a command inside the container and returns its standard output.
func (c *Container) Exec(t testing.TB, cmd ...string) string {
	t.Helper()
	out, err := output(c.Engine.ops.exec(c.ID, cmd)...)
	if err != nil {
		t.Fatalf("%s: exec %q in %s: %v", c.Engine.Name, cmd, c.Name, err)
	}
	return out
}

// Command returns a command that runs inside the container, not started yet.
func (c *Container) Command(cmd ...string) *exec.Cmd {
	argv := c.Engine.ops.exec(c.ID, cmd)
	return exec.Command(argv[0], argv[1:]...)
}

// Stop kills and removes the container; a second call does nothing.
func (c *Container) Stop() {
	if c.stopped.Swap(true) {
		return
	}
	if err := c.Engine.ops.remove(c.ID); err != nil {
		fmt.Fprintf(os.Stderr, "rig: %s: remove %s: %v\n", c.Engine.Name, c.Name, err)
	}
	if c.Cgroup == "" { // its process ended before it was looked at
		for _, dir := range cgroupDirs(func(name string) bool { return strings.Contains(name, c.ID) }) {
			removeCgroupDir(dir)
		}
	}
	RemoveCgroup(c.Cgroup)
}

// ran has the ids of all containers of this process: their cgroups are named after them.
var ran sync.Map

// ofContainer reports whether a cgroup's name is that of a container of this process.
func ofContainer(name string) (yes bool) {
	ran.Range(func(id, _ any) bool {
		yes = strings.Contains(name, id.(string))
		return !yes
	})
	return yes
}

// UniqueName returns a name that no other test on this machine uses now. The process
// id in it tells Main whose the thing is if it is left behind.
func UniqueName(prefix string) string {
	return fmt.Sprintf("%s-%d-%d", prefix, os.Getpid(), counter.Add(1))
}

// shared starts an engine once per test process.
type shared struct {
	once   sync.Once
	engine *Engine
	err    error
}

func (s *shared) get(t testing.TB, name string, start func(*Engine) error) *Engine {
	t.Helper()
	NeedRoot(t, name)
	s.once.Do(func() {
		e := &Engine{Name: name}
		if e.Dir, s.err = newDir(name); s.err != nil {
			return
		}
		s.err = start(e)
		s.engine = e
		engines.add(e)
	})
	if s.err != nil {
		t.Fatalf("%s does not start: %v", name, s.err)
	}
	if !engines.main.Load() {
		t.Fatal("rig: the test binary has no TestMain with os.Exit(rig.Main(m)), so nothing would end the daemons")
	}
	return s.engine
}

// need ends the test if a program is not there.
func need(t testing.TB, part, install string, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			Missing(t, part, "no "+p+" in PATH", install)
		}
	}
}

// output runs a command and returns its standard output; standard error is part of
// the error.
func output(argv ...string) (string, error) {
	cmd := exec.Command(argv[0], argv[1:]...)
	// Do not wait for the processes of a container, which keep the pipes open.
	cmd.WaitDelay = 2 * time.Second
	var stderr strings.Builder
	cmd.Stderr = &stderr
	b, err := cmd.Output()
	if err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		return string(b), fmt.Errorf("%s: %w: %s", filepath.Base(argv[0]), err, strings.TrimSpace(stderr.String()))
	}
	return string(b), nil
}

// daemon starts a program in the background with its output in a log file.
func daemon(dir string, argv ...string) (*exec.Cmd, error) {
	log, err := os.Create(filepath.Join(dir, filepath.Base(argv[0])+".log"))
	if err != nil {
		return nil, err
	}
	defer log.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.Env = append(os.Environ(), "TMPDIR="+dir) // containerd writes stacks there when dockerd loses patience
	return cmd, cmd.Start()
}

// end stops a daemon with SIGINT, and with SIGKILL after ten seconds.
func end(cmd *exec.Cmd) error {
	if cmd == nil || cmd.Process == nil {
		return nil
	}
	timer := time.AfterFunc(10*time.Second, func() { cmd.Process.Kill() })
	defer timer.Stop()
	cmd.Process.Signal(os.Interrupt)
	cmd.Wait() // its exit status means nothing: it was killed
	return nil
}

// eventually calls f until it returns nil, for at most d, and returns its last error.
func eventually(d time.Duration, f func() error) error {
	deadline := time.Now().Add(d)
	for {
		err := f()
		if err == nil || time.Now().After(deadline) {
			return err
		}
		time.Sleep(20 * time.Millisecond)
	}
}

func pidOf(s string) (int, error) {
	pid, err := strconv.Atoi(strings.TrimSpace(s))
	if err == nil && pid <= 0 {
		err = fmt.Errorf("pid %d: not running", pid)
	}
	return pid, err
}
