package enter

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// small is a container without a runtime: a process in namespaces and a cgroup of
// version 2 of its own.
type small struct {
	pid    int
	cgroup string // directory
	t      testing.TB
}

// unified returns where the hierarchy of version 2 is mounted.
func unified(t testing.TB) string {
	t.Helper()
	mounts, err := cgroupMounts()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(mounts, func(m cgroupMount) bool { return m.v2 })
	if i < 0 {
		rig.KernelLacks(t, rig.CgroupV2, unix.ENOENT)
	}
	return mounts[i].at
}

// newSmall starts one, whose command is "sleep N". helper is the name under which the test
// binary starts that, "" for none.
func newSmall(t testing.TB, helper string) *small {
	t.Helper()
	rig.NeedRoot(t, "a container")
	root := unified(t)
	name := rig.UniqueName("small")
	c := &small{cgroup: filepath.Join(root, name), t: t}
	if err := os.Mkdir(c.cgroup, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { (&cgroups{made: []string{c.cgroup}}).end() })
	dir, err := os.Open(c.cgroup)
	if err != nil {
		t.Fatal(err)
	}
	defer dir.Close()
	marker++
	last := []string{"sleep", itoa(marker)}
	cmd := exec.Command(last[0], last[1:]...)
	if helper != "" {
		cmd = &exec.Cmd{Path: "/proc/self/exe", Args: append([]string{helper}, last...)}
	}
	ids := []syscall.SysProcIDMap{{ContainerID: 0, HostID: 100000, Size: 65536}}
	cmd.Dir, cmd.SysProcAttr = "/", &syscall.SysProcAttr{UseCgroupFD: true, CgroupFD: int(dir.Fd()), Setsid: true,
		Cloneflags: unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWPID | unix.CLONE_NEWNET | unix.CLONE_NEWIPC |
			unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP, UidMappings: ids, GidMappings: ids,
		Credential: &syscall.Credential{Uid: 33, Gid: 44}}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if c.pid = pidOf(last...); c.pid == 0 {
		t.Fatal("the container does not start")
	}
	return c
}

func (c *small) start(s Spec, args ...string) *session {
	c.t.Helper()
	s.Args = args
	return start(c.t, request{Target: Target{ID: "small", PID: c.pid}, Spec: s})
}

func (c *small) write(file, text string) {
	c.t.Helper()
	if err := os.WriteFile(c.cgroup+"/"+file, []byte(text), 0); err != nil {
		c.t.Fatal(err)
	}
}

// A session has what the first process has, on every kernel.
func TestKernelParity(t *testing.T) {
	c := newSmall(t, "")
	marker++
	args := []string{"sleep", itoa(marker)}
	s := c.start(Spec{}, args...)
	pid := pidOf(args...)
	if pid == 0 {
		t.Fatalf("%+v", s.end(t))
	}
	session, first := facts(t, pid), facts(t, c.pid)
	for _, all := range []map[string]string{session, first} {
		for k := range all {
			if strings.HasPrefix(k, "descriptor ") {
				delete(all, k)
			}
		}
	}
	compare(t, "plain", "first process", session, first)
	if left, err := os.ReadDir("/proc/" + itoa(pid) + "/fd"); err == nil && len(left) != 3 {
		t.Errorf("it has %d descriptors", len(left))
	}
	s.Process.Signal(os.Interrupt)
	s.end(t)
}

