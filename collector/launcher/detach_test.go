package launcher

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// detached starts a task in the background, and returns its id.
func (a api) detached(t *testing.T, args ...string) (id string) {
	t.Helper()
	began := time.Now()
	got := ended(t, a.run(append([]string{"--detach"}, args...)...))
	id = strings.TrimSuffix(got.out, "\n")
	if got.status != 0 || got.err != "" || len(id) != 64 {
		t.Fatalf("%+v", got)
	}
	t.Cleanup(func() {
		for _, dir := range taskCgroups(id) {
			os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0)
		}
	})
	if d := time.Since(began); d > patience { // it takes some 25 ms; the task runs for longer than patience
		t.Errorf("daytwo run --detach took %v", d)
	}
	return id
}

// supervisor returns the process id of a task's supervisor, which is the parent of one
// of the task's processes.
func supervisor(t *testing.T, id string) (pid int) {
	t.Helper()
	var seen []string
	for _, child := range processes(t, id) {
		_, after, _ := strings.Cut(read(t, fmt.Sprint("/proc/", child, "/status")), "PPid:")
		pid, _ = strconv.Atoi(strings.Fields(after)[0])
		args := read(t, fmt.Sprint("/proc/", pid, "/cmdline"))
		if strings.HasPrefix(args, supervisorName+"\x00"+id) {
			return pid
		}
		seen = append(seen, fmt.Sprintf("%d of %d %.60q", child, pid, args))
	}
	t.Fatalf("no process of the task has a supervisor: %v", seen)
	return 0
}

// A task in the background continues when its launcher has ended. When its command
// ends, its cgroups and its endpoint are removed.
func TestKernelDetach(t *testing.T) {
	a := startAPI(t)
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	id := a.detached(t, "--name", "web", "sh", "-c", "setsid sleep 1000 & echo lost; read line <"+fifo)
	if e, ok := a.table.Endpoint(id); !ok || e.Name != "web" {
		t.Errorf("its endpoint is %+v", e)
	}
	if !eventually(patience, func() bool { return len(processes(t, id)) >= 2 }) {
		t.Fatal("the task does not run")
	}
	pids := append(processes(t, id), supervisor(t, id))
	time.Sleep(100 * time.Millisecond)
	if slices.ContainsFunc(pids, dead) {
		t.Fatal("the task does not go on")
	}
	end, err := os.OpenFile(fifo, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer end.Close()
	fmt.Fprintln(end, "end")
	a.gone(t, id, pids)
}

// A task in the background shares nothing with its caller: no standard stream, no other
// open file, no session and no cgroup.
func TestKernelDetachApart(t *testing.T) {
	a := startAPI(t)
	own := makeCgroup(t)
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := inCgroup(t, a.run("--detach", "sleep", "1000"), own)
	cmd.ExtraFiles = []*os.File{w, w, w, w} // descriptors 3 and 4 are other files in the supervisor
	in, _ := os.Open("/dev/zero")
	defer in.Close()
	cmd.Stdin = in
	got := ended(t, cmd)
	w.Close()
	id := strings.TrimSuffix(got.out, "\n")
	r.SetReadDeadline(time.Now().Add(patience))
	if n, err := r.Read(make([]byte, 1)); n != 0 || err == nil || os.IsTimeout(err) {
		t.Errorf("somebody holds the caller's pipe: %v", err)
	}
	if left := read(t, own+"/cgroup.procs"); left != "" {
		t.Errorf("in the caller's cgroup are still %q", left)
	}
	parent := supervisor(t, id)
	for _, pid := range []int{parent, processes(t, id)[0]} {
		for _, fd := range []string{"0", "1", "2"} {
			if to, err := os.Readlink("/proc/" + strconv.Itoa(pid) + "/fd/" + fd); to != os.DevNull {
				t.Errorf("descriptor %s of %d is %s (%v)", fd, pid, to, err)
			}
		}
		if sid, err := unix.Getsid(pid); sid != parent {
			t.Errorf("%d is in session %d (%v), want %d", pid, sid, err, parent)
		}
	}
	unix.Kill(parent, unix.SIGTERM) // the supervisor passes it on to the command
	a.gone(t, id, []int{parent})
}

// A task in the background ends when its supervisor is killed.
func TestKernelSupervisorKilled(t *testing.T) {
	a := startAPI(t)
	id := a.detached(t, "sh", "-c", family)
	if !eventually(patience, func() bool { return len(processes(t, id)) >= 4 }) {
		t.Fatalf("only the processes %v run", processes(t, id))
	}
	pids := processes(t, id)
	unix.Kill(supervisor(t, id), unix.SIGKILL)
	a.gone(t, id, pids)
}

// If a task in the background cannot start, the caller gets the error.
func TestDetachFails(t *testing.T) {
	a := startAPI(t)
	check := func(a api, status int, want string, args ...string) {
		t.Helper()
		got := ended(t, a.run(append([]string{"--detach"}, args...)...))
		if got.status != status || got.out != "" || !strings.Contains(got.err, want) {
			t.Errorf("%q: %+v, want %d and %q", args, got, status, want)
		}
	}
	check(a, 127, "not found", "no-such-command-here")
	check(a, 126, "permission denied", "/etc/passwd")
	check(a, 1, "--user", "--user", "no-such-user-here", "true")
	check(a, 2, "--memory", "--memory", "0", "true")
	check(api{socket: filepath.Join(t.TempDir(), "nobody")}, 1, "--socket", "true")
	a.nothingLeft(t)
}

// A task in the background has its caller's working directory, and its environment
// without daytwo's own credentials.
func TestDetachEnvironment(t *testing.T) {
	a := startAPI(t)
	dir := t.TempDir()
	cmd := a.run("--detach", "sh", "-c", "env > env.temp; mv env.temp env")
	cmd.Dir = dir
	cmd.Env = append(cmd.Env, "DAYTWO_TOKEN=secret", "KEPT=1")
	got := ended(t, cmd)
	var env string
	eventually(patience, func() bool {
		b, err := os.ReadFile(filepath.Join(dir, "env"))
		env = string(b)
		return err == nil
	})
	id := strings.TrimSuffix(got.out, "\n")
	if !strings.Contains(env, "KEPT=1\n") || !strings.Contains(env, "CONTAINER_ID="+id+"\n") ||
		strings.Contains(env, "secret") {
		t.Errorf("%+v:\n%s", got, env)
	}
	a.gone(t, id, nil)
}
