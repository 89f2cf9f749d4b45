package enter

import (
	"bufio"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// hierarchy is a cgroup of a process in one hierarchy.
type hierarchy struct {
	controllers string // "" for version 2
	path        string // from the root of the hierarchy
	dir         string // where that is mounted; "" if it is not
}

// parseCgroups parses /proc/PID/cgroup.
func parseCgroups(text string) (all []hierarchy) {
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && strings.HasPrefix(f[2], "/") {
			all = append(all, hierarchy{controllers: f[1], path: strings.TrimSuffix(f[2], " (deleted)")})
		}
	}
	return all
}

// cgroupMount is where a hierarchy is mounted.
type cgroupMount struct {
	v2      bool
	root    string // what of the hierarchy
	at      string
	options []string
}

// readMounts is changed by tests of machines that have not got all hierarchies.
var readMounts = cgroupMounts

// cgroupMounts reads /proc/self/mountinfo.
func cgroupMounts() (all []cgroupMount, err error) {
	f, err := os.Open("/proc/self/mountinfo")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	s.Buffer(nil, 1<<20)
	for s.Scan() {
		before, after, _ := strings.Cut(s.Text(), " - ")
		if !strings.HasPrefix(after, "cgroup") {
			continue
		}
		at, super := strings.Fields(before), strings.Fields(after)
		if len(at) < 5 || len(super) < 3 || super[0] != "cgroup" && super[0] != "cgroup2" {
			continue
		}
		all = append(all, cgroupMount{super[0] == "cgroup2", unescape(at[3]), unescape(at[4]), strings.Split(super[2], ",")})
	}
	return all, s.Err()
}

// unescape turns \040 and the like of mountinfo back into bytes.
func unescape(s string) string {
	if !strings.Contains(s, `\`) {
		return s
	}
	return strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`).Replace(s)
}

// mounted returns where a hierarchy's cgroup is below a mount, or "".
func (h hierarchy) mounted(mounts []cgroupMount) string {
	for _, m := range mounts {
		if !m.of(h) {
			continue
		}
		if rest, ok := below(m.root, h.path); ok {
			return filepath.Join(m.at, rest)
		}
	}
	return ""
}

// of reports whether the mount is of a hierarchy.
func (m *cgroupMount) of(h hierarchy) bool {
	if m.v2 || h.controllers == "" {
		return m.v2 && h.controllers == ""
	}
	first, _, _ := strings.Cut(h.controllers, ",")
	return slices.Contains(m.options, first)
}

// below returns what of a path is below a directory.
func below(dir, path string) (string, bool) {
	if dir == "/" {
		return path, true
	}
	rest, ok := strings.CutPrefix(path, dir)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// cgroups are where a session runs.
type cgroups struct {
	all      []hierarchy // of the container's first process
	own      int         // directory of version 2 in which the session is started, -1 for none
	join     []*os.File  // cgroup.procs of the others
	made     []string    // directory made for the session
	fallback string      // why it has no cgroup of its own, "" if it has
}

// findCgroups finds those of a process.
func findCgroups(p *pinned) (c *cgroups, err error) {
	theirs, err := p.read("cgroup", maxStatus)
	if err != nil {
		return nil, because(Gone, err, "the cgroups of the container's first process cannot be read")
	}
	ours, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	c = &cgroups{all: parseCgroups(string(theirs)), own: -1}
	same := parseCgroups(string(ours))
	for i := range c.all {
		h := &c.all[i]
		if h.dir = h.mounted(mounts); h.dir == "" && !slices.Contains(same, *h) {
			return nil, refuse(NoParity, "the hierarchy of cgroups %q is not mounted here, so the session would not be "+
				"subject to the container's limits: mount it", h.controllers)
		}
	}
	return c, nil
}

// frozen reports whether the container is paused. A paused process does not stop for a
// tracer, and nothing that is started among paused ones runs.
func (c *cgroups) frozen() bool {
	for _, h := range c.all {
		switch {
		case h.dir == "":
		case h.controllers == "":
			b, _ := os.ReadFile(h.dir + "/cgroup.events") // the root has none
			if strings.Contains(string(b), "frozen 1") {
				return true
			}
			for dir := h.dir; ; dir = filepath.Dir(dir) {
				b, err := os.ReadFile(dir + "/cgroup.freeze")
				if err != nil {
					break
				}
				if strings.TrimSpace(string(b)) == "1" {
					return true
				}
			}
		case h.has("freezer"):
			b, _ := os.ReadFile(h.dir + "/freezer.state")
			if s := strings.TrimSpace(string(b)); s == "FROZEN" || s == "FREEZING" {
				return true
			}
		}
	}
	return false
}

// prepare makes a cgroup for the session below the container's own in the hierarchy of
// version 2, and, if that cannot be, in the freezer's of version 1: by it, the session's
// processes are found and killed. It never enables a controller, so that the container's
// processes stay where they are, and its limits hold for all. In all other hierarchies
// the session shares the container's cgroup.
func (c *cgroups) prepare(name string, alone bool) (err error) {
	if alone {
		c.fallback = "no hierarchy of cgroups is mounted here in which it could have one of its own"
	}
	for _, v2 := range []bool{true, false} {
		for _, h := range c.all {
			if h.dir == "" || v2 != (h.controllers == "") {
				continue
			}
			dir := h.dir
			if alone && len(c.made) == 0 && (v2 || h.has("freezer")) {
				if dir, err = c.makeOwn(h.dir, name); err != nil {
					return err
				}
			}
			if v2 {
				c.own, err = unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
			} else {
				var f *os.File
				f, err = os.OpenFile(dir+"/cgroup.procs", os.O_WRONLY, 0)
				c.join = append(c.join, f)
			}
			if err != nil {
				return because(NoParity, err, "the container's cgroup cannot be joined")
			}
		}
	}
	return nil
}

// has reports whether a hierarchy of version 1 has a controller.
func (h hierarchy) has(controller string) bool {
	return slices.Contains(strings.Split(h.controllers, ","), controller)
}

// makeOwn makes the session's cgroup, or returns the container's own where
// none can be made: below a threaded cgroup, or where the container has used up how many
// there may be.
func (c *cgroups) makeOwn(parent, name string) (string, error) {
	b, _ := os.ReadFile(parent + "/cgroup.type") // the root and version 1 have none
	if kind := strings.TrimSpace(string(b)); kind == "threaded" || kind == "domain threaded" || kind == "domain invalid" {
		c.fallback = "the container's cgroup is " + kind
		return parent, nil
	}
	dir := parent + "/" + name
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, unix.EAGAIN) {
		c.fallback = "the container has as many cgroups as it may"
		return parent, nil
	}
	if err != nil {
		return "", because(NoParity, err, "no cgroup can be made for the session")
	}
	c.made, c.fallback = append(c.made, dir), ""
	return dir, nil
}

// close closes the descriptors that were needed to start the session.
func (c *cgroups) close() {
	for _, f := range c.join {
		f.Close()
	}
	if c.own >= 0 {
		unix.Close(c.own)
	}
	c.join, c.own = nil, -1
}
