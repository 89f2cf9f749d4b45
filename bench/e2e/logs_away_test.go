package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// addJournal adds a file with lines to a directory of journals.
func addJournal(t *testing.T, dir, name string, at time.Time, lines []string) {
	t.Helper()
	const remote = "/usr/lib/systemd/systemd-journal-remote"
	if _, err := exec.LookPath(remote); err != nil {
		rig.Missing(t, remote, err.Error(), "apt-get install systemd-journal-remote")
	}
	var b bytes.Buffer
	for i, line := range lines {
		fmt.Fprintf(&b, "__REALTIME_TIMESTAMP=%d\n__MONOTONIC_TIMESTAMP=%d\n_BOOT_ID=%032d\nMESSAGE=%s\n\n",
			at.UnixMicro()+int64(i), at.UnixMicro()+int64(i), 5, line)
	}
	cmd := exec.Command(remote, "--split-mode=none", "-o", filepath.Join(dir, name), "-")
	cmd.Stdin = &b
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
}

// A relay that is away for longer than half a minute ends a command that reads what there
// is, with status 1, whole lines and the reason. One that follows waits, and goes on.
func TestLogsWhileRelayIsAway(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var lines []string
	for i := range 400 { // more than all buffers on the way have room for
		lines = append(lines, fmt.Sprintf("%d %s", i, strings.Repeat("x", 100_000)))
	}
	addJournal(t, dir, "a.journal", time.Now().Add(-time.Hour), lines)
	d := rig.Up(t, "--no-bpf", "--journal", dir)
	h := &logHosts{T: t, relay: d}
	follow := h.follow(t, "log", "-f", "-n", "1", "-o", "cat")
	follow.next(lines[399])

	cmd := h.command(t.Context(), "log", "--all", "-o", "cat")
	var errs bytes.Buffer
	cmd.Stderr = &errs
	reads, out := rig.Follow(t, cmd)
	in := bufio.NewReader(out)
	first, err := in.ReadString('\n')
	if err != nil || first != lines[0]+"\n" {
		t.Fatalf("%.20q, %v", first, err)
	}
	d.Kill()
	begun := time.Now()
	rest, err := io.ReadAll(in)
	took := time.Since(begun)
	_ = reads.Wait(t, time.Minute) // its status is compared below
	got := append([]string{first}, strings.SplitAfter(string(rest), "\n")...)
	if err != nil || got[len(got)-1] != "" {
		t.Errorf("the last line is not whole: %.20q, %v", got[len(got)-1], err)
	}
	got = got[:len(got)-1]
	for i, line := range got {
		if line != lines[i]+"\n" {
			t.Fatalf("line %d is %.20q", i, line)
		}
	}
	if len(got) == len(lines) || cmd.ProcessState.ExitCode() != 1 || took < 28*time.Second || took > 50*time.Second {
		t.Errorf("status %d after %d lines and %v", cmd.ProcessState.ExitCode(), len(got), took)
	}
	t.Logf("status 1 after %v and %d lines of %d: %s", took, len(got), len(lines), errs.String())
	for _, want := range []string{"the stream broke, and goes on", "daytwo: "} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("stderr has no %q: %s", want, errs.String())
		}
	}

	d.Restart(t)
	addJournal(t, dir, "b.journal", time.Now(), []string{"one", "two", "three"})
	follow.next("one", "two", "three")
	if status := follow.stop(); status != 0 && status != 130 {
		t.Errorf("interrupted: status %d", status)
	}
	if n := strings.Count(follow.err.String(), "\n"); n != 1 {
		t.Errorf("%d notices: %s", n, follow.err.String())
	}
	d.Stop(t)
}
