package launcher

import (
	"fmt"
	"math"
	"os"
	"path/filepath"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	specs "github.com/opencontainers/runtime-spec/specs-go"
)

// limits are the most that a task may use. 0 means no limit.
type limits struct {
	memory int64   // bytes
	cpus   float64 // processors, or fractions of one
	pids   int64   // processes and threads
}

const (
	minMemory = 1 << 20 // bytes; no program starts with less
	cpuPeriod = 100_000 // microseconds; the kernel's default
	minQuota  = 1_000   // microseconds of CPU time per period; the kernel's minimum
	maxCPUs   = 1 << 20 // more than any machine has
)

// check returns an error if a limit is invalid on any machine.
func (l limits) check() error {
	switch {
	case l.memory != 0 && l.memory < minMemory:
		return fmt.Errorf("--memory: %d bytes are too few to run anything: give at least 1MiB", l.memory)
	case math.IsNaN(l.cpus) || l.cpus < 0 || l.cpus > maxCPUs || l.cpus != 0 && l.quota() < minQuota:
		return fmt.Errorf("--cpus: %v is not a number of processors from 0.01 on", l.cpus)
	case l.pids < 0:
		return fmt.Errorf("--pids: %d is not a number of processes from 1 on", l.pids)
	}
	return nil
}

// quota returns the CPU time per period, in microseconds.
func (l limits) quota() int64 { return int64(math.Round(l.cpus * cpuPeriod)) }

// limit sets the limits of the group. It returns an error if this machine's hierarchies
// lack a controller that a limit needs.
func (g *group) limit(l limits) error {
	var legacy specs.LinuxResources
	var unified cgroup2.Resources
	if l.memory != 0 {
		in, err := g.controller("--memory", "memory", "memory.limit_in_bytes", "memory.max")
		if err != nil {
			return err
		}
		// The task gets no swap if the kernel accounts for swap. Otherwise it could use
		// swap in addition to the memory of its limit.
		if in == v1 {
			legacy.Memory = &specs.LinuxMemory{Limit: &l.memory}
			if isFile(g.legacyFile("memory", "memory.memsw.limit_in_bytes")) {
				legacy.Memory.Swap = &l.memory // limit of memory and swap together
			}
		} else {
			unified.Memory = &cgroup2.Memory{Max: &l.memory}
			if isFile(filepath.Join(g.dir, "memory.swap.max")) {
				unified.Memory.Swap = new(int64)
			}
		}
	}
	if l.cpus != 0 {
		in, err := g.controller("--cpus", "cpu", "cpu.cfs_quota_us", "cpu.max")
		if err != nil {
			return err
		}
		quota, period := l.quota(), uint64(cpuPeriod)
		if in == v1 {
			legacy.CPU = &specs.LinuxCPU{Quota: &quota, Period: &period}
		} else {
			unified.CPU = &cgroup2.CPU{Max: cgroup2.NewCPUMax(&quota, &period)}
		}
	}
	if l.pids != 0 {
		in, err := g.controller("--pids", "pids", "pids.max", "pids.max")
		if err != nil {
			return err
		}
		if in == v1 {
			g.pids = l.pids
			legacy.Pids = &specs.LinuxPids{Limit: &l.pids}
		} else {
			unified.Pids = &cgroup2.Pids{Max: l.pids}
		}
	}
	if g.legacy != nil {
		if err := g.legacy.Update(&legacy); err != nil {
			return fmt.Errorf("limit the task: %w", err)
		}
	}
	if g.unified != nil {
		if err := g.unified.Update(&unified); err != nil {
			return fmt.Errorf("limit the task: %w", err)
		}
	}
	return nil
}

// oomKilled reports whether the kernel killed a process of the group because the group
// reached its memory limit.
func (g *group) oomKilled() bool {
	if g.legacyFile("memory", "") != "" {
		m, err := g.legacy.Stat(cgroup1.IgnoreNotExist)
		return err == nil && m.MemoryOomControl.GetOomKill() > 0
	}
	m, err := g.unified.StatFiltered(cgroup2.StatMemoryEvents)
	return err == nil && m.MemoryEvents.GetOomKill() > 0
}

// limitPIDs sets the limit of processes and threads in the hierarchy of version 1.
func (g *group) limitPIDs(n int64) error {
	return g.legacy.Update(&specs.LinuxResources{Pids: &specs.LinuxPids{Limit: &n}})
}

// version is the version of a cgroup hierarchy.
type version uint8

const (
	v1 version = 1
	v2 version = 2
)

// controller returns the version of the hierarchy in which a controller can limit the
// group, or an error if none can. flag names the limit in the error. The files are those
// that set the limit in either version.
func (g *group) controller(flag, name, legacyFile, unifiedFile string) (version, error) {
	if path := g.legacyFile(name, legacyFile); path != "" {
		if isFile(path) {
			return v1, nil
		}
		return 0, fmt.Errorf("%s: this kernel cannot limit it: the cgroup has no file %s", flag, legacyFile)
	}
	if err := g.refused[name]; err != nil {
		return 0, fmt.Errorf("%s: the task's cgroup cannot have the %s controller: %w", flag, name, err)
	}
	if g.unified != nil && isFile(filepath.Join(g.dir, unifiedFile)) {
		return v2, nil
	}
	return 0, fmt.Errorf("%s: no cgroup hierarchy of this machine has the %s controller "+
		"(/proc/cgroups lists those of the kernel)", flag, name)
}

// isFile reports whether a file exists at path.
func isFile(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}
