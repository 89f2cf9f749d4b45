package enter

import (
	"maps"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// service starts a process in a cgroup of its own, as a service manager does, by a command
// that at last executes "sleep N".
func service(t testing.TB, as *syscall.SysProcAttr, command ...string) (pid int) {
	t.Helper()
	rig.NeedRoot(t, "a service")
	name := rig.UniqueName("plain")
	var made []string
	for _, h := range []string{"unified", "memory", "pids"} {
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
	return pid
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
