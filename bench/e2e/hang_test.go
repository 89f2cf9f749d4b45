package e2e

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// TestProcessHangsInExecve runs a container whose process hangs in execve(2) on a
// filesystem without a server, as one does when its NFS server is gone: what the
// collector reads of that process does not return for as long as it runs. Ticks,
// the other containers and the end of the program must not notice, neither in a
// collector that runs already nor in one that starts then.
func TestProcessHangsInExecve(t *testing.T) {
	docker := rig.Docker(t)
	fuse, helper := rig.MountFuse(t, rig.FuseFlush), rig.HangInExecve(t)
	d := rig.StartReady(t, rig.Options{Env: []string{"DOCKER_HOST=unix://" + docker.Socket}})
	hung := docker.Run(t, rig.Spec{Name: rig.UniqueName("hung"), Cmd: []string{"/execve", "/v/file", "/bin/sleep", "1000"},
		Args: []string{"-v", fuse.Dir + ":/v", "-v", helper + ":/execve"}})
	t.Cleanup(fuse.Revive)
	rig.Eventually(t, 5*time.Second, func() error {
		if fuse.Waiting() == 0 {
			return fmt.Errorf("the process of %s does not hang", hung.Name)
		}
		return nil
	})
	healthy := docker.Run(t, rig.Spec{Name: rig.UniqueName("healthy")})
	t.Run("after the start", func(t *testing.T) { goesOn(t, d, func() {}, healthy.Name, hung.Name) })
	d.Kill()
	d.Restart(t)
	t.Run("before the start", func(t *testing.T) { goesOn(t, d, func() {}, healthy.Name, hung.Name) })
}

// goesOn watches a program beside something that hangs: the containers get their
// names, every scrape is answered at once, no more than one tick is missed, it is
// ready, its threads are bounded, and it ends when it is asked to. The time that its
// threads and the test's wait for a processor is allowed on top: what hangs does not.
func goesOn(t *testing.T, d *rig.Daytwo, ending func(), containers ...string) {
	t.Helper()
	rig.Eventually(t, 10*time.Second, func() error {
		body, err := d.Node.Get("/metrics")
		for _, name := range containers {
			if err == nil && !strings.Contains(string(body), fmt.Sprintf("name=%q", name)) {
				err = fmt.Errorf("no container is called %s", name)
			}
		}
		return err
	})
	const during = 10 * time.Second
	pid := d.Cmd.Process.Pid
	ticks, missed := sample(t, d, "daytwo_collector_ticks_total"), sample(t, d, "daytwo_collector_ticks_missed_total")
	waited := rig.RunDelay(pid, func() {
		for end := time.Now().Add(during); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
			began := time.Now()
			waited := rig.RunDelay(pid, func() { d.Node.MustGet(t, "/metrics") })
			if took := time.Since(began); took > time.Second+waited {
				t.Errorf("a scrape took %v, its threads waited for a processor for %v", took, waited)
			}
		}
	})
	ticks = sample(t, d, "daytwo_collector_ticks_total") - ticks
	missed = sample(t, d, "daytwo_collector_ticks_missed_total") - missed
	if allowed := 1 + waited.Seconds(); ticks < during.Seconds()-allowed || missed > allowed {
		t.Errorf("%v ticks in %v, %v missed; threads waited for a processor for %v", ticks, during, missed, waited)
	}
	for _, a := range []rig.API{d.Relay, d.Node} {
		if _, err := a.Get("/readyz"); err != nil {
			t.Errorf("it ticks, and says: %v", err)
		}
	}
	if n := threads(t, d); n > 64 {
		t.Errorf("%d threads", n)
	}
	ending()
	began := time.Now()
	waited = rig.RunDelay(pid, func() { d.Stop(t) })
	if took := time.Since(began); took > 5*time.Second+waited {
		t.Errorf("it took %v to end, its threads waited for a processor for %v", took, waited)
	}
}

// sample is the value of a metric with that name and labels in a node's exposition.
func sample(t *testing.T, d *rig.Daytwo, name string) float64 {
	t.Helper()
	for line := range strings.Lines(d.Node.MustGet(t, "/metrics")) {
		if rest, ok := strings.CutPrefix(line, name+" "); ok {
			v, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}

// threads is the number of threads of a program.
func threads(t *testing.T, d *rig.Daytwo) int {
	t.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", d.Cmd.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(tasks)
}

// TestNeighboursHang surrounds a program with everything that can keep it waiting:
// runtimes that do not answer, answer too slowly or without an end; states of
// containers that are pipes and devices; directories of users on filesystems without
// a server. It ticks, and names the containers of the runtime that works. Programs of other
// tests, which could not end beside such a filesystem, do not see it.
func TestNeighboursHang(t *testing.T) { rig.InNamespaces(t, rig.Mount, neighboursHang) }

func neighboursHang(t *testing.T) {
	docker, bad := rig.Docker(t), rig.BadSockets(t)
	dead := rig.MountFuse(t)
	var hosts []string
	for _, s := range bad {
		hosts = append(hosts, s)
	}
	hosts = append(hosts, docker.Socket)
	d := rig.Start(t, rig.Options{
		Env: []string{"DOCKER_HOST=" + strings.Join(hosts, ","), "CONTAINER_HOST=" + bad["mute"],
			"CONTAINERD_ADDRESS=" + bad["mute"] + "," + bad["drip"], "CONTAINER_RUNTIME_ENDPOINT=" + bad["endless"]},
		// A /run of the program's own, with what its neighbours have put there.
		Mounts: `mount -t tmpfs none /run
			mkdir -p /run/runc/pipe /run/runc/zero /run/crun/tty /run/user/1001 /run/user/1002/crun /run/user/1003/runc/x
			mkfifo /run/runc/pipe/state.json /run/user/1003/runc/x/state.json
			ln -s /dev/zero /run/runc/zero/state.json
			ln -s /dev/tty /run/crun/tty/status
			mount --bind ` + dead.Dir + ` /run/user/1001
			mount --bind ` + dead.Dir + ` /run/user/1002/crun`,
	})
	dead.Die() // nobody else looks at it: whoever does hangs
	t.Cleanup(dead.Revive)
	healthy := docker.Run(t, rig.Spec{Name: rig.UniqueName("healthy")})
	d.WaitReady(t)
	rig.Eventually(t, 10*time.Second, func() error {
		if held := sample(t, d, `daytwo_collector_calls_held{source="user_runtime_files"}`); held == 0 {
			return fmt.Errorf("no call is counted as held")
		}
		return nil
	})
	// The kernel ends no thread that waits for a FUSE server, and so no process that has one.
	goesOn(t, d, dead.Revive, healthy.Name)
	if n := strings.Count(d.Log(), "a call does not return"); n == 0 || n > 3 {
		t.Errorf("it is logged %d times that calls do not return", n)
	}
}
