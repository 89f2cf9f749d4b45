package enter

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// statusFields are compared, together with those of capabilities and of speculation.
var statusFields = []string{"Umask", "TracerPid", "Uid", "Gid", "Groups", "SigBlk", "NoNewPrivs", "Seccomp",
	"Seccomp_filters", "Cpus_allowed", "Mems_allowed", "THP_enabled"}

// ignored returns the signals that this process ignores.
func ignored(t testing.TB) uint64 {
	t.Helper()
	b, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), "\nSigIgn:")
	v, _, _ := strings.Cut(rest, "\n")
	n, err := strconv.ParseUint(strings.TrimSpace(v), 16, 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// facts reads what the kernel knows about a process, by name. What differs between any
// two processes, as ids and times, is left out.
func facts(t testing.TB, pid int) map[string]string {
	t.Helper()
	all := map[string]string{}
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	read := func(name string) string {
		b, err := os.ReadFile(dir + name)
		if err != nil {
			return err.Error()[len("open "+dir):]
		}
		return strings.TrimRight(string(b), "\n")
	}
	for line := range strings.Lines(read("status")) {
		k, v, _ := strings.Cut(line, ":")
		v = strings.TrimSpace(v)
		switch {
		case k == "SigIgn":
			// What this process itself ignores, everything that it starts does, but not what enter
			// starts: the C library's signals 32 and 33, say, below some versions of make.
			n, err := strconv.ParseUint(v, 16, 64)
			if err != nil {
				t.Fatal(err)
			}
			all["status SigIgn"] = fmt.Sprintf("%016x", n&^ignored(t))
		case k == "NStgid":
			all["status pid namespaces"] = strconv.Itoa(len(strings.Fields(v)))
		case slices.Contains(statusFields, k), strings.HasPrefix(k, "Cap"), strings.HasPrefix(k, "Speculation"):
			all["status "+k] = v
		}
	}
	for i, line := range strings.Split(read("limits"), "\n") {
		if i > 0 && len(line) > 26 {
			all["limits "+strings.TrimSpace(line[:26])] = strings.Join(strings.Fields(line[26:]), " ")
		}
	}
	for line := range strings.Lines(read("cgroup")) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		all["cgroup "+f[1]] = f[2]
	}
	for _, dir := range []string{"ns", "attr"} {
		entries, _ := os.ReadDir("/proc/" + strconv.Itoa(pid) + "/" + dir)
		for _, e := range entries {
			name := dir + "/" + e.Name()
			if dir == "ns" {
				all[name], _ = os.Readlink("/proc/" + strconv.Itoa(pid) + "/" + name)
			} else if !e.IsDir() {
				all[name] = read(name)
			}
		}
	}
	for _, name := range []string{"mountinfo", "oom_score_adj", "personality", "timerslack_ns", "coredump_filter",
		"uid_map", "gid_map", "setgroups", "loginuid", "sessionid"} {
		all[name] = read(name)
	}
	for line := range strings.Lines(read("sched")) {
		if k, v, ok := strings.Cut(line, ":"); ok {
			if k = strings.TrimSpace(k); k == "policy" || k == "prio" || strings.HasPrefix(k, "uclamp") {
				all["sched "+k] = strings.TrimSpace(v)
			}
		}
	}
	stat := strings.Fields(read("stat")[strings.LastIndex(read("stat"), ")"):])
	all["nice"], all["controlling terminal"] = stat[17], fmt.Sprint(stat[5] != "0")
	all["leads its session"] = fmt.Sprint(stat[4] == strconv.Itoa(pid) || stat[4] == "0")
	n, _, _ := unix.Syscall(unix.SYS_IOPRIO_GET, 1, uintptr(pid), 0)
	all["io priority"] = strconv.Itoa(int(n))
	for _, name := range []string{"root", "cwd"} {
		all[name], _ = os.Readlink(dir + name)
	}
	env := strings.Split(strings.TrimRight(read("environ"), "\x00"), "\x00")
	slices.Sort(env)
	for _, v := range env {
		k, v, _ := strings.Cut(v, "=")
		all["environ "+k] = v
	}
	fds, _ := os.ReadDir(dir + "fd")
	for _, e := range fds {
		to, _ := os.Readlink(dir + "fd/" + e.Name())
		kind, _, _ := strings.Cut(to, ":")
		all["descriptor "+e.Name()] = kind
	}
	return all
}

// allowed reads testdata/differences.txt: which facts of a session may differ from those
// of the first process, or of the runtime's own exec, and why.
func allowed(t testing.TB) map[string]string {
	t.Helper()
	b, err := os.ReadFile("testdata/differences.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(b)) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		key, why, ok := strings.Cut(line, ": ")
		if !ok {
			t.Fatalf("differences.txt: %q gives no reason", line)
		}
		all[key] = why
	}
	return all
}

// seen has the allowed differences that there were.
var seen = map[string]bool{}

