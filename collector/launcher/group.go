package launcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	cgroups "github.com/containerd/cgroups/v3"
	"github.com/containerd/cgroups/v3/cgroup1"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
)

// group is a cgroup in every hierarchy of the machine.
type group struct {
	legacy  cgroup1.Cgroup // the v1 hierarchies; nil if there are none
	unified *os.File       // directory in the v2 hierarchy; nil if there is none
}

// makeGroup makes a cgroup at path.
func makeGroup(path string) (*group, error) {
	g := &group{}
	mode := cgroups.Mode()
	root := "/sys/fs/cgroup"
	switch mode {
	case cgroups.Unavailable:
		return nil, errors.New("no cgroups are mounted at /sys/fs/cgroup: mount cgroup2 there")
	case cgroups.Hybrid:
		root = "/sys/fs/cgroup/unified"
	}
	var err error
	if mode != cgroups.Unified {
		g.legacy, err = cgroup1.New(cgroup1.StaticPath(path), &specs.LinuxResources{})
	}
	if err == nil && mode != cgroups.Legacy {
		g.unified, err = makeUnified(root, path)
	}
	if err != nil {
		g.remove()
		return nil, fmt.Errorf("make a cgroup for the task: %w (root, or a delegated cgroup, is needed)", err)
	}
	return g, nil
}

// makeUnified makes a cgroup of v2 and hands it the controllers that there are.
// Package cgroup2 would, but brings a BPF loader for device rules along.
func makeUnified(root, path string) (*os.File, error) {
	parent := filepath.Join(root, filepath.Dir(path))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return nil, err
	}
	for _, dir := range []string{root, parent} {
		b, _ := os.ReadFile(filepath.Join(dir, "cgroup.controllers")) // none: nothing to hand down
		for c := range strings.FieldsSeq(string(b)) {
			// What a parent does not give, or a busy one refuses, the task goes without.
			os.WriteFile(filepath.Join(dir, "cgroup.subtree_control"), []byte("+"+c), 0)
		}
	}
	dir := filepath.Join(root, path)
	if err := os.Mkdir(dir, 0o755); err != nil {
		return nil, err
	}
	return os.Open(dir)
}

// join moves a thread into the v1 hierarchies.
func (g *group) join(tid int) error {
	if err := g.legacy.AddTask(cgroup1.Process{Pid: tid}); err != nil {
		return fmt.Errorf("join the task's cgroup: %w", err)
	}
	return nil
}

// removeWithin is how long what a command left running may take to die.
const removeWithin = 5 * time.Second

// remove ends what is left in the group and removes it.
func (g *group) remove() error {
	var err error
	for end := time.Now().Add(removeWithin); ; time.Sleep(5 * time.Millisecond) {
		if err = g.tryRemove(); err == nil || time.Now().After(end) {
			break
		}
	}
	if g.unified != nil {
		g.unified.Close()
	}
	if err != nil {
		return fmt.Errorf("remove the task's cgroup: %w", err)
	}
	return nil
}

func (g *group) tryRemove() error {
	var errs []error
	if g.unified != nil {
		dir := g.unified.Name()
		os.WriteFile(filepath.Join(dir, "cgroup.kill"), []byte("1"), 0) // gone already, on the second try
		errs = append(errs, removeTree(dir))
	}
	if g.legacy != nil {
		for _, s := range g.legacy.Subsystems() {
			procs, err := g.legacy.Processes(s.Name(), true)
			for _, p := range procs {
				if p.Pid != os.Getpid() {
					unix.Kill(p.Pid, unix.SIGKILL)
				}
			}
			if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, cgroup1.ErrCgroupDeleted) {
				errs = append(errs, err)
			}
		}
		if err := g.legacy.Delete(); err != nil && !errors.Is(err, cgroup1.ErrCgroupDeleted) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// removeTree removes a cgroup and what the task made below it.
func removeTree(dir string) error {
	entries, _ := os.ReadDir(dir) // gone: nothing below
	for _, e := range entries {
		if e.IsDir() {
			if err := removeTree(filepath.Join(dir, e.Name())); err != nil {
				return err
			}
		}
	}
	if err := unix.Rmdir(dir); err != nil && err != unix.ENOENT {
		return &os.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}
