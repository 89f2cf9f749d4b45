package launcher

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/containerd/cgroups/v3/cgroup1"
	"golang.org/x/sys/unix"
)

// removeWithin is how long the processes of a task may take to die.
const removeWithin = 5 * time.Second

// remove kills what is left in the group and removes it.
func (g *group) remove() error {
	for end := time.Now().Add(removeWithin); ; time.Sleep(5 * time.Millisecond) {
		err := errors.Join(g.kill(), g.delete())
		if err == nil {
			return nil
		}
		if time.Now().After(end) {
			return fmt.Errorf("remove the task's cgroup: %w", err)
		}
	}
}

// delete removes the directories of the group and all below them. It fails while
// processes are in them.
func (g *group) delete() (err error) {
	if g.unified != nil {
		err = removeTree(g.dir)
	}
	if g.legacy != nil {
		if lerr := g.legacy.Delete(); !errors.Is(lerr, cgroup1.ErrCgroupDeleted) {
			err = errors.Join(err, lerr)
		}
	}
	return err
}

// removeTree removes a cgroup of version 2 and what the task made below it. Package
// cgroup2 would read cgroup.procs first, which fails below threaded cgroups.
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
		return &os.PathError{Op: "rmdir", Path: dir, Err: err}
	}
	return nil
}

// kill sends SIGKILL to every process in the group but this one, whose threads
// may still be there.
func (g *group) kill() (err error) {
	if g.unified != nil {
		if _, gone := os.Stat(g.dir); gone == nil {
			err = g.unified.Kill()
		}
	}
	if g.legacy != nil {
		g.killLegacy()
	}
	return err
}

// killLegacy kills the processes in the hierarchies of version 1 one by one. A
// process is pinned, and then looked for once more: else its number might be
// another's by the time of the signal.
func (g *group) killLegacy() {
	var pinned []*os.Process
	for pid := range g.legacyProcesses() {
		if p, err := os.FindProcess(pid); err == nil {
			pinned = append(pinned, p)
		}
	}
	still := g.legacyProcesses()
	for _, p := range pinned {
		if still[p.Pid] {
			p.Kill()
		}
		p.Release()
	}
}

// legacyProcesses are the processes in the hierarchies of version 1, without this
// one. Where a directory goes meanwhile, the next call knows more.
func (g *group) legacyProcesses() map[int]bool {
	pids := map[int]bool{}
	for _, s := range g.legacy.Subsystems() {
		processes, _ := g.legacy.Processes(s.Name(), true)
		for _, p := range processes {
			pids[p.Pid] = true
		}
	}
	delete(pids, os.Getpid())
	return pids
}
