package journal

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// journalWriters returns the processes of journald and systemd-journal-remote that this
// process can see and that may write files with one of some inode numbers: they have one
// of those open, or no journal file yet. Others are of containers, for example.
func journalWriters(ours func(inode uint64) bool) (pids []int) {
	if self, err := os.Readlink("/proc/self"); err != nil || self != strconv.Itoa(os.Getpid()) {
		return nil // a /proc of another PID namespace
	}
	for _, name := range namesIn("/proc") {
		if pid, err := strconv.Atoi(name); err == nil && isJournalWriter(pid) && mayWrite(pid, ours) {
			pids = append(pids, pid)
		}
	}
	return pids
}

func namesIn(path string) []string {
	dir, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer dir.Close()
	names, _ := dir.Readdirnames(-1) // a process may end meanwhile
	return names
}

// isJournalWriter reports whether a process is a program that writes journal files. Most
// are told by what the kernel calls them: 15 bytes of their names.
func isJournalWriter(pid int) bool {
	comm, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if err != nil || string(comm) != "systemd-journal\n" {
		return false
	}
	exe, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	return err == nil && slices.Contains([]string{"systemd-journald", "systemd-journal-remote"}, programName(exe))
}

const deleted = " (deleted)" // what the kernel adds to the name of a file that is gone

// programName is the name of a program, which may have been replaced on disk since it
// was started.
func programName(exe string) string {
	name := filepath.Base(exe)
	if n := len(name) - len(deleted); n > 0 && name[n:] == deleted {
		name = name[:n]
	}
	return name
}

// mayWrite reports whether a process has a journal file open that is ours, or none. It
// asks the kernel alone, no filesystem: another one's may not respond.
func mayWrite(pid int, ours func(inode uint64) bool) bool {
	has := false
	for _, fd := range namesIn(fmt.Sprintf("/proc/%d/fd", pid)) {
		path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd))
		if err != nil || filepath.Ext(path) != ".journal" {
			continue
		}
		info, err := os.ReadFile(fmt.Sprintf("/proc/%d/fdinfo/%s", pid, fd))
		inode, ok := inodeOf(info)
		if err != nil || !ok || ours(inode) { // Linux before 5.14 does not say it
			return true
		}
		has = true
	}
	return !has
}

// inodeOf finds the inode number in what /proc/PID/fdinfo says of a file.
func inodeOf(info []byte) (inode uint64, ok bool) {
	for line := range bytes.Lines(info) {
		if value, is := bytes.CutPrefix(line, []byte("ino:")); is {
			inode, err := strconv.ParseUint(string(bytes.TrimSpace(value)), 10, 64)
			return inode, err == nil
		}
	}
	return 0, false
}
