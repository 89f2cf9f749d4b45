package sealed

import (
	"errors"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }

// The program runs from memory, and nobody can change it, not even root.
func TestSealed(t *testing.T) {
	shell, err := exec.LookPath("sh")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Open(shell)
	if err != nil {
		t.Fatal(err)
	}
	defer program.Close()
	f, err := Copy(program)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	path := "/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(f.Fd()))
	cmd := exec.Command(path, "-c", "readlink /proc/$$/exe")
	cmd.Args[0] = "sh"
	out, err := cmd.Output()
	if err != nil || !strings.HasPrefix(string(out), "/memfd:daytwo-session") {
		t.Errorf("it runs as %q, %v", out, err)
	}
	for _, how := range []int{os.O_WRONLY, os.O_RDWR} {
		w, err := os.OpenFile(path, how, 0)
		if err != nil {
			continue
		}
		if _, err := w.Write([]byte("x")); !errors.Is(err, unix.EPERM) {
			t.Errorf("it can be overwritten: %v", err)
		}
		if err := w.Truncate(0); !errors.Is(err, unix.EPERM) {
			t.Errorf("it can be truncated: %v", err)
		}
		w.Close()
	}
	if _, err := unix.FcntlInt(f.Fd(), unix.F_ADD_SEALS, unix.F_SEAL_FUTURE_WRITE); !errors.Is(err, unix.EPERM) {
		t.Errorf("seals can be changed: %v", err)
	}
}

// The helper of this architecture can be executed.
func TestHelper(t *testing.T) {
	f, err := Helper()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	err = exec.Command("/proc/" + strconv.Itoa(os.Getpid()) + "/fd/" + strconv.Itoa(int(f.Fd()))).Run()
	var exit *exec.ExitError
	if !errors.As(err, &exit) || exit.ExitCode() != 125 { // it was told nothing
		t.Errorf("it ends with %v", err)
	}
}