// compare reports the differences that are not allowed.
func compare(t *testing.T, runtime, with string, session, other map[string]string) {
	t.Helper()
	may := allowed(t)
	keys := map[string]bool{}
	for k := range session {
		keys[k] = true
	}
	for k := range other {
		keys[k] = true
	}
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		a, inA := session[k]
		b, inB := other[k]
		if a == b && inA == inB {
			continue
		}
		all := true
		for _, key := range []string{with + " " + k, with + " of " + runtime + " " + k} {
			if may[key] != "" {
				seen[key], all = true, false
			}
		}
		if all {
			t.Errorf("%s: %s: the session has %q (%v), the %s %q (%v)", runtime, k, a, inA, with, b, inB)
		}
	}
}

// pidOf waits for the process with such a command line, and returns 0 if there is none.
func pidOf(cmdline ...string) int {
	want := []byte(strings.Join(cmdline, "\x00") + "\x00")
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(10 * time.Millisecond) {
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range files {
			if b, _ := os.ReadFile(f); bytes.Equal(b, want) {
				pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
				return pid
			}
		}
	}
	return 0
}

// number of seconds that tells the sleeps of this test apart.
var marker = 20000 + os.Getpid()*7%70000

// parity compares a session with the first process of a container and with the runtime's
// own exec.
func parity(t *testing.T, c *rig.Container) {
	t.Helper()
	runtime := c.Engine.Name
	marker++
	mine := []string{"sleep", strconv.Itoa(marker)}
	s := start(t, request{Target: target(c), Spec: Spec{Args: mine}})
	pid := pidOf(mine...)
	if pid == 0 {
		t.Fatalf("no session: %+v", s.end(t))
	}
	session := facts(t, pid)
	compare(t, runtime, "first process", session, facts(t, c.PID))

	marker++
	theirs := []string{"sleep", strconv.Itoa(marker)}
	exec := c.Command(theirs...)
	stdin, err := exec.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer stdin.Close()
	var out bytes.Buffer
	exec.Stdout, exec.Stderr = &out, &out
	if err := exec.Start(); err != nil {
		t.Fatal(err)
	}
	if pid = pidOf(theirs...); pid == 0 {
		t.Fatalf("no exec: %s", out.String())
	}
	compare(t, runtime, "exec", session, facts(t, pid))
	unix.Kill(pid, unix.SIGKILL)
	exec.Wait()
	s.Process.Signal(os.Interrupt)
	s.end(t)
}

// A session has what the first process of its container has, and what the runtime's own
// exec gives, except for what testdata/differences.txt lists.
func TestParity(t *testing.T) {
	docker := func(args ...string) func(*testing.T) *rig.Container {
		return func(t *testing.T) *rig.Container { return rig.Docker(t).Run(t, rig.Spec{Args: args}) }
	}
	ran := 0
	all := map[string]func(*testing.T) *rig.Container{
		"runc": func(t *testing.T) *rig.Container { return rig.Runc(t).Run(t, rig.Spec{}) },
		"containerd": func(t *testing.T) *rig.Container {
			return rig.Containerd(t).Run(t, rig.Spec{Args: []string{"--seccomp"}})
		},
		"podman": func(t *testing.T) *rig.Container { return rig.Podman(t).Run(t, rig.Spec{}) },
		"docker": docker(),
		"hardened": docker("--cap-drop=all", "--security-opt=no-new-privileges", "--read-only", "--user=1000:2000",
			"--group-add=1234", "--ulimit=nofile=200:200", "--ulimit=core=0", "--oom-score-adj=500", "--cpuset-cpus=0",
			"--memory=64m", "--pids-limit=50", "--workdir=/tmp", "--env=A=b", "--hostname=h", "--init"),
		"capabilities": docker("--cap-drop=all", "--cap-add=net_admin", "--cap-add=chown", "--env=HOME=/x"),
		"rights":       docker("--cap-add=sys_admin", "--cap-add=sys_ptrace", "--pids-limit=-1"),
		"host": func(t *testing.T) *rig.Container {
			return rig.Docker(t).Run(t, rig.Spec{HostNet: true, Args: []string{"--pid=host", "--ipc=host", "--uts=host",
				"--cgroupns=host"}})
		},
		"userns": func(t *testing.T) *rig.Container { return bundle(t, inUserNamespace) },
		"userns, other ids": func(t *testing.T) *rig.Container {
			return bundle(t, func(s spec) {
				inUserNamespace(s)
				s.object("process")["user"] = map[string]any{"uid": 33, "gid": 44, "additionalGids": []int{55, 66}}
			})
		},
		"userns, host's network": func(t *testing.T) *rig.Container {
			return bundle(t, func(s spec) {
				inUserNamespace(s)
				l := s.object("linux")
				l["namespaces"] = slices.DeleteFunc(l["namespaces"].([]any),
					func(ns any) bool { return ns.(map[string]any)["type"] == "network" })
				s["mounts"] = slices.DeleteFunc(s["mounts"].([]any),
					func(m any) bool { return strings.HasPrefix(m.(map[string]any)["destination"].(string), "/sys") })
			})
		},
		"unconfined": docker("--security-opt=seccomp=unconfined"),
	}
	for name, container := range all {
		t.Run(name, func(t *testing.T) {
			parity(t, container(t))
			ran++
		})
	}
	if t.Failed() || ran < len(all) { // or -run asks for some of them
		return
	}
	for key := range allowed(t) {
		if !seen[key] && !strings.Contains(key, " of plain ") { // that is for TestPlain
			t.Errorf("differences.txt allows %q, and nothing needs that", key)
		}
	}
}
