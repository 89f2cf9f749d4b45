package journal

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

func TestProgramName(t *testing.T) {
	for exe, want := range map[string]string{
		"/usr/lib/systemd/systemd-journald":           "systemd-journald",
		"/usr/lib/systemd/systemd-journald (deleted)": "systemd-journald",
		" (deleted)": " (deleted)",
		"":           ".",
	} {
		if got := programName(exe); got != want {
			t.Errorf("%q is called %q, want %q", exe, got, want)
		}
	}
}

func TestIsJournalWriter(t *testing.T) {
	rig.NeedRoot(t, "reading the program of a process")
	program, err := os.ReadFile("/bin/sleep")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]bool{
		"systemd-journald": true, "systemd-journal-remote": true, "systemd-journal-gatewayd": false, "sleep": false,
	} {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, program, 0o700); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(path, "100")
		rig.StartProcess(t, cmd)
		waitFor(t, name, 5*time.Second, func() bool { return isJournalWriter(cmd.Process.Pid) == want })
	}
}

// A process may write a journal if it has a file of it open, or none at all.
func TestMayWrite(t *testing.T) {
	rig.NeedRoot(t, "reading what a process has open")
	path := filepath.Join(t.TempDir(), "system.journal")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	is := func(inode uint64) bool { return inode == keyOfInfo(info).ino }
	not := func(inode uint64) bool { return !is(inode) }
	if !mayWrite(os.Getpid(), is) {
		t.Error("a file of the journal is open")
	}
	if mayWrite(os.Getpid(), not) {
		t.Error("only a file of another journal is open")
	}
	f.Close()
	if !mayWrite(os.Getpid(), not) {
		t.Error("no journal file is open")
	}
}

func TestInodeOf(t *testing.T) {
	for info, want := range map[string]uint64{
		"pos:\t0\nflags:\t0100002\nmnt_id:\t27\nino:\t1311\n": 1311,
		"pos:\t0\nmnt_id:\t27\n":                              0,
		"ino:\tx\n":                                           0,
	} {
		if got, ok := inodeOf([]byte(info)); got != want || ok != (want != 0) {
			t.Errorf("%q: %d, %v", info, got, ok)
		}
	}
}
