package enter

import (
	"io"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// NodeTarget is the node itself: its first process, whose namespaces are those of the node also
// for a collector that runs in a container and shares the node's pid namespace.
var NodeTarget = Target{PID: 1}

// String names the target for people.
func (t Target) String() string {
	if t.ID == "" {
		return "the node"
	}
	return "container " + t.ID
}

// within says where something is missing.
func (t Target) within() string {
	if t.ID == "" {
		return "on the node"
	}
	return "in the container"
}

// nodeUmask is that of a login (login.defs(5)): the first process often has none.
const nodeUmask = 0o022

// asLogin changes what a command on the node has otherwise than the node's first process. A
// service manager has a security label that is for itself alone: the command keeps that of the
// collector.
func (id *identity) asLogin() {
	id.umask = nodeUmask
	id.label = label{}
}

// loginEnviron returns the environment that login(1) gives to a user of the node, and the directory
// in which a shell begins. The language is that of the node's first process.
func loginEnviron(p *pinned, id *identity, u user) (env []string, dir string, err error) {
	a := account{name: strconv.FormatUint(uint64(u.uid), 10)}
	err = inFile(p, "etc/passwd", func(f io.Reader) error {
		found, ok, err := findAccount(f, func(a account) bool { return a.uid == u.uid })
		if ok {
			a = found
		}
		return err
	})
	if err != nil {
		return nil, "", err
	}
	if a.shell == "" {
		a.shell = "/bin/sh" // passwd(5)
	}
	env = []string{"PATH=" + defaultPath, "HOME=" + u.home, "SHELL=" + a.shell, "USER=" + a.name, "LOGNAME=" + a.name}
	for _, v := range id.env {
		if name, _, _ := strings.Cut(v, "="); name == "LANG" || name == "TZ" || strings.HasPrefix(name, "LC_") {
			env = append(env, v)
		}
	}
	return env, homeOf(p, u.home), nil
}

// homeOf returns a home directory if it is one, else the root directory.
func homeOf(p *pinned, home string) string {
	fd, err := unix.Openat2(p.root, home, &unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC,
		Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS})
	if err != nil {
		return "/"
	}
	unix.Close(fd)
	return home
}

// nodeCgroups are the roots of all hierarchies, below which a command on the node gets a cgroup of
// its own: it is in none of a service's, whose limits are not for it, and ends with none.
func nodeCgroups(p *pinned) (*cgroups, error) {
	theirs, err := p.read("cgroup", maxStatus)
	if err != nil {
		return nil, because(Gone, err, "the cgroups of the node's first process cannot be read")
	}
	ours, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return nil, err
	}
	mounts, err := readMounts()
	if err != nil {
		return nil, err
	}
	inRoot := map[string]bool{}
	for _, h := range parseCgroups(string(ours)) {
		inRoot[h.controllers] = h.path == "/"
	}
	c := &cgroups{own: -1}
	for _, h := range parseCgroups(string(theirs)) {
		h.path, h.dir = "/", h.root(mounts)
		if h.dir == "" && !inRoot[h.controllers] {
			return nil, refuse(NoParity, "the hierarchy of cgroups %q is not mounted here, so the session would be subject "+
				"to the collector's limits: mount it", h.controllers)
		}
		c.all = append(c.all, h)
	}
	return c, nil
}

// root returns where the root of a hierarchy is mounted, or the topmost cgroup of it that is.
func (h hierarchy) root(mounts []cgroupMount) (at string) {
	for _, m := range mounts {
		if m.of(h) && (at == "" || m.root == "/") {
			at = m.at
		}
	}
	return at
}

// alone returns an error if the session has no cgroup of its own: on the node nothing else would end
// the processes that detach themselves.
func (c *cgroups) alone() error {
	if c.fallback == "" {
		return nil
	}
	return refuse(NoParity, "the node has no cgroup for the session, as %s: mount the hierarchy of version 2, or the "+
		"freezer's of version 1", c.fallback)
}