// All that a session started ends with it; it may have made cgroups of its own, and the
// container may be frozen.
func TestKernelEnd(t *testing.T) {
	for _, frozen := range []bool{false, true} {
		c := newSmall(t, "")
		s := c.start(Spec{}, "sh", "-c",
			"trap '' TERM HUP INT; for i in 1 2 3 4; do setsid sleep 1000 & done; echo ok; sleep 1000")
		for end := time.Now().Add(5 * time.Second); len(processes(c.cgroup)) < 6 && time.Now().Before(end); {
			time.Sleep(10 * time.Millisecond)
		}
		if n := len(processes(c.cgroup)); n < 6 {
			t.Errorf("only %d processes", n)
		}
		made, err := filepath.Glob(c.cgroup + "/daytwo-session-*")
		if err != nil || len(made) != 1 {
			t.Fatalf("the session's cgroups are %v", made)
		}
		if err := os.MkdirAll(made[0]+"/a/b", 0o755); err != nil {
			t.Fatal(err)
		}
		if frozen {
			c.write("cgroup.freeze", "1")
			if r := c.start(Spec{}, "true").end(t); r.Refusal == nil || r.Refusal.Reason != Frozen {
				t.Errorf("a frozen container: %+v", r)
			}
		}
		begin := time.Now()
		s.Process.Signal(os.Interrupt)
		if r := s.end(t); r.code != 128+9 {
			t.Errorf("%+v", r)
		}
		if took := time.Since(begin); took > killWithin {
			t.Errorf("frozen %v: it took %v", frozen, took)
		}
		if left := processes(c.cgroup); len(left) != 1 {
			t.Errorf("frozen %v: %v is left", frozen, left)
		}
		if _, err := os.Stat(made[0]); err == nil {
			t.Errorf("frozen %v: its cgroup is left", frozen)
		}
		c.write("cgroup.freeze", "0")
	}
}

// A container that has moved its processes into a cgroup below its own, and enabled
// controllers, is entered, counts the session, and may change its cgroups afterwards.
func TestKernelBusyCgroup(t *testing.T) {
	c := newSmall(t, "")
	b, err := os.ReadFile(c.cgroup + "/cgroup.controllers")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(c.cgroup+"/init", 0o755); err != nil {
		t.Fatal(err)
	}
	c.write("init/cgroup.procs", itoa(c.pid))
	for _, controller := range strings.Fields(string(b)) {
		c.write("cgroup.subtree_control", "+"+controller)
	}
	s := c.start(Spec{}, "sh", "-c", "cat /proc/self/cgroup; read x")
	for end := time.Now().Add(5 * time.Second); len(processes(c.cgroup)) < 2 && time.Now().Before(end); {
		time.Sleep(10 * time.Millisecond)
	}
	if inside := processes(c.cgroup + "/init"); len(inside) < 2 { // the shell may run cat
		t.Errorf("the container's processes are %v", inside)
	}
	io := s.end(t) // the end of its input
	if io.Refusal != nil || !strings.Contains(io.out, "daytwo-session-") {
		t.Errorf("%+v", io)
	}
	for _, controller := range strings.Fields(string(b)) {
		c.write("cgroup.subtree_control", "-"+controller)
	}
}

// A seccomp filter that asks a supervisor is refused, or, if that is allowed, what it would
// ask about fails.
func TestKernelNotify(t *testing.T) {
	c := newSmall(t, "enter-notify")
	if r := c.start(Spec{}, "true").end(t); r.Refusal == nil || r.Refusal.Reason != Notify {
		t.Errorf("%+v", r)
	}
	dir := "/tmp/" + rig.UniqueName("never")
	r := c.start(Spec{AllowNotify: true}, "sh", "-c", "mkdir "+dir+"; echo went on").end(t)
	if r.out != "went on\n" || !strings.Contains(strings.ToLower(r.err), "not implemented") {
		t.Errorf("%+v", r)
	}
}

// notifyHelper becomes a command, with a filter that asks a supervisor about mkdir(2).
func notifyHelper(args []string) int {
	ld, jeq, ret := uint16(0x20), uint16(0x15), uint16(0x06)
	code := []unix.SockFilter{{Code: ld}, {Code: jeq, Jt: 1, K: unix.SYS_MKDIRAT}, {Code: jeq, Jf: 1, K: sysMkdir},
		{Code: ret, K: unix.SECCOMP_RET_USER_NOTIF}, {Code: ret, K: unix.SECCOMP_RET_ALLOW}}
	prog := unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return 1
	}
	fd, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER,
		unix.SECCOMP_FILTER_FLAG_NEW_LISTENER, uintptr(unsafe.Pointer(&prog)))
	if errno != 0 {
		return 1
	}
	unix.FcntlInt(fd, unix.F_SETFD, 0)
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 1
	}
	syscall.Exec(path, args, os.Environ())
	return 1
}
