package rig

import (
	"crypto/sha256"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

// leaking makes this test binary leave everything behind.
const (
	leaking   = "DAYTWO_RIG_TEST_LEAKS"
	leakingID = "DAYTWO_RIG_TEST_LEAKED" // of a container, without this process's id in it
)

var leaked []any // is referred to, so that nothing is closed by the garbage collector

func leave(t *testing.T) {
	go func() { select {} }()
	l, err := net.Listen("unix", "@daytwo-test-leak")
	if err != nil {
		t.Fatal(err)
	}
	leaked = append(leaked, l)
	running := exec.Command("sleep", "1000")
	running.Env = append(os.Environ(), "A=b")
	dead := exec.Command("true")
	for _, cmd := range []*exec.Cmd{running, dead} {
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "left")
	if err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("tmpfs", dir, "tmpfs", 0, "size=64k"); err != nil {
		t.Fatal(err)
	}
	IP(t, "link add d2l"+strconv.Itoa(os.Getpid())+" type veth peer name d2m"+strconv.Itoa(os.Getpid()))
	ran.Store(os.Getenv(leakingID), true)
	for _, name := range []string{UniqueName("daytwo-test-leak"), "libpod-" + os.Getenv(leakingID)} {
		if err := os.Mkdir(filepath.Join(hierarchies()[0], name), 0o755); err != nil {
			t.Fatal(err)
		}
	}
}

// Main finds all that a test can leave behind, and removes what would be in the way.
func TestLeaksAreFound(t *testing.T) {
	if os.Getenv(leaking) == "1" {
		leave(t)
		return
	}
	NeedRoot(t, "mounting and making interfaces")
	cmd := exec.Command("/proc/self/exe", "-test.run=^TestLeaksAreFound$", "-test.v")
	id := fmt.Sprintf("%x", sha256.Sum256([]byte(UniqueName("leak"))))
	cmd.Env = append(os.Environ(), leaking+"=1", leakingID+"="+id, runMark+"=") // as if nobody looked after it
	b, err := cmd.CombinedOutput()
	out := string(b)
	pid := strconv.Itoa(cmd.Process.Pid)
	defer output("ip", "link", "del", "d2l"+pid)
	if err == nil || !strings.Contains(out, "--- PASS: TestLeaksAreFound") {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"rig.leave", "descriptor of socket:", ": sleep 1000", "nobody waited for it", "mount on ", "network interface d2l" +
			pid,
		"/daytwo-test-leak-" + pid, "/libpod-" + id, "file ",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not found: %s", want)
		}
	}
	if t.Failed() {
		t.Log(out)
	}
	for _, dir := range cgroupDirs(func(name string) bool {
		return strings.Contains(name, id) || strings.HasPrefix(name, "daytwo-test-leak-"+pid)
	}) {
		t.Errorf("left: %s", dir)
		removeCgroupDir(dir)
	}
	tmp, _ := filepath.Glob(filepath.Join(filepath.Dir(os.TempDir()), "d2-"+pid+"-*"))
	nested, _ := filepath.Glob(filepath.Join(os.TempDir(), "d2-"+pid+"-*"))
	if left := append(tmp, nested...); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}
