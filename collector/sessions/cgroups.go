package sessions

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupPrefix is how the cgroups of sessions begin (collector/sessions/enter).
const cgroupPrefix = "daytwo-session-"

// endCgroups kills the processes that a keeper which was killed has left, and removes their
// cgroup.
func endCgroups(id string) error {
	var errs []error
	for _, dir := range findCgroups(cgroupPrefix + id) {
		err := errLeft
		for end := time.Now().Add(2 * time.Second); err != nil && time.Now().Before(end); time.Sleep(time.Millisecond) {
			killAll(dir)
			err = removeTree(dir)
		}
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

var errLeft = errors.New("processes are left")

// findCgroup2 returns where hierarchies of version 2 are mounted.
func findCgroup2() (found []string) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		before, after, _ := strings.Cut(s.Text(), " - ")
		if fields := strings.Fields(before); strings.HasPrefix(after, "cgroup2 ") && len(fields) > 4 {
			found = append(found, fields[4])
		}
	}
	return found
}

// findCgroups returns the directories of a name in the hierarchies of version 2.
func findCgroups(name string) (found []string) {
	for _, mount := range findCgroup2() {
		_ = filepath.WalkDir(mount, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || !d.IsDir():
				return nil
			case d.Name() == name:
				found = append(found, path)
				return filepath.SkipDir
			}
			return nil
		})
	}
	return found
}

// killAll kills the processes of a cgroup and of those below it.
func killAll(dir string) {
	if os.WriteFile(dir+"/cgroup.kill", []byte("1"), 0) == nil {
		return
	}
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { // before Linux 5.14
		if err != nil || !d.IsDir() {
			return nil
		}
		b, _ := os.ReadFile(path + "/cgroup.procs")
		for _, pid := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(pid); err == nil {
				_ = unix.Kill(n, unix.SIGKILL)
			}
		}
		return nil
	})
}

// removeTree removes a cgroup and those below it.
func removeTree(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
		return fmt.Errorf("%s: %w", dir, err)
	}
	return nil
}
