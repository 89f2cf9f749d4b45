package launcher

import (
	"errors"
	"fmt"
	"path/filepath"

	cgroups "github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// group is a cgroup at one path in every hierarchy of the machine.
type group struct {
	path    string           // from the root of each hierarchy
	legacy  cgroup1.Cgroup   // in the hierarchies of version 1, nil if there are none
	unified *cgroup2.Manager // in the hierarchy of version 2, nil if there is none
	dir     string           // directory of unified
	refused map[string]error // why a controller could not be enabled in unified, by controller
	pids    int64            // limit of processes and threads in version 1, 0 for none
}

// unifiedRoot returns the path at which the hierarchy of version 2 is mounted, or "" if
// it is not mounted.
func unifiedRoot() string {
	switch cgroups.Mode() {
	case cgroups.Unified:
		return "/sys/fs/cgroup"
	case cgroups.Hybrid:
		return "/sys/fs/cgroup/unified"
	}
	return ""
}

// hasLegacy reports whether hierarchies of version 1 are mounted.
func hasLegacy() bool { return cgroups.Mode() == cgroups.Hybrid || cgroups.Mode() == cgroups.Legacy }

// makeGroup makes a cgroup at path in every hierarchy. No other process may make cgroups
// there. If it fails, it leaves no cgroup behind.
func makeGroup(path string) (g *group, err error) {
	if cgroups.Mode() == cgroups.Unavailable {
		return nil, errors.New("no cgroup hierarchy is mounted at /sys/fs/cgroup: mount cgroup2 there")
	}
	g = &group{path: path}
	if hasLegacy() {
		g.legacy, err = cgroup1.New(cgroup1.StaticPath(path), &specs.LinuxResources{})
	}
	if root := unifiedRoot(); err == nil && root != "" {
		err = g.makeUnified(root, path)
	}
	if err != nil {
		g.remove()
		return nil, fmt.Errorf("make a cgroup for the task: %w (this needs root)", err)
	}
	return g, nil
}

// makeUnified makes the cgroup of version 2. It enables all controllers, so that the
// collector can read the metrics of all of them.
func (g *group) makeUnified(root, path string) (err error) {
	if g.unified, err = cgroup2.NewManager(root, path, &cgroup2.Resources{}); err != nil {
		return err
	}
	g.dir, g.refused = filepath.Join(root, path), map[string]error{}
	controllers, err := g.unified.RootControllers()
	for _, c := range controllers {
		if err := g.unified.ToggleControllers([]string{c}, cgroup2.Enable); err != nil {
			g.refused[c] = err // an error only if a limit needs the controller
		}
	}
	return err
}

// findTaskGroup returns the cgroup that another process made at path, in the
// hierarchies where it still exists.
func findTaskGroup(path string) *group {
	g := &group{path: path}
	if hasLegacy() {
		if legacy, err := cgroup1.Load(cgroup1.StaticPath(path)); err == nil { // an error means that none is left
			g.legacy = legacy
		}
	}
	if root := unifiedRoot(); root != "" {
		if m, err := cgroup2.Load(path, cgroup2.WithMountpoint(root)); err == nil {
			g.unified, g.dir = m, filepath.Join(root, path)
		}
	}
	return g
}

// legacyFile returns the path of a controller's file in the cgroup of version 1, or ""
// if the controller is in no hierarchy of version 1.
func (g *group) legacyFile(controller, name string) string {
	if g.legacy == nil {
		return ""
	}
	for _, s := range g.legacy.Subsystems() {
		if p, ok := s.(interface{ Path(string) string }); ok && string(s.Name()) == controller {
			return filepath.Join(p.Path(g.path), name)
		}
	}
	return ""
}

// join moves a thread of this process into the cgroups of version 1, so that a command
// that the thread forks starts there.
func (g *group) join(tid int) error {
	if g.pids != 0 {
		if err := g.limitPIDs(g.pids + 1); err != nil { // one more, because the thread counts as well
			return err
		}
	}
	if err := g.legacy.AddTask(cgroup1.Process{Pid: tid}); err != nil {
		return fmt.Errorf("join the task's cgroup: %w", err)
	}
	return nil
}

// joined restores the limit of processes, which join had raised by one, once the command
// has started. The thread is still in the cgroup then and still counts, so until it
// ends the task may have one process less.
func (g *group) joined() error {
	if g.pids == 0 {
		return nil
	}
	return g.limitPIDs(g.pids)
}
