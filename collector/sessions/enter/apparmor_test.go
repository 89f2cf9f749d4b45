package enter

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

var appArmor = rig.Feature{Name: "AppArmor", Present: func() bool {
	b, _ := os.ReadFile("/sys/module/apparmor/parameters/enabled")
	return string(b) == "Y\n"
}}

// A session is confined by the container's profile, with and without no_new_privs.
func TestKernelAppArmor(t *testing.T) {
	rig.Need(t, appArmor)
	policy, err := os.ReadFile("testdata/apparmor/profile.bin")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if err := unix.Mount("securityfs", dir, "securityfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { unix.Unmount(dir, unix.MNT_DETACH) })
	if err := os.WriteFile(dir+"/apparmor/.replace", policy, 0); err != nil {
		t.Fatal(err)
	}
	for _, helper := range []string{"enter-apparmor", "enter-apparmor-nnp"} {
		c := newSmall(t, helper)
		const want = "daytwo-test (enforce)\n"
		if b, err := os.ReadFile("/proc/" + itoa(c.pid) + "/attr/current"); err != nil || string(b) != want {
			t.Fatalf("the container runs as %q, %v", b, err)
		}
		r := c.start(Spec{}, "sh", "-c", "cat /proc/self/attr/current; : >/tmp/allowed-$$ && rm /tmp/allowed-$$ && "+
			"echo fine; : >/tmp/denied-$$").end(t)
		if r.out != want+"fine\n" || !strings.Contains(strings.ToLower(r.err), "permission denied") {
			t.Errorf("%s: %+v", helper, r)
		}
	}
}

// appArmorHelper becomes a command that is confined by the profile.
func appArmorHelper(args []string, noNewPrivs bool) int {
	if err := os.WriteFile("/proc/thread-self/attr/exec", []byte("exec daytwo-test"), 0); err != nil {
		return 1
	}
	if noNewPrivs {
		unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
	}
	path, err := exec.LookPath(args[0])
	if err != nil {
		return 1
	}
	syscall.Exec(path, args, os.Environ())
	return 1
}
