package cgroups

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

// ErrNoHierarchy means that no cgroup hierarchy is mounted in this mount namespace.
var ErrNoHierarchy = errors.New("no cgroup hierarchy is mounted: mount cgroup2 on /sys/fs/cgroup, or give the " +
	"container the host's /sys/fs/cgroup")

// Mount is one cgroup hierarchy.
type Mount struct {
	Dir string // mount point
	V2  bool   // cgroup v2
	// Controllers is, for v1, the controllers in the mount options, with a named
	// hierarchy as "name=systemd"; for v2, cgroup.controllers of the root.
	Controllers []string
}

// Layout says which hierarchy has which controller. The fields after Mounts are
// indexes into Mounts, -1 where no hierarchy has that controller.
type Layout struct {
	Mode   string // "unified" (pure v2), "hybrid" (v1 and v2), "legacy" (v1 alone)
	Mounts []Mount

	V2, CPU, CPUAcct, Memory, IO, Pids, Freezer, Hugetlb, Systemd int
}

// Detect reads the layout of the machine from /proc/self/mountinfo. It returns
// ErrNoHierarchy if no hierarchy is mounted.
func Detect() (*Layout, error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return parseLayout(f, func(dir string) ([]string, error) {
		b, err := os.ReadFile(dir + "/cgroup.controllers")
		return strings.Fields(string(b)), err
	})
}

// parseLayout parses mountinfo (proc_pid_mountinfo(5)). Of the mounts of one
// hierarchy it takes the first that shows the hierarchy's root, or if there is
// none, the first bind mount of a subdirectory. controllers reads the
// cgroup.controllers file of a v2 mount.
func parseLayout(mountinfo io.Reader, controllers func(dir string) ([]string, error)) (*Layout, error) {
	l := &Layout{V2: -1, CPU: -1, CPUAcct: -1, Memory: -1, IO: -1, Pids: -1, Freezer: -1, Hugetlb: -1, Systemd: -1}
	seen := map[string]int{}
	partial := map[string]bool{}
	sc := bufio.NewScanner(mountinfo)
	for sc.Scan() {
		pre, post, ok := strings.Cut(sc.Text(), " - ")
		a, b := strings.Fields(pre), strings.Fields(post)
		if !ok || len(a) < 6 || len(b) < 3 || (b[0] != "cgroup" && b[0] != "cgroup2") {
			continue
		}
		m := Mount{Dir: unescape(a[4]), V2: b[0] == "cgroup2"}
		if !m.V2 {
			m.Controllers = v1Controllers(b[2])
		}
		dev, bound := a[2], a[3] != "/"
		if i, ok := seen[dev]; ok {
			if partial[dev] && !bound {
				l.Mounts[i].Dir, partial[dev] = m.Dir, false
			}
			continue
		}
		seen[dev], partial[dev] = len(l.Mounts), bound
		l.Mounts = append(l.Mounts, m)
	}
	if err := sc.Err(); err != nil {
		return nil, fmt.Errorf("read mountinfo: %w", err)
	}
	if len(l.Mounts) == 0 {
		return nil, ErrNoHierarchy
	}
	v1 := false
	for i := range l.Mounts {
		m := &l.Mounts[i]
		if m.V2 {
			l.V2 = i
			m.Controllers, _ = controllers(m.Dir) // a root that cannot be read counts as one without controllers
		}
		v1 = v1 || !m.V2
		for _, c := range m.Controllers {
			if at := l.controller(c); at != nil {
				*at = i
			}
		}
	}
	switch {
	case !v1:
		l.Mode, l.CPUAcct, l.Freezer = "unified", l.V2, l.V2
	case l.V2 >= 0:
		l.Mode = "hybrid"
	default:
		l.Mode = "legacy"
	}
	return l, nil
}

// controller returns the field of a controller, nil if it has none.
func (l *Layout) controller(name string) *int {
	switch name {
	case "cpu":
		return &l.CPU
	case "cpuacct":
		return &l.CPUAcct
	case "memory":
		return &l.Memory
	case "io", "blkio":
		return &l.IO
	case "pids":
		return &l.Pids
	case "freezer":
		return &l.Freezer
	case "hugetlb":
		return &l.Hugetlb
	case "name=systemd":
		return &l.Systemd
	}
	return nil
}

// v1Controllers returns the controllers among the super options of a v1 mount.
func v1Controllers(options string) []string {
	flags := []string{"rw", "ro", "xattr", "noprefix", "clone_children", "cpuset_v2_mode", "favordynmods",
		"nofavordynmods", "seclabel", "none", "all"}
	var cs []string
	for o := range strings.SplitSeq(options, ",") {
		if !slices.Contains(flags, o) && !strings.HasPrefix(o, "release_agent=") {
			cs = append(cs, o)
		}
	}
	return cs
}

// unescape decodes the octal escapes of blanks, tabs, newlines and backslashes in
// mountinfo.
func unescape(s string) string {
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}
