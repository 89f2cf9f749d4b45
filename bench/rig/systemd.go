package rig

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// ServiceManager is a systemd that runs as root's user manager, in its own namespaces
// except for the network.
type ServiceManager struct {
	dir string // XDG_RUNTIME_DIR
	pid int    // of unshare, whose child is in the namespaces
}

// systemdScript mounts what systemd needs: what makes it believe that systemd booted
// the machine, and cgroups that it may manage. $1 is its runtime directory.
const systemdScript = `set -e
mount --make-rprivate /
mount -t tmpfs tmpfs /run
mkdir -p /run/systemd/system
hybrid=; grep -q ' - cgroup .*name=systemd' /proc/self/mountinfo && hybrid=1
umount -R /sys/fs/cgroup
if [ $hybrid ]; then
	mount -t tmpfs tmpfs /sys/fs/cgroup
	mkdir /sys/fs/cgroup/systemd /sys/fs/cgroup/unified
	mount -t cgroup -o none,name=systemd cgroup /sys/fs/cgroup/systemd
	mount -t cgroup2 cgroup2 /sys/fs/cgroup/unified
else
	mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
export XDG_RUNTIME_DIR="$1" HOME="$1"
systemd --user --unit=basic.target --log-target=console & # as process 1 it would be the machine's
wait
`

// Systemd starts a service manager, which the end of the test stops with its services.
func Systemd(t testing.TB) *ServiceManager {
	t.Helper()
	need(t, "systemd", "apt-get install systemd util-linux", "systemd", "systemctl", "unshare", "nsenter")
	NeedRoot(t, "a service manager")
	dir, err := newDir("systemd")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	m := &ServiceManager{dir: dir}
	if err := os.MkdirAll(filepath.Join(dir, "systemd/user"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	// It manages the cgroup that it is in, so it gets one.
	group := fmt.Sprintf("/daytwo-rig-systemd-%d", os.Getpid())
	join := ""
	for _, h := range hierarchies() {
		if filepath.Base(h) != "systemd" && filepath.Base(h) != "unified" && h != "/sys/fs/cgroup" {
			continue
		}
		if err := os.Mkdir(h+group, 0o755); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { eventually(5*time.Second, func() error { return rmdirTree(h + group) }) })
		join += "echo $$ >" + h + group + "/cgroup.procs; "
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command("sh", "-c",
		join+`exec unshare --mount --cgroup --pid --fork --kill-child --mount-proc sh -c "$0" sh "$1"`, systemdScript, dir)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	m.pid = cmd.Process.Pid
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	if err := eventually(20*time.Second, func() error {
		_, err := m.Ctl("is-active",
			"basic.target")
		return err
	}); err != nil {
		said, _ := os.ReadFile(log.Name())
		Missing(t, "systemd", fmt.Sprintf("it does not start in namespaces: %v\n%s", err, said),
			"systemd of Debian 12 or later")
	}
	return m
}

// Ctl runs systemctl in the PID namespace of systemd, which does not answer clients
// from outside of it.
func (m *ServiceManager) Ctl(args ...string) (string, error) {
	child, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", m.pid, m.pid))
	if err != nil || len(child) == 0 {
		return "", fmt.Errorf("systemd is not there: %w", err)
	}
	enter := []string{"--target", strings.Fields(string(child))[0], "--mount", "--pid", "systemctl", "--user",
		"--no-pager"}
	cmd := exec.Command("nsenter", append(enter, args...)...)
	cmd.Env = append(os.Environ(), "XDG_RUNTIME_DIR="+m.dir, "DBUS_SESSION_BUS_ADDRESS=")
	b, err := cmd.CombinedOutput()
	if err != nil {
		err = fmt.Errorf("systemctl %s: %w: %s", strings.Join(args, " "), err, b)
	}
	return strings.TrimSpace(string(b)), err
}

// Service writes a unit file with these lines in its section Service, and starts it.
func (m *ServiceManager) Service(t testing.TB, name string, lines ...string) {
	t.Helper()
	text := "[Service]\n" + strings.Join(lines, "\n") + "\n"
	if err := os.WriteFile(filepath.Join(m.dir, "systemd/user", name), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{"daemon-reload"}, {"restart", name}} {
		if _, err := m.Ctl(args...); err != nil {
			t.Fatal(err)
		}
	}
}

// Show returns a property of a service.
func (m *ServiceManager) Show(t testing.TB, name, property string) string {
	t.Helper()
	out, err := m.Ctl("show", "--property="+property, "--value", name)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
