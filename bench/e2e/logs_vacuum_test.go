package e2e

import (
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/bench/rig"
)

// journald rotates and removes its files under those who follow the program's logs, one of
// whom reads nothing: soon no deleted file is open or mapped, the disk has its space back, and
// who reads has each line once (CASES L-A7). DAYTWO_JOURNAL_VACUUMS sets another number of rounds.
func TestFollowersLetDeletedFilesGo(t *testing.T) {
	t.Parallel()
	rig.Binary(t)
	rig.InNamespaces(t, rig.Mount, func(t *testing.T) {
		rounds := 8
		if n, err := strconv.Atoi(os.Getenv("DAYTWO_JOURNAL_VACUUMS")); err == nil {
			rounds = n
		}
		journald := rig.StartJournald(t, "")
		d := rig.Up(t, "--no-bpf", "--ship-logs")
		client := func(args ...string) *exec.Cmd {
			return exec.Command(rig.Binary(t), append(args, "--url", d.Relay.URL, "--token", d.Relay.Token)...)
		}
		send(t, "line 0")
		reads := follow(t, client("log", "-f", "-n", "1", "-o", "cat", "SYSLOG_IDENTIFIER=fleet"))
		reads.next("line 0")
		follow(t, client("log", "-f", "-o", "cat", "SYSLOG_IDENTIFIER=nobody"))
		stalled, err := http.NewRequestWithContext(t.Context(), "GET", d.Relay.URL+"/api/v1/logs?follow=1", nil)
		if err != nil {
			t.Fatal(err)
		}
		stalled.Header.Set("Authorization", "Bearer "+d.Relay.Token)
		resp, err := http.DefaultClient.Do(stalled)
		if err != nil || resp.StatusCode != http.StatusOK {
			t.Fatal(resp, err)
		}
		defer resp.Body.Close()
		sent := 0
		for range rounds {
			for range 20 {
				sent++
				send(t, fmt.Sprintf("line %d", sent))
				reads.next(fmt.Sprintf("line %d", sent))
			}
			out, err := exec.Command("journalctl", "--rotate", "--vacuum-files=1").CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		rig.Eventually(t, 10*time.Second, func() error {
			if left := deletedJournals(t, d.Cmd.Process.Pid); len(left) > 0 {
				return fmt.Errorf("deleted files are open: %v", left)
			}
			return nil
		})
		journald.Sync()
		rig.Eventually(t, 10*time.Second, func() error {
			used, files := spaceOf(t, "/var/log")
			if used > files+1<<20 {
				return fmt.Errorf("%d bytes are used, and files have %d", used, files)
			}
			return nil
		})
	})
}

// deletedJournals returns the deleted journal files that a process has open or mapped.
func deletedJournals(t *testing.T, pid int) (found []string) {
	t.Helper()
	maps, err := os.ReadFile(fmt.Sprintf("/proc/%d/maps", pid))
	if err != nil {
		t.Fatal(err)
	}
	seen := false
	for line := range strings.Lines(string(maps)) {
		if strings.Contains(line, ".journal") {
			seen = true
			if strings.Contains(line, "(deleted)") {
				found = append(found, line)
			}
		}
	}
	if !seen {
		t.Fatal("the program has no journal file mapped: nothing is tested")
	}
	fds := fmt.Sprintf("/proc/%d/fd", pid)
	list, err := os.ReadDir(fds)
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range list {
		to, err := os.Readlink(filepath.Join(fds, fd.Name()))
		if err == nil && strings.Contains(to, ".journal") && strings.Contains(to, "(deleted)") {
			found = append(found, to)
		}
	}
	return found
}

// spaceOf returns what is used of a filesystem, and what its files have of it, in bytes.
func spaceOf(t *testing.T, dir string) (used, files int64) {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		var s unix.Stat_t
		if err == nil && unix.Lstat(path, &s) == nil {
			files += s.Blocks * 512
		}
		return nil // it went meanwhile
	})
	if err != nil {
		t.Fatal(err)
	}
	return int64(st.Blocks-st.Bfree) * int64(st.Frsize), files
}
