package rig

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

const journaldProgram = "/lib/systemd/systemd-journald"

// JournaldSocket is where a Journald takes entries by its native protocol.
const JournaldSocket = "/run/systemd/journal/socket"

// Journald is a journald of the test's own, which keeps all that it gets.
type Journald struct {
	*Process
	t    testing.TB
	held *os.File // its socket, if the test holds that open
}

// HoldSocket makes the socket that journald takes entries at, and holds it open until the
// test ends, as systemd does: what journald has not taken when it ends stays there for
// the next one. Call it before Restart.
func (d *Journald) HoldSocket() {
	d.t.Helper()
	os.Remove(JournaldSocket)
	fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err == nil {
		d.held = os.NewFile(uintptr(fd), JournaldSocket)
		d.t.Cleanup(func() { d.held.Close() })
		err = unix.Bind(fd, &unix.SockaddrUnix{Name: JournaldSocket})
	}
	if err != nil {
		d.t.Fatalf("hold the socket of journald: %v", err)
	}
}

// StartJournald starts a journald, in a mount namespace of the test (see InNamespaces),
// with a /run and a /var/log of its own. config is added to its configuration, which
// reads nothing of the machine's and has no rate limit.
func StartJournald(t testing.TB, config string) *Journald {
	t.Helper()
	if _, err := exec.LookPath(journaldProgram); err != nil {
		Missing(t, journaldProgram, err.Error(), "apt-get install systemd")
	}
	for _, dir := range []string{"/run", "/var/log"} {
		SmallDisk(t, dir, "4G")
	}
	files := map[string]string{
		"/run/systemd/journal/flushed": "", // it writes to /var/log/journal
		"/run/systemd/journald.conf.d/90-test.conf": `[Journal]
Storage=persistent
RateLimitIntervalSec=0
RateLimitBurst=0
ReadKMsg=no
Audit=no
ForwardToSyslog=no
ForwardToWall=no
SystemMaxUse=3G
SystemKeepFree=0
` + config,
	}
	for name, text := range files {
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	d := &Journald{t: t}
	d.Restart()
	return d
}

// Restart starts journald after it has ended, and waits until it listens.
func (d *Journald) Restart() {
	d.t.Helper()
	cmd := exec.Command(journaldProgram)
	if d.held != nil { // see sd_listen_fds(3)
		cmd = exec.Command("sh", "-c", "LISTEN_PID=$$ LISTEN_FDS=1 exec "+journaldProgram)
		cmd.ExtraFiles = []*os.File{d.held}
	}
	d.Process = StartProcess(d.t, cmd)
	Eventually(d.t, 20*time.Second, func() error { // JournaldSocket may be held, the other socket is not
		c, err := net.Dial("unix", filepath.Join(filepath.Dir(JournaldSocket), "stdout"))
		if err == nil {
			c.Close()
		}
		return err
	})
}

// Sync waits until journald has handled what it got.
func (d *Journald) Sync() {
	d.t.Helper()
	if out, err := exec.Command("journalctl", "--sync").CombinedOutput(); err != nil {
		d.t.Fatalf("journalctl --sync: %v\n%s", err, out)
	}
}

// Entries returns the entries that journald has handled and journalctl shows for some
// arguments, such as matches, as decoded from its -o json --all. Call Sync before.
func (d *Journald) Entries(args ...string) (entries []map[string]any) {
	d.t.Helper()
	cmd := exec.Command("journalctl", append([]string{"-o", "json", "--all", "--no-pager", "-q"}, args...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		d.t.Fatalf("journalctl: %v\n%s", err, errs.String())
	}
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var e map[string]any
		switch err := dec.Decode(&e); {
		case errors.Is(err, io.EOF):
			return entries
		case err != nil:
			d.t.Fatal(err)
		}
		entries = append(entries, e)
	}
}
