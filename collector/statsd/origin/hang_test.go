package origin

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/bounded"
)

// soon fails the test unless f returns fast enough for a tick.
func soon(t *testing.T, what string, f func()) {
	t.Helper()
	began := time.Now()
	f()
	if took := time.Since(began); took > 100*time.Millisecond {
		t.Errorf("%s took %v", what, took)
	}
}

// while calls f, and meanwhile calls the methods that a tick calls.
func while(t *testing.T, table *Table, f func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); f() }()
	for {
		select {
		case <-done:
			return
		case <-time.After(5 * time.Millisecond):
		}
		soon(t, "what a tick asks", func() {
			table.Info(1)
			table.Counts()
			table.Endpoints()
			table.Containers(nil)
			table.Drops(nil)
		})
	}
}

// A launcher may name any file as a network namespace. One that hangs or never ends
// delays its own request for a moment, and no other.
func TestNetnsHangs(t *testing.T) {
	fuse := rig.MountFuse(t, rig.FuseOpen)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	r := newFixture(t, Config{})
	for _, file := range []string{fifo, "/dev/zero", "/dev/tty", filepath.Join(fuse.Dir, "file")} {
		while(t, r.table, func() {
			began := time.Now()
			if _, err := r.table.Add(launch.Request{ContainerID: "a", Netns: file}); err == nil {
				t.Errorf("%s passed for a network namespace", file)
			}
			if took := time.Since(began); took > 4*netnsWait {
				t.Errorf("%s: refused after %v", file, took)
			}
		})
	}
	if _, ok := r.table.Endpoint("a"); ok {
		t.Error("a request that failed left an endpoint")
	}
	// However often it is opened, only one call is blocked.
	for range 20 {
		if _, err := r.table.Add(launch.Request{ContainerID: "a", Netns: filepath.Join(fuse.Dir, "file")}); !errors.Is(err,
			bounded.ErrHeld) {
			t.Errorf("%v", err)
		}
	}
	if n := fuse.Waiting(); n != 1 {
		t.Errorf("%d calls wait", n)
	}
	r.add(t, launch.Request{ContainerID: "a"})
	fuse.Revive()
}

// If the network namespace of a stored endpoint hangs, the endpoint is served without
// it.
func TestKeptNetnsHangs(t *testing.T) {
	fuse := rig.MountFuse(t, rig.FuseOpen)
	file := filepath.Join(t.TempDir(), "endpoints.json")
	ports := rig.Ports(t, 1000)
	kept := fmt.Sprintf(`[{"container_id":"a","statsd_port":%d,"netns":%q,"netns_inode":1}]`, ports.First+7,
		filepath.Join(fuse.Dir, "file"))
	if err := os.WriteFile(file, []byte(kept), 0o600); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	r := newFixture(t, Config{File: file, Ports: ports})
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("the start took %v", took)
	}
	if c, ok := r.table.Endpoint("a"); !ok || c.StatsdPort != ports.First+7 {
		t.Errorf("%+v, %v", c, ok)
	}
	fuse.Revive()
}

// If the disk hangs, requests of launchers fail, but a tick's calls still return. The
// unsaved state is written once the disk responds. Programs of other tests, which could not
// end beside such a disk, do not see it.
func TestDiskHangs(t *testing.T) { rig.InNamespaces(t, rig.Mount, diskHangs) }

func diskHangs(t *testing.T) {
	fuse := rig.MountFuse(t)
	r := newFixture(t, Config{File: filepath.Join(fuse.Dir, "endpoints.json")})
	fuse.Die()
	while(t, r.table, func() {
		began := time.Now()
		if _, err := r.table.Add(launch.Request{ContainerID: "a"}); !errors.Is(err, bounded.ErrHeld) {
			t.Errorf("%v", err)
		}
		if took := time.Since(began); took > fileWait+2*time.Second {
			t.Errorf("refused after %v", took)
		}
		if err := r.table.Sweep(); !errors.Is(err, bounded.ErrHeld) {
			t.Errorf("sweep: %v", err)
		}
	})
	if len(r.table.Endpoints()) != 0 {
		t.Error("an endpoint that is not kept is handed out")
	}
	fuse.Revive()
}

// The network namespace of a process that hangs in execve(2) is opened as soon as the
// kernel permits it, and does not delay others.
func TestReachBesideHang(t *testing.T) {
	fuse, helper := rig.MountFuse(t, rig.FuseFlush), rig.HangInExecve(t)
	r := newFixture(t, Config{})
	hung := exec.Command(helper, filepath.Join(fuse.Dir, "file"), "/bin/sleep", "1000")
	hung.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if err := hung.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { fuse.Revive(); hung.Process.Kill(); hung.Wait() })
	rig.Eventually(t, 5*time.Second, func() error {
		if fuse.Waiting() == 0 {
			return errors.New("it does not hang")
		}
		return nil
	})
	healthy := startSender(t, sending{Netns: true, Wait: true, Network: "udp", Address: "127.0.0.1:1",
		Lines: []string{"x"}})
	r.add(t, launch.Request{ContainerID: "hung"})
	r.add(t, launch.Request{ContainerID: "healthy"})
	own, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", os.Getpid()))
	if err != nil {
		t.Fatal(err)
	}
	cgroup := r.table.cgroupOf(own)
	if cgroup == "" {
		base := fmt.Sprintf("/daytwo-test-origin-%d", os.Getpid())
		makeCgroup(t, r.table, base)
		for h := range r.table.trees {
			if dir := r.table.trees[h].dir; dir != "" {
				for _, pid := range []int{hung.Process.Pid, healthy.Process.Pid} {
					os.WriteFile(filepath.Join(dir, base, "cgroup.procs"), fmt.Append(nil, pid), 0)
				}
			}
		}
		cgroup = base
	}
	r.table.Containers([]Container{{ID: "hung", Cgroups: []string{cgroup}, PID: hung.Process.Pid},
		{ID: "healthy", Cgroups: []string{cgroup}, PID: healthy.Process.Pid}})
	while(t, r.table, func() { r.table.Reach() })
	r.table.mu.Lock()
	got := r.table.reached["healthy"]
	r.table.mu.Unlock()
	if got == nil || got.failed || got.netns == 0 {
		t.Errorf("healthy: %+v", got)
	}
}
