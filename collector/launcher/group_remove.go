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

// removeWithin is how long remove tries to kill and remove a task.
const removeWithin = 5 * time.Second

// remove kills the processes that are left in the group, and removes the group. It
// returns an error if that takes longer than removeWithin.
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

// delete removes the directories of the group and all directories below them. It
// returns an error if there are processes in them.
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

// removeTree removes a cgroup of version 2 and the cgroups that the task made below it.
// It does not use package cgroup2, which reads cgroup.procs first: that read fails in
// threaded cgroups.
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

// kill sends SIGKILL to every process in the group, except to this process, a thread of
// which may still be there.
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

// killLegacy kills the processes in the cgroups of version 1 one by one. It first opens
// each process (pidfd_open(2)), and then checks that the process id is still in the
// group. Otherwise the signal could reach another process that got the same id.
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

// legacyProcesses returns the ids of the processes in the cgroups of version 1, without
// this process. Processes are missing if a directory is removed meanwhile; the next
// call returns them.
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
