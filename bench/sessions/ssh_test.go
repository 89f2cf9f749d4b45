package sessions

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// A session works over ssh: its size, its keys, its status; and it goes on when ssh goes away.
func TestSSH(t *testing.T) {
	for _, program := range []string{"ssh", "ssh-keygen", "dropbear", "dropbearkey"} {
		if _, err := exec.LookPath(program); err != nil {
			rig.Missing(t, program, err.Error(), "apt-get install openssh-client dropbear-bin")
		}
	}
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		name := rig.UniqueName("ssh")
		f := newFixture(t, name)
		s := f.terminal(f.ssh("sh", "-i"))
		s.expect("# ")
		s.keys("stty size; echo rea'dy'\n")
		s.expect("57 203\r\nready")
		s.resize(31, 91)
		rig.Eventually(t, 20*time.Second, func() error {
			s.keys("stty size\n")
			time.Sleep(100 * time.Millisecond)
			if !strings.Contains(s.shown.String(), "31 91") {
				return fmt.Errorf("the size did not change: %q", s.shown.String())
			}
			return nil
		})
		s.keys("sleep 100\n")
		time.Sleep(300 * time.Millisecond)
		s.keys("\x03echo ä inter'rup'ted\n")
		s.expect("ä interrupted")
		s.keys("exit 6\n")
		s.end(6)

		gone := f.terminal(f.ssh("sh", "-i"))
		gone.expect("# ")
		gone.keys("still=he're'; echo rea'dy'\n")
		gone.expect("ready")
		if err := gone.cmd.Process.Signal(syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		var id string
		f.eventually(func() bool {
			out, _, _ := f.run("", "session", "list")
			for line := range strings.Lines(out) {
				if fields := strings.Fields(line); strings.HasSuffix(line, " 0  sh -i\n") {
					id = fields[0]
				}
			}
			return id != ""
		}, "the session goes on without a client")
		again := f.terminal(f.command("session", "attach", id))
		again.keys("echo $still; exit 5\n")
		again.expect("here")
		again.end(5)
	})
}

// ssh returns a command that runs a command in the task from where ssh leads to.
func (f *fixture) ssh(command ...string) *exec.Cmd {
	f.Helper()
	dir := f.TempDir()
	key, host, port := filepath.Join(dir, "key"), filepath.Join(dir, "host"), rig.FreePort(f)
	for _, args := range [][]string{{"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key},
		{"dropbearkey", "-t", "ed25519", "-f", host}} {
		if out, err := exec.Command(args[0], args[1:]...).CombinedOutput(); err != nil {
			f.Fatalf("%v: %s", err, out)
		}
	}
	public, err := os.ReadFile(key + ".pub")
	if err != nil {
		f.Fatal(err)
	}
	me, err := user.Current()
	if err != nil {
		f.Fatal(err)
	}
	// A home directory of the test's own, in its mount namespace.
	if err := unix.Mount("tmpfs", me.HomeDir, "tmpfs", 0, "mode=700"); err != nil {
		f.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(me.HomeDir, ".ssh"), 0o700); err != nil {
		f.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(me.HomeDir, ".ssh", "authorized_keys"), public, 0o600); err != nil {
		f.Fatal(err)
	}
	rig.StartProcess(f, exec.Command("dropbear", "-F", "-E", "-s", "-p", port, "-r", host,
		"-P", filepath.Join(dir, "pid")))
	_, number, _ := strings.Cut(port, ":")
	login := []string{"-i", key, "-p", number, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
		"-o", "LogLevel=ERROR", "-o", "ConnectionAttempts=20", me.Username + "@127.0.0.1"}
	rig.Eventually(f, 20*time.Second, func() error { return exec.Command("ssh", append(login, "true")...).Run() })
	remote := f.command(append([]string{"task", "exec", "-it", f.task}, command...)...)
	return exec.CommandContext(f.Context(), "ssh", append(append([]string{"-tt"}, login...), remote.Args...)...)
}
