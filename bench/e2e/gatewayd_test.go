package e2e

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

const (
	gatewaydProgram = "/lib/systemd/systemd-journal-gatewayd"
	remoteProgram   = "/lib/systemd/systemd-journal-remote"
)

// gatewayd starts systemd-journal-gatewayd for a directory, and returns its URL.
func gatewayd(t *testing.T, dir string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f, err := l.(*net.TCPListener).File()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	url := "http://" + l.Addr().String()
	l.Close()
	// It takes its socket from the service manager: descriptor 3, for a pid that is its own.
	cmd := exec.Command("sh", "-c", `LISTEN_FDS=1 LISTEN_PID=$$ exec "$0" "$@"`, gatewaydProgram, "--directory="+dir)
	cmd.ExtraFiles = []*os.File{f}
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return url
}

// The entries of a node in the journal export format are those that systemd-journal-gatewayd
// answers with, byte by byte, for each of its parameters and of its header's forms, but for the
// fields that daytwo adds. (As JSON the route answers with daytwo's own documents.)
func TestEntriesAsGatewayd(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "journal")
	cursors := writeEntries(t, dir)
	theirs := gatewayd(t, dir)
	d := rig.StartReady(t, rig.Options{Program: "collector",
		Args: []string{"--nats", "none", "--journal", dir, "--no-bpf"}})
	token, err := os.ReadFile(filepath.Join(d.Data, "token"))
	if err != nil {
		t.Fatal(err)
	}
	ours := d.Node.URL + "/api/v1/logs"
	client := http.Client{Timeout: 20 * time.Second}
	get := func(base, query, ranges string) []byte {
		t.Helper()
		req, err := http.NewRequest("GET", base+"/entries"+query, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "application/vnd.fdo.journal")
		req.Header.Set("Authorization", "Bearer "+strings.TrimSpace(string(token)))
		if ranges != "" {
			req.Header.Set("Range", ranges)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: %s, %v: %s", req.URL, ranges, resp.Status, err, body)
		}
		return body
	}
	for _, c := range []struct{ query, ranges string }{
		{"", ""}, {"?PRIORITY=3", ""}, {"?PRIORITY=3&PRIORITY=4", ""}, {"?PRIORITY=3&_SYSTEMD_UNIT=b.service", ""},
		{"?boot", ""}, {"?MESSAGE=nothing", ""},
		{"", "entries=:10"}, {"", "entries=:5:10"}, {"", "entries=:-7:"}, {"", "entries=:-20:5"},
		{"", "entries=" + cursors[30]}, {"", "entries=" + cursors[30] + ":4"}, {"", "entries=" + cursors[30] + ":2:4"},
		{"", "entries=" + cursors[30] + ":-3:4"}, {"?PRIORITY=3", "entries=" + cursors[30] + ":0:4"},
	} {
		want := get(theirs, c.query, c.ranges)
		got := added.ReplaceAll(get(ours, c.query, c.ranges), nil)
		if !bytes.Equal(got, want) {
			t.Errorf("%s %s: %d bytes and not %d, which differ from here on:\n%.300s\nwant\n%.300s", c.query, c.ranges,
				len(got), len(want), got[same(got, want):], want[same(got, want):])
		}
	}
	d.Stop(t)
}

// added are the fields that say whose an entry is. No journal has them.
var added = regexp.MustCompile(`(?m)^DAYTWO_[A-Z_]+=.*\n`)

// same returns how many bytes are the same at the beginning.
func same(a, b []byte) (n int) {
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}

// writeEntries has systemd-journal-remote write entries of all sorts into a directory, and
// returns their cursors.
func writeEntries(t *testing.T, dir string) (cursors []string) {
	t.Helper()
	for _, program := range []string{gatewaydProgram, remoteProgram} {
		if _, err := os.Stat(program); err != nil {
			rig.Missing(t, program, err.Error(), "apt-get install systemd-journal-remote")
		}
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	var in bytes.Buffer
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id") // what ?boot stands for
	if err != nil {
		t.Fatal(err)
	}
	id := strings.ReplaceAll(strings.TrimSpace(string(boot)), "-", "")
	start := time.Now().Add(-time.Hour).UnixMicro()
	for i := range 100 {
		fmt.Fprintf(&in, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%s\n",
			start+int64(i)*1000, 1000+i*1000, id)
		fmt.Fprintf(&in, "MESSAGE=line %d\nPRIORITY=%d\n_SYSTEMD_UNIT=%c.service\n_MACHINE_ID=%032x\n", i, i%7, 'a'+i%3, 1)
		if i%10 == 5 {
			in.WriteString("TAG=one\nTAG=two\nBINARY\n\x05\x00\x00\x00\x00\x00\x00\x00a\x00\n\xffz\n")
		}
		in.WriteByte('\n')
	}
	cmd := exec.Command(remoteProgram, "--split-mode=none", "-o", filepath.Join(dir, "remote.journal"), "-")
	cmd.Stdin = &in
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	out, err := exec.Command("journalctl", "--directory="+dir, "-o", "export").Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		if c, ok := strings.CutPrefix(line, "__CURSOR="); ok {
			cursors = append(cursors, c)
		}
	}
	if len(cursors) != 100 {
		t.Fatalf("%d entries were written", len(cursors))
	}
	return cursors
}
