package enter

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// Each call that gives up a right is needed: without it, the matrix of TestParity shows a
// difference.
func TestEachRightIsGivenUp(t *testing.T) {
	c := rig.Docker(t).Run(t, rig.Spec{Args: []string{"--cap-drop=all", "--cap-add=chown",
		"--security-opt=no-new-privileges", "--user=1000:2000", "--group-add=1234", "--ulimit=nofile=100:200",
		"--oom-score-adj=500", "--workdir=/tmp"}})
	first := facts(t, c.PID)
	for call, fact := range map[string]string{
		"drop a capability": "status CapBnd", "set the user id": "status Uid",
		"set the group id": "status Gid", "set the groups": "status Groups", "set no_new_privs": "status NoNewPrivs",
		"set a seccomp filter": "status Seccomp", "set a resource limit": "limits Max open files",
		"set oom_score_adj": "oom_score_adj", "join the container's namespaces": "ns/mnt",
		"join the container's cgroup": "cgroup memory", workdirCall: "cwd",
	} {
		for _, weak := range []bool{false, true} {
			marker++
			args := []string{"sleep", itoa(marker)}
			r := request{Target: target(c), Spec: Spec{Args: args}}
			if weak {
				r.Without = []string{call}
				if call == "set no_new_privs" { // without it, root alone may set filters
					r.Without = append(r.Without, "set a seccomp filter")
				}
			}
			s := start(t, r)
			pid := pidOf(args...)
			if pid == 0 {
				t.Fatalf("without %q: %+v", call, s.end(t))
			}
			if session := facts(t, pid); session[fact] != first[fact] != weak {
				t.Errorf("%q, made: %v: %s is %q, that of the first process %q", call, !weak, fact, session[fact], first[fact])
			}
			s.Process.Signal(os.Interrupt)
			s.end(t)
		}
	}
}

// attempt reports whether a session that tries to do something that it must not can, and
// what it says.
func attempt(t *testing.T, r request, files ...*os.File) (bool, result) {
	t.Helper()
	got := start(t, r, files...).end(t)
	return got.code == 0 && got.Refusal == nil, got
}

// escape tries an escape with the helper and with a weakened one, and only the latter may
// let it happen.
func escape(t *testing.T, r request, weaken func(*request), files ...*os.File) {
	t.Helper()
	if ok, got := attempt(t, r, files...); ok {
		t.Errorf("it escaped: %+v", got)
	}
	weaken(&r)
	if ok, got := attempt(t, r, files...); !ok {
		t.Errorf("the case proves nothing, as it fails with a weakened helper, too: %+v", got)
	}
}

