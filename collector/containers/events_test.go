package containers

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// births searches for new cgroups below parent in a busy loop and resolves each at once.
// It records when it first saw each cgroup and when each first had a name.
type births struct {
	mu          sync.Mutex
	seen, named map[string]time.Time
	stop        chan struct{}
	done        sync.WaitGroup
}

func watchBirths(r *Resolver, parent string) *births {
	b := &births{seen: map[string]time.Time{}, named: map[string]time.Time{}, stop: make(chan struct{})}
	roots, _ := r.proc.hierarchies()
	list := func() []string {
		var paths []string
		entries, _ := os.ReadDir(roots[0] + parent)
		for _, e := range entries {
			if e.IsDir() {
				paths = append(paths, strings.TrimSuffix(parent, "/")+"/"+e.Name())
			}
		}
		return paths
	}
	old := map[string]bool{}
	for _, p := range list() {
		old[p] = true
	}
	b.done.Go(func() {
		for {
			select {
			case <-b.stop:
				return
			case <-time.After(2 * time.Millisecond):
			}
			b.mu.Lock()
			for _, p := range list() {
				if old[p] {
					continue
				}
				if b.seen[p].IsZero() {
					b.seen[p] = time.Now()
				}
				if id := r.Resolve(p); id.Name != "" && b.named[p].IsZero() {
					b.named[p] = time.Now()
				}
			}
			b.mu.Unlock()
		}
	})
	return b
}

// TestKnownWithinASecond measures the time from the creation of a container's cgroup
// until its identity is known.
func TestKnownWithinASecond(t *testing.T) {
	docker, containerd, podman, runc := rig.Docker(t), rig.Containerd(t), rig.Podman(t), rig.Runc(t)
	rig.Serve(t, podman)
	o := none()
	o.DockerHost, o.ContainerdAddress, o.ContainerHost = docker.Socket, containerd.Socket, podman.Socket
	o.StateDirs = []string{docker.RuncRoot, containerd.RuncRoot, podman.RuncRoot, runc.RuncRoot}
	r := start(t, o)
	connected(t, r, "docker")
	connected(t, r, "containerd")
	for _, c := range []struct {
		e      *rig.Engine
		parent string
	}{{docker, "/docker"}, {containerd, "/" + rig.Namespace()}, {podman, "/libpod_parent"}, {runc, "/"}} {
		b := watchBirths(r, c.parent)
		var made []*rig.Container
		for range 3 {
			made = append(made, c.e.Run(t, rig.Spec{}))
		}
		within(t, 5*time.Second, c.e.Name+": all named", func() bool {
			b.mu.Lock()
			defer b.mu.Unlock()
			for _, m := range made {
				if b.named[m.Cgroup].IsZero() {
					return false
				}
			}
			return true
		})
		close(b.stop)
		b.done.Wait()
		var took []time.Duration
		for _, m := range made {
			took = append(took, b.named[m.Cgroup].Sub(b.seen[m.Cgroup]))
			if id := r.Resolve(m.Cgroup); id.Name != m.Name {
				t.Errorf("%s: name %q, want %q", c.e.Name, id.Name, m.Name)
			}
		}
		slices.Sort(took)
		t.Logf("%s: known by name %v after the cgroup appeared", c.e.Name, took)
		if took[1] > time.Second { // the median: the machine may be busy with other tests
			t.Errorf("%s: %v", c.e.Name, took)
		}
	}
}

// TestHungRuntime stops dockerd with a signal. Resolve still answers at once, from the
// other sources.
func TestHungRuntime(t *testing.T) {
	d := rig.Docker(t)
	c := d.Run(t, spec)
	b, err := os.ReadFile(d.Dir + "/pid")
	if err != nil {
		t.Fatal(err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(pid, syscall.SIGCONT)
	within(t, 5*time.Second, "every thread of dockerd stopped", func() bool { return stopped(t, pid) })
	o := none()
	o.DockerHost, o.StateDirs = d.Socket, []string{d.RuncRoot}
	r := start(t, o)
	began := time.Now()
	id := r.Resolve(c.Cgroup)
	if took := time.Since(began); took > askTimeout/2 { // it waited for dockerd
		t.Errorf("Resolve took %v", took)
	}
	wantLabels(t, id, map[string]string{"container_id": c.ID, "runtime": "docker"})
	follow(t, r, c.Cgroup, func(id *Identity) bool { return id.PID == c.PID })
	within(t, 3*askTimeout, "a reason", func() bool {
		for _, s := range r.Status() {
			if s.Runtime == "docker" && !s.Connected && strings.Contains(s.Reason, "deadline exceeded") {
				return true
			}
		}
		return false
	})
	syscall.Kill(pid, syscall.SIGCONT)
	within(t, 20*time.Second, "name after it goes on", func() bool { return r.Resolve(c.Cgroup).Name == c.Name })
}

// stopped reports whether a signal has stopped every thread of a process.
func stopped(t *testing.T, pid int) bool {
	t.Helper()
	states, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/status", pid))
	if err != nil || len(states) == 0 {
		t.Fatalf("threads of %d: %v", pid, err)
	}
	return !slices.ContainsFunc(states, func(file string) bool {
		b, err := os.ReadFile(file)
		return err == nil && !strings.Contains(string(b), "\nState:\tT")
	})
}

// TestReconnect stops podman's service and starts it again.
func TestReconnect(t *testing.T) {
	d := rig.Podman(t)
	stop := rig.Serve(t, d)
	o := none()
	o.ContainerHost = d.Socket
	r := start(t, o)
	c := d.Run(t, spec)
	follow(t, r, c.Cgroup, named(c.Name))
	stop()
	// The first attempt that finds no listener replaces the reason of the lost connection.
	within(t, 5*time.Second, "the reason of a service that has ended", func() bool {
		st := r.Status()[0]
		return st.Runtime == "podman" && !st.Connected &&
			(strings.Contains(st.Reason, "connection refused") || st.Reason == noSocket)
	})
	if id := r.Resolve(c.Cgroup); id.Name != c.Name {
		t.Errorf("forgot %s when its runtime went away: %+v", c.Name, id)
	}
	meanwhile := d.Run(t, spec)
	c.Stop() // while nobody follows the events
	rig.Serve(t, d)
	within(t, 20*time.Second, "name of the container that began meanwhile",
		func() bool { return r.Resolve(meanwhile.Cgroup).Name == meanwhile.Name })
	within(t, time.Second, "name of the container that ended meanwhile",
		func() bool { return r.Resolve(c.Cgroup).Name == "" })
}

func TestNoSockets(t *testing.T) {
	o := none()
	o.DockerHost, o.ContainerdAddress, o.CRIEndpoint, o.ContainerHost = t.TempDir()+"/none", "tcp://10.0.0.1:1",
		t.TempDir()+"/none", "ssh://root@host/run/podman.sock"
	r := start(t, o)
	want := map[string]string{
		"docker": noSocket, "cri": noSocket, "containerd": notUnix, "podman": notUnix,
		"state files": "none of these directories exists",
	}
	within(t, 3*time.Second, "a reason for each", func() bool {
		return !slices.ContainsFunc(r.Status(), func(s RuntimeStatus) bool { return s.Reason == "" })
	})
	for _, s := range r.Status() {
		reason, ok := want[s.Runtime]
		if !ok || s.Connected || s.Reason != reason {
			t.Errorf("%+v, want the reason %q", s, reason)
		}
		delete(want, s.Runtime)
	}
	if len(want) > 0 {
		t.Errorf("no status of %v", want)
	}
}
