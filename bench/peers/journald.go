package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// realJournald is a journald in a mount namespace of its own, with a /run and a /var/log
// of its own, which has no rate limit and forwards nothing.
type realJournald struct{ cmd *exec.Cmd }

const startRealJournald = `set -e
mount -t tmpfs -o size=6G none /run
mount -t tmpfs -o size=6G none /var/log
mkdir -p /run/systemd/journal /run/systemd/journald.conf.d
touch /run/systemd/journal/flushed
cat >/run/systemd/journald.conf.d/90-peers.conf <<END
[Journal]
Storage=persistent
RateLimitIntervalSec=0
RateLimitBurst=0
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
SystemMaxUse=5G
SystemKeepFree=0
END
exec /lib/systemd/systemd-journald`

// withJournald calls f beside a journald.
func withJournald(f func(*realJournald) error) error {
	d := &realJournald{exec.Command("sh", "-c", startRealJournald)}
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS}
	var errs strings.Builder
	d.cmd.Stderr = &errs
	if err := d.cmd.Start(); err != nil {
		return err
	}
	defer func() {
		d.cmd.Process.Kill()
		d.cmd.Wait()
	}()
	for range 100 {
		if c, err := net.Dial("unix", d.path("/run/systemd/journal/stdout")); err == nil {
			c.Close()
			return f(d)
		}
		time.Sleep(100 * time.Millisecond)
	}
	return fmt.Errorf("journald did not come up: %s", errs.String())
}

// path is where a path of its namespace is found in this one.
func (d *realJournald) path(path string) string {
	return filepath.Join("/proc", strconv.Itoa(d.cmd.Process.Pid), "root", path)
}

// command runs a command in its namespace.
func (d *realJournald) command(name string, args ...string) *exec.Cmd {
	return exec.Command("nsenter", append([]string{"-t", strconv.Itoa(d.cmd.Process.Pid), "-m", "--", name}, args...)...)
}

// sync waits until journald has handled what it got.
func (d *realJournald) sync() error {
	if out, err := d.command("journalctl", "--sync").CombinedOutput(); err != nil {
		return fmt.Errorf("journalctl --sync: %w: %s", err, out)
	}
	return nil
}

func (d *realJournald) cpu() time.Duration { return cpuOfProcess(d.cmd.Process.Pid) }

// cpuOfProcess returns the CPU time of all threads that a process has now.
func cpuOfProcess(pid int) (d time.Duration) {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/schedstat", pid))
	for _, f := range files {
		b, err := os.ReadFile(f)
		var ns int64
		if _, e := fmt.Sscan(string(b), &ns); err == nil && e == nil {
			d += time.Duration(ns)
		}
	}
	return d
}
