package launcher

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// endWithin is how long a task may outlive its launcher. It takes some 10 ms on a
// machine that has nothing else to do.
const endWithin = patience

// family is a shell script that starts several generations of processes, some of them
// in sessions of their own.
const family = "(setsid sh -c 'sleep 1000 & setsid sleep 1001 & exec sleep 1002' >/dev/null 2>&1 &); echo " +
	"$CONTAINER_ID; sleep 1003"

// startFamily starts a family as a task, and waits until all of its processes run. It
// returns their ids.
func startFamily(t *testing.T, cmd *exec.Cmd) (r *running, pids []int) {
	t.Helper()
	r = start(t, cmd)
	if !eventually(patience, func() bool { return len(processes(t, r.id)) >= 4 }) {
		t.Fatalf("only the processes %v run", processes(t, r.id))
	}
	return r, processes(t, r.id)
}

// processes returns the ids of a task's processes from the kernel. It reads the cgroup
// of version 2 if there is one, because the launcher's thread that starts the command
// is in the cgroups of version 1 for a moment.
func processes(t *testing.T, id string) (pids []int) {
	t.Helper()
	dirs := taskCgroups(id)
	if len(dirs) == 0 {
		t.Fatalf("there is no cgroup of the task %q", id)
	}
	dir := dirs[0]
	if at := filepath.Join(unifiedRoot(), "daytwo", id); slices.Contains(dirs, at) {
		dir = at
	}
	for _, line := range strings.Fields(read(t, filepath.Join(dir, "cgroup.procs"))) {
		pid, err := strconv.Atoi(line)
		if err != nil {
			t.Fatal(err)
		}
		pids = append(pids, pid)
	}
	return pids
}

// dead reports whether a process has ended, including a zombie.
func dead(pid int) bool {
	b, err := os.ReadFile(fmt.Sprint("/proc/", pid, "/stat"))
	if err != nil {
		return true
	}
	_, after, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(after, "Z") || strings.HasPrefix(after, "X")
}

// gone fails the test unless all processes of a task, its cgroups and its endpoint are
// gone within endWithin.
func (a api) gone(t *testing.T, id string, pids []int) {
	t.Helper()
	ok := eventually(endWithin, func() bool {
		_, endpoint := a.table.Endpoint(id)
		return !endpoint && len(taskCgroups(id)) == 0 && !slices.ContainsFunc(pids, func(p int) bool { return !dead(p) })
	})
	if !ok {
		_, endpoint := a.table.Endpoint(id)
		t.Errorf("left behind after %v: endpoint %v, cgroups %v, of processes %v", endWithin, endpoint, taskCgroups(id), pids)
	}
}

// A task ends when its launcher is killed.
func TestKernelLauncherKilled(t *testing.T) {
	a := startAPI(t)
	r, pids := startFamily(t, a.run("sh", "-c", family))
	if _, ok := a.table.Endpoint(r.id); !ok {
		t.Fatal("the task has no endpoint")
	}
	r.Process.Kill()
	a.gone(t, r.id, pids)
}

// Processes that the command leaves running are killed when the command ends.
func TestKernelCommandEnds(t *testing.T) {
	a := startAPI(t)
	cmd := a.run("sh", "-c", strings.Replace(family, "sleep 1003", "cat; exit 3", 1))
	in, _ := cmd.StdinPipe()
	r, pids := startFamily(t, cmd)
	in.Close()
	if status := r.wait(t); status != 3 {
		t.Errorf("status %d", status)
	}
	if left := taskCgroups(r.id); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
	a.gone(t, r.id, pids)
}

// A task ends with its launcher on a machine without a hierarchy of version 2, where
// processes are killed one by one. This holds even for a task that forks all the time.
func TestLauncherKilledLegacy(t *testing.T) {
	rig.Need(t, rig.CgroupV1("pids"))
	rig.InNamespaces(t, rig.Mount, testLauncherKilledLegacy)
}

func testLauncherKilledLegacy(t *testing.T) {
	mountHierarchies(t, "devices", "pids", "memory")
	a := startAPI(t)
	const forking = `echo $CONTAINER_ID; bomb() { bomb | bomb & }; bomb 2>/dev/null; sleep 1000`
	for _, script := range []string{family, forking} {
		r := start(t, a.run("--pids", "150", "sh", "-c", script))
		pids := processes(t, r.id)
		r.Process.Kill()
		a.gone(t, r.id, pids)
	}
}

