package enter

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// A container of rootless podman, of another user, is entered as that user's: with the
// ids, namespaces and rights that it has there.
func TestRootlessPodman(t *testing.T) {
	root := rig.Runc(t).Dir + "/rootfs"
	for _, program := range []string{"podman", "conmon"} {
		if _, err := exec.LookPath(program); err != nil {
			rig.Missing(t, "podman", err.Error(), "apt-get install podman conmon runc")
		}
	}
	const uid = 61500                // of nobody else
	dir, err := os.MkdirTemp("", "") // t.TempDir's parent is for root alone
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // podman's own cleaning up may still write there
		rig.Eventually(t, 20*time.Second, func() error { return os.RemoveAll(dir) })
	})
	const prepare = `cp -a "$1" "$2/rootfs" && mkdir -m 700 "$2/run" && chown -R "$3:$3" "$2"`
	if out, err := exec.Command("sh", "-c", prepare, "-", root, dir, itoa(uid)).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	podman := func(args ...string) (string, error) {
		cmd := exec.Command("podman", append([]string{"--root", dir + "/s", "--runroot", dir + "/run/rr", "--tmpdir",
			dir + "/t", "--storage-driver", "vfs", "--cgroup-manager", "cgroupfs", "--events-backend", "file", "--runtime",
			"/usr/sbin/runc"}, args...)...)
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "XDG_RUNTIME_DIR=" + dir + "/run"}
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: uid}}
		var errs strings.Builder
		cmd.Stderr = &errs
		out, err := cmd.Output()
		return string(out) + errs.String(), err
	}
	t.Cleanup(func() {
		podman("rm", "-f", "-t", "0", "-a")
		pauses, _ := filepath.Glob(dir + "/t/pause.pid")
		for _, file := range pauses { // podman leaves it, to keep the user namespace
			b, _ := os.ReadFile(file)
			if pid, err := strconv.Atoi(strings.TrimSpace(string(b))); err == nil && pid > 1 {
				syscall.Kill(pid, syscall.SIGKILL)
			}
		}
	})
	marker++
	last := []string{"/bin/sleep", itoa(marker)}
	out, err := podman(append([]string{"run", "-d", "--network", "none", "--ulimit", "host", "--rootfs", dir + "/rootfs"},
		last...)...)
	if err != nil {
		t.Fatalf("podman: %v\n%s", err, out)
	}
	pid := pidOf(last...)
	if pid == 0 {
		t.Fatal("the container does not run")
	}
	marker++
	args := []string{"sleep", itoa(marker)}
	s := start(t, request{Target: Target{ID: "rootless", PID: pid}, Spec: Spec{Args: args}})
	mine := pidOf(args...)
	if mine == 0 {
		t.Fatalf("%+v", s.end(t))
	}
	session := facts(t, mine)
	if session["status Uid"] != strings.Join([]string{itoa(uid), itoa(uid), itoa(uid), itoa(uid)}, "\t") {
		t.Errorf("it runs as %s", session["status Uid"])
	}
	compare(t, "rootless podman", "first process", session, facts(t, pid))
	s.Process.Signal(os.Interrupt)
	s.end(t)
	r := start(t, request{Target: Target{ID: "rootless", PID: pid}, Spec: Spec{TTY: true, Args: []string{"tty"}}}).end(t)
	if r.out != "/dev/pts/0\r\n" || r.code != 0 {
		t.Errorf("%+v", r)
	}
}
