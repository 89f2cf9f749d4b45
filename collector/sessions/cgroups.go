package sessions

import (
	"bufio"
	"os"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/collector/sessions/enter"
)

// cgroupPrefix is how the cgroups of sessions begin (collector/sessions/enter).
const cgroupPrefix = "daytwo-session-"

// endCgroups kills the processes that a keeper which was killed has left, and removes their
// cgroup.
func endCgroups(id string) error { return enter.EndLeft(id) }

// findHierarchies returns where those hierarchies are mounted in which sessions have a cgroup:
// those of version 2, and the freezer's of version 1.
func findHierarchies() (found []string) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	defer f.Close()
	for s := bufio.NewScanner(f); s.Scan(); {
		before, after, _ := strings.Cut(s.Text(), " - ")
		fields, super := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(super) < 3 {
			continue
		}
		options := strings.Split(super[2], ",")
		if super[0] == "cgroup2" || super[0] == "cgroup" && slices.Contains(options, "freezer") {
			found = append(found, fields[4])
		}
	}
	return found
}