// A launcher that is killed at any moment leaves no cgroup, process or endpoint behind.
func TestKernelLauncherKilledEarly(t *testing.T) {
	a := startAPI(t)
	var ids []string
	for n := range 40 {
		id := fmt.Sprintf("early-%d-%d", os.Getpid(), n)
		ids = append(ids, id)
		cmd := a.run("sleep", "1000")
		cmd.Env = append(cmd.Env, idEnv+"="+id)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Duration(rand.IntN(30_000)) * time.Microsecond)
		cmd.Process.Kill()
		cmd.Wait()
	}
	for _, id := range ids {
		if !eventually(patience, func() bool { return len(taskCgroups(id)) == 0 }) {
			t.Errorf("left behind: %v", taskCgroups(id))
		}
	}
	ok := eventually(patience, func() bool {
		// The collector sweeps regularly: the watcher's request to remove the endpoint may
		// come before the launcher's request to add it.
		a.table.Sweep()
		return len(a.table.Endpoints()) == 0
	})
	if !ok {
		a.nothingLeft(t)
	}
}

// Cgroups that the task makes below its own are removed with it, including threaded
// cgroups.
func TestKernelNested(t *testing.T) {
	a := startAPI(t)
	r, _ := startFamily(t, a.run("sh", "-c", family))
	var dirs []string
	for _, dir := range taskCgroups(r.id) {
		for _, child := range []string{"child", "child/grandchild"} {
			if err := os.Mkdir(filepath.Join(dir, child), 0o755); err != nil {
				t.Fatal(err)
			}
			dirs = append(dirs, filepath.Join(dir, child))
		}
		// This fails in version 1, which has no threaded cgroups.
		os.WriteFile(filepath.Join(dir, "child/grandchild/cgroup.type"), []byte("threaded"), 0)
		os.WriteFile(filepath.Join(dir, "child/cgroup.procs"), []byte(strconv.Itoa(processes(t, r.id)[0])), 0)
	}
	pids := processes(t, r.id)
	r.Process.Kill()
	a.gone(t, r.id, pids)
	for _, dir := range dirs {
		if _, err := os.Stat(dir); err == nil {
			t.Errorf("%s is still there", dir)
		}
	}
}

// A task that another task has launched ends when that task ends.
func TestKernelTaskInTask(t *testing.T) {
	a := startAPI(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	r, inner := startFamily(t, a.run("env", programEnv+"=1", exe, "run", "--socket", a.socket, "sh", "-c", family))
	var outer string
	for _, e := range a.table.Endpoints() {
		if e.ContainerID != r.id {
			outer = e.ContainerID
		}
	}
	pids := append(processes(t, outer), inner...)
	r.Process.Kill()
	a.gone(t, outer, pids)
	a.gone(t, r.id, pids)
}

// The watcher shares no process group, session or cgroup with its launcher.
func TestKernelWatcherApart(t *testing.T) {
	a := startAPI(t)
	own := makeCgroup(t)
	r, pids := startFamily(t, inCgroup(t, a.run("sh", "-c", family), own))
	if left := strings.Fields(read(t, own+"/cgroup.procs")); !slices.Equal(left, []string{strconv.Itoa(r.Process.Pid)}) {
		t.Errorf("in the launcher's cgroup are %v beside it, %d", left, r.Process.Pid)
	}
	unix.Kill(-r.Process.Pid, unix.SIGKILL) // the launcher's process group
	a.gone(t, r.id, pids)
}

// makeCgroup makes a cgroup for a test in the hierarchy of version 2, and returns its
// directory.
func makeCgroup(t *testing.T) string {
	t.Helper()
	rig.Need(t, rig.CgroupV2)
	dir := filepath.Join(unifiedRoot(), rig.UniqueName("daytwo-test-launcher"))
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		eventually(patience, func() bool { return unix.Rmdir(dir) == nil })
	})
	return dir
}

// inCgroup makes a command start in a cgroup, and in a process group of its own.
func inCgroup(t *testing.T, cmd *exec.Cmd, dir string) *exec.Cmd {
	t.Helper()
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	cmd.SysProcAttr = &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(f.Fd()), Setpgid: true}
	return cmd
}

func read(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
