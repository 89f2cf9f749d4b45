package enter

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// service starts a process in a cgroup of its own, as a service manager does, by a command
// that at last executes "sleep N".
func service(t testing.TB, as *syscall.SysProcAttr, command ...string) (pid int) {
	t.Helper()
	pid, _ = serviceIn(t, as, []string{"unified", "memory", "pids"}, command...)
	return pid
}

// serviceIn starts one in some hierarchies, and returns the path of its cgroup, too.
func serviceIn(t testing.TB, as *syscall.SysProcAttr, in []string, command ...string) (pid int, path string) {
	t.Helper()
	rig.NeedRoot(t, "a service")
	name := rig.UniqueName("plain")
	var made []string
	for _, h := range in {
		dir := "/sys/fs/cgroup/" + h + "/" + name
		if err := os.Mkdir(dir, 0o755); err != nil {
			rig.KernelLacks(t, rig.CgroupV1("memory"), err)
		}
		made = append(made, dir)
	}
	marker++
	last := []string{"sleep", itoa(marker)}
	cmd := exec.Command(command[0], append(command[1:len(command):len(command)], last...)...)
	cmd.SysProcAttr, cmd.Dir, cmd.Env = as, "/", []string{"PATH=" + os.Getenv("PATH"), "A=of the service"}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		syscall.Kill(pid, syscall.SIGKILL)
		cmd.Process.Kill()
		cmd.Wait()
		rig.RemoveCgroup("/" + name)
	})
	if pid = pidOf(last...); pid == 0 {
		t.Fatal("the service does not start")
	}
	for _, dir := range made {
		if err := os.WriteFile(dir+"/cgroup.procs", []byte(itoa(pid)), 0); err != nil {
			t.Fatal(err)
		}
	}
	return pid, "/" + name
}

// On a machine with version 1 of cgroups alone, a session's processes are found by the
// freezer, and all of them end, those of a storm and frozen ones, too.
func TestVersion1(t *testing.T) {
	rig.Need(t, rig.CgroupV1("freezer"))
	for _, frozen := range []bool{false, true} {
		pid, path := serviceIn(t, &syscall.SysProcAttr{}, []string{"freezer", "memory"}, "setsid")
		dir := "/sys/fs/cgroup/freezer" + path
		s := start(t, request{Target: Target{ID: "v1", PID: pid}, Legacy: true, Spec: Spec{Args: []string{"sh", "-c",
			"f() { while :; do (sleep 0.01; setsid sleep 1000) & done; }; f 2>/dev/null & setsid sleep 1000 & sleep 1000"}}})
		for end := time.Now().Add(5 * time.Second); len(processes(dir)) < 20 && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
		if n := len(processes(dir)); n < 20 {
			t.Fatalf("only %d processes: %+v", n, s.end(t))
		}
		if frozen {
			if err := os.WriteFile(dir+"/freezer.state", []byte("FROZEN"), 0); err != nil {
				t.Fatal(err)
			}
		}
		begin := time.Now()
		s.Process.Signal(os.Interrupt)
		r := s.end(t)
		if took := time.Since(begin); r.code != 128+9 || len(r.Notes) != 0 || took > 5*time.Second {
			t.Errorf("frozen %v: %+v after %v", frozen, r, took)
		}
		os.WriteFile(dir+"/freezer.state", []byte("THAWED"), 0)
		if left := processes(dir); len(left) != 1 || left[0] != pid {
			t.Errorf("frozen %v: left are %v", frozen, left)
		}
		if dirs, _ := filepath.Glob(dir + "/daytwo-*"); len(dirs) != 0 {
			t.Errorf("frozen %v: left are %v", frozen, dirs)
		}
	}
}

// Services of the host, and processes with any mixture of namespaces, are entered as
// containers are.
func TestPlain(t *testing.T) {
	root := rig.Runc(t).Dir + "/rootfs"
	for name, command := range map[string][]string{
		"service": {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--no-new-privs", "--bounding-set=-all"},
		"kept capability": {"setpriv", "--reuid=65534", "--regid=65534", "--groups=5,6", "--inh-caps=+chown,+kill",
			"--ambient-caps=+chown,+kill"},
		"chroot":         {"chroot", root},
		"mount":          {"unshare", "--mount", "--uts"},
		"user":           {"unshare", "--user", "--map-root-user"},
		"user, time":     {"unshare", "--user", "--map-root-user", "--time", "--mount", "--ipc", "--uts", "--cgroup"},
		"user, pid":      {"unshare", "--user", "--map-root-user", "--pid", "--fork", "--mount-proc"},
		"net, then user": {"unshare", "--net", "unshare", "--user", "--map-root-user", "--mount"},
		"scheduling":     {"nice", "-n", "5", "ionice", "-c", "2", "-n", "7", "chrt", "--batch", "0"},
		"one processor":  {"taskset", "1"},
		"root with less": {"setpriv", "--bounding-set=-sys_admin,-sys_ptrace", "--inh-caps=-all"},
	} {
		t.Run(name, func(t *testing.T) {
			pid := service(t, &syscall.SysProcAttr{Credential: &syscall.Credential{}}, command...)
			marker++
			args := []string{"sleep", itoa(marker)}
			s := start(t, request{Target: Target{ID: name, PID: pid}, Spec: Spec{Args: args}})
			mine := pidOf(args...)
			if mine == 0 {
				t.Fatalf("%+v", s.end(t))
			}
			first := facts(t, pid)
			maps.DeleteFunc(first, func(k, _ string) bool { // what the test was given
				n, ok := strings.CutPrefix(k, "descriptor ")
				return ok && (len(n) > 1 || n > "2")
			})
			compare(t, "plain", "first process", facts(t, mine), first)
			s.Process.Signal(os.Interrupt)
			s.end(t)
		})
	}
}
