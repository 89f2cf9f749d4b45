package containers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
	"github.com/daytwo/daytwo/collector/bounded"
)

// inMesosCgroup starts a command whose environment names a Mesos task, in a new cgroup as
// a Mesos agent makes them, and returns the path of that cgroup.
func inMesosCgroup(t *testing.T, root string, n int, argv ...string) string {
	t.Helper()
	path := fmt.Sprintf("/mesos/%08x-%s%04x", os.Getpid(), uuid[9:32], n)
	if err := os.MkdirAll(root+path, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rig.RemoveCgroup(path) })
	dir, err := os.Open(root + path)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Env = []string{"MESOS_TASK_ID=task." + strconv.Itoa(n)}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if err := os.WriteFile(root+path+"/cgroup.procs", []byte(strconv.Itoa(cmd.Process.Pid)), 0); err != nil {
		t.Fatal(err)
	}
	return path
}

// environCount returns the counts of the calls that read environments.
func environCount(t *testing.T, set *bounded.Set) bounded.Count {
	t.Helper()
	for _, c := range set.Counts(nil) {
		if c.Source == "environ" {
			return c
		}
	}
	t.Fatal("no calls read environments")
	return bounded.Count{}
}

// Two processes hang in execve(2), as on a mount whose server is gone, so that reading
// their environments does not return. Every other container gets its tags from its
// environment meanwhile. Those two have the tags that need no environment, and the calls
// are counted. Once the processes go on, their tags are complete.
func TestEnvironHangs(t *testing.T) {
	rig.NeedRoot(t, "making cgroups")
	fuse, helper := rig.MountFuse(t, rig.FuseFlush), rig.HangInExecve(t)
	o := none()
	o.Calls = bounded.NewSet(o.Log)
	r := start(t, o)
	roots, _ := r.proc.hierarchies()
	root := roots[0]
	t.Cleanup(func() { os.Remove(root + "/mesos") })
	var hung []string
	for n := range 2 {
		hung = append(hung, inMesosCgroup(t, root, n, helper, filepath.Join(fuse.Dir, "file"), "/bin/sleep", "1000"))
	}
	t.Cleanup(fuse.Revive) // before the processes are killed and waited for
	rig.Eventually(t, 10*time.Second, func() error {
		if n := fuse.Waiting(); n < len(hung) {
			return fmt.Errorf("%d processes hang", n)
		}
		return nil
	})
	for _, path := range hung {
		r.Resolve(path)
	}
	rig.Eventually(t, 10*time.Second, func() error {
		if c := environCount(t, o.Calls); c.Held != len(hung) || c.TimedOut != uint64(len(hung)) {
			return fmt.Errorf("%+v", c)
		}
		return nil
	})
	task := func(path string) string { return r.Resolve(path).Label("task_id") }
	for n := 2; n < 22; n++ {
		path := inMesosCgroup(t, root, n, "/bin/sleep", "1000")
		rig.Eventually(t, 10*time.Second, func() error {
			if got := task(path); got != "task."+strconv.Itoa(n) {
				return fmt.Errorf("%s has task_id %q", path, got)
			}
			return nil
		})
	}
	for _, path := range hung {
		id := r.Resolve(path)
		if id.ContainerID == "" || id.Label("task_id") != id.ContainerID || id.Label("runtime") != "mesos" {
			t.Errorf("%s: %+v", path, id)
		}
	}
	if c := environCount(t, o.Calls); c.Held != len(hung) || c.Refused != 0 {
		t.Errorf("after the others: %+v", c)
	}
	fuse.Revive()
	rig.Eventually(t, 30*time.Second, func() error {
		for n, path := range hung {
			if got := task(path); got != "task."+strconv.Itoa(n) {
				return fmt.Errorf("%s has task_id %q", path, got)
			}
		}
		if c := environCount(t, o.Calls); c.Held != 0 {
			return errors.New("calls are still held")
		}
		return nil
	})
}
