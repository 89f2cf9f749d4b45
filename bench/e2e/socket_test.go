package e2e

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

// socketDir is a directory of exactly so many bytes.
func socketDir(t *testing.T, size int) string {
	t.Helper()
	top, err := os.MkdirTemp("/tmp", "d")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(top) })
	dir := top + "/" + strings.Repeat("d", size-len(top)-1)
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	return dir
}

// Sockets of every length that the kernel allows are there, and daytwo run and
// StatsD clients reach them.
func TestSocketPaths(t *testing.T) {
	t.Parallel()
	for size := 100; size <= 107; size++ {
		data := socketDir(t, size-len("/"+launch.SocketName))
		gram := filepath.Join(data, strings.Repeat("g", size-len(data)-1))
		socket := filepath.Join(data, launch.SocketName)
		d := rig.Start(t, rig.Options{Program: "collector", Data: data,
			Args: []string{"--nats", "none", "--no-bpf", "--metrics", "none", "--statsd", "unixgram://" + gram}})
		rig.Eventually(t, rig.Ready, func() error {
			if !d.Running() {
				t.Fatalf("%d bytes: it ended", size)
			}
			out, err := exec.Command(rig.Binary(t), "run", "--socket", socket, "--", "true").CombinedOutput()
			if err != nil {
				err = errors.New(string(out))
			}
			return err
		})
		c, err := net.Dial("unixgram", gram)
		if err != nil {
			t.Fatalf("%d bytes: %v", size, err)
		}
		if _, err := c.Write([]byte("hits:1|c")); err != nil {
			t.Errorf("%d bytes: %v", size, err)
		}
		c.Close()
		d.Stop(t)
	}
}

// A path that no socket can have is refused at once, with what to do about it.
func TestSocketPathsThatAreTooLong(t *testing.T) {
	t.Parallel()
	f := func(exit int, args []string, want ...string) {
		t.Helper()
		out, err := exec.Command(rig.Binary(t), args...).CombinedOutput()
		var status *exec.ExitError
		if !errors.As(err, &status) || status.ExitCode() != exit {
			t.Errorf("%v: %v, want status %d", args, err, exit)
		}
		if strings.Contains(string(out), upText) {
			t.Errorf("%v says that it is up:\n%s", args, out)
		}
		for _, w := range append(want, "at most 107") {
			if !strings.Contains(string(out), w) {
				t.Errorf("%v: want %q:\n%s", args, w, out)
			}
		}
	}
	long := func(size int) string { return "/tmp/" + strings.Repeat("x", size-len("/tmp/")) }
	for _, size := range []int{108, 200} {
		data := long(size - len("/"+launch.SocketName))
		for _, program := range []string{"up", "collector"} {
			f(2, []string{program, "--data", data}, "--data", "--socket")
			f(2, []string{program, "--socket", long(size)}, "--socket")
			args := []string{program, "--no-bpf", "--data", t.TempDir(), "--statsd", "unix://" + long(size), "--metrics", "none"}
			if program == "up" {
				args = append(args, "--listen", rig.FreePort(t))
			} else {
				args = append(args, "--nats", "none")
			}
			f(1, args, "statsd")
		}
		f(1, []string{"run", "--socket", long(size), "--", "true"}, long(size))
	}
}
