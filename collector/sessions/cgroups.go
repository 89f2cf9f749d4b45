package sessions

import (
	"bufio"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/daytwo/daytwo/collector/sessions/enter"
)

// cgroupPrefix is how the cgroups of sessions begin (collector/sessions/enter).
const cgroupPrefix = "daytwo-session-"

// endCgroups kills the processes that a keeper which was killed has left, and removes their
// cgroup.
func endCgroups(id string) error { return enter.EndLeft(id) }

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