// hostDir returns a directory of the host with a file named secret.
func hostDir(t *testing.T) *os.File {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/secret", []byte("of the host\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// A descriptor that the helper was given by mistake reaches no session.
func TestHostDescriptor(t *testing.T) {
	c := rig.Runc(t).Run(t, rig.Spec{})
	dir := hostDir(t)
	escape(t, request{Target: target(c), Spec: Spec{Args: []string{"cat", "/proc/self/fd/5/secret"}}},
		func(r *request) { r.Without = []string{"close descriptors"} }, dir)
}

// Nor does it become the working directory (the kind of CVE-2024-21626), not even if the
// container sees the host's processes.
func TestHostWorkdir(t *testing.T) {
	c := rig.Docker(t).Run(t, rig.Spec{Args: []string{"--pid=host"}})
	dir := hostDir(t)
	escape(t, request{Target: target(c), Spec: Spec{Workdir: "/proc/self/fd/5", Args: []string{"cat", "secret"}}},
		func(r *request) { r.Without = []string{"close descriptors"} }, dir)
	// By the rights that the helper still has while it enters, the host's root could be reached.
	for _, dir := range []string{"/proc/1/root", "/proc/1/cwd", "/proc/" + itoa(os.Getpid()) + "/root/"} {
		r := run(t, c, Spec{Workdir: dir}, "pwd")
		if r.Refusal == nil || r.Refusal.Reason != NoWorkdir {
			t.Errorf("%s: %+v", dir, r)
		}
	}
}

// A process of the session never has an id in the container's pid namespace while it has
// rights that the container has not: one with CAP_SYS_PTRACE could use them.
func TestRightsBeforeID(t *testing.T) {
	c := rig.Docker(t).Run(t, rig.Spec{Args: []string{"--cap-add=sys_ptrace"}})
	first := facts(t, c.PID)
	for _, weak := range []bool{false, true} {
		s := start(t, request{Target: target(c), Spec: Spec{Args: []string{"true"}}, Pause: true, Early: weak})
		// What the container's processes can see of it, read by one of them.
		seen := ""
		for end := time.Now().Add(5 * time.Second); seen == "" && time.Now().Before(end); {
			seen = sh(t, c, Spec{}, `for p in /proc/[0-9]*; do case $(cat $p/comm) in sleep|sh|cat) ;;
				*) grep -E 'CapEff|CapBnd' $p/status;; esac; done`)
		}
		more := seen != "CapEff:\t"+first["status CapEff"]+"\nCapBnd:\t"+first["status CapBnd"]+"\n"
		if more != weak {
			t.Errorf("weakened: %v: the container sees %q", weak, seen)
		}
		s.end(t)
	}
}

// A session without a terminal cannot open that of the helper, into which it could push
// input (TIOCSTI).
func TestHelpersTerminal(t *testing.T) {
	c := rig.Runc(t).Run(t, rig.Spec{})
	master, err := unix.Open("/dev/ptmx", unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(master)
	slave, err := openSlave(master, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	tty := os.NewFile(uintptr(slave), "tty")
	defer tty.Close()
	for _, weak := range []bool{false, true} {
		r := request{Target: target(c), Spec: Spec{Args: []string{"sh", "-c", "mknod /dev/shm/t c 5 0; : </dev/tty"}}}
		if weak {
			r.Without = []string{"start a session of processes"}
		}
		got := startAs(t, r, &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 5}, tty).end(t)
		if (got.code == 0) != weak {
			t.Errorf("weakened: %v: %+v", weak, got)
		}
	}
}

// Links in the container lead to nothing of the host when users are looked up.
func TestPasswdLink(t *testing.T) {
	host := t.TempDir() + "/passwd"
	if err := os.WriteFile(host, []byte("evil:x:77:77::/of-the-host:/bin/sh\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := bundle(t, func(s spec) {
		root := copyRoot(t, s)
		os.Remove(root + "/etc/passwd")
		for _, to := range []string{host, "../../../../../../../../../.." + host} {
			os.Remove(root + "/etc/passwd")
			if err := os.Symlink(to, root+"/etc/passwd"); err != nil {
				t.Fatal(err)
			}
		}
	})
	r := run(t, c, Spec{User: "evil"}, "id")
	if r.Refusal == nil || r.Refusal.Reason != NoUser {
		t.Errorf("%+v", r)
	}
	// What a reader finds that joins paths, instead of the kernel's resolution inside the root.
	link, err := os.Readlink("/proc/" + itoa(c.PID) + "/root/etc/passwd")
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(filepath.Join("/", link)); err != nil || !strings.HasPrefix(string(b), "evil") {
		t.Errorf("the case proves nothing: %q, %v", b, err)
	}
}

// What a container puts at the path of a terminal is not opened.
func TestNoTerminal(t *testing.T) {
	for name, make := range map[string]func(path string) error{
		"nothing": func(string) error { return nil },
		"fifo":    func(path string) error { return unix.Mkfifo(path, 0o666) },
		"file":    func(path string) error { return os.WriteFile(path, nil, 0o666) },
		"link":    func(path string) error { return os.Symlink("/proc/1/root/dev/pts/ptmx", path) },
	} {
		c := bundle(t, func(s spec) {
			root := copyRoot(t, s)
			s["mounts"] = []any{map[string]any{"destination": "/proc", "type": "proc", "source": "proc"}}
			if err := os.MkdirAll(root+"/dev/pts", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := make(root + "/dev/pts/ptmx"); err != nil {
				t.Fatal(err)
			}
		})
		r := run(t, c, Spec{TTY: true, Rows: 3, Cols: 5}, "stty", "size")
		if r.out != "3 5\r\n" || r.code != 0 || len(r.Notes) != 1 || !strings.Contains(r.Notes[0], "one of the host") {
			t.Errorf("%s: %+v", name, r)
		}
	}
}

// A process that has got the id of the one that was authorised is not entered.
func TestReusedID(t *testing.T) {
	c := rig.Runc(t).Run(t, rig.Spec{})
	stat, err := os.ReadFile("/proc/" + itoa(c.PID) + "/stat")
	if err != nil {
		t.Fatal(err)
	}
	_, _, started, err := parseStat(stat)
	if err != nil {
		t.Fatal(err)
	}
	for _, other := range []uint64{0, 1} {
		tg := target(c)
		tg.StartTime = started + other
		r := start(t, request{Target: tg, Spec: Spec{Args: []string{"true"}}}).end(t)
		if (r.Refusal != nil && r.Refusal.Reason == Gone) != (other != 0) {
			t.Errorf("%+v", r)
		}
	}
	c.Stop()
	if r := run(t, c, Spec{}, "true"); r.Refusal == nil || r.Refusal.Reason != Gone {
		t.Errorf("%+v", r)
	}
}

// The seccomp filter of a container that is created and not started is not there yet.
func TestCreated(t *testing.T) {
	c := bundle(t, nil, "create")
	if r := run(t, c, Spec{}, "true"); r.Refusal == nil || r.Refusal.Reason != Starting {
		t.Errorf("%+v", r)
	}
}
