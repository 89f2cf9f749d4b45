package enter

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// cgroupPrefix is how the cgroups of sessions begin.
const cgroupPrefix = "daytwo-session-"

// EndLeft ends what a helper that was killed has left of a session: all processes in the
// cgroup that was made for it, of a paused container, too, and the cgroup itself. It takes
// two seconds at most, and returns an error if something is left.
func EndLeft(session string) error {
	mounts, err := readMounts()
	if err != nil {
		return err
	}
	c := &cgroups{own: -1}
	for _, m := range mounts {
		if !m.v2 && !slices.Contains(m.options, "freezer") {
			continue
		}
		filepath.WalkDir(m.at, func(path string, d fs.DirEntry, err error) error {
			switch {
			case err != nil || !d.IsDir():
				return nil
			case d.Name() == cgroupPrefix+session:
				c.made = append(c.made, path)
				return filepath.SkipDir
			}
			return nil
		})
	}
	for _, dir := range c.made {
		for _, pid := range processes(dir) {
			b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/cgroup")
			if err != nil {
				continue
			}
			for _, h := range parseCgroups(string(b)) { // they may have to be thawed
				if h.dir = h.mounted(mounts); !slices.Contains(c.all, h) {
					c.all = append(c.all, h)
				}
			}
		}
	}
	return c.end()
}
