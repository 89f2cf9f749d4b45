package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"github.com/google/cadvisor/lib/container"
	"github.com/google/cadvisor/lib/container/libcontainer"

	"github.com/daytwo/daytwo/bench/load"
	"github.com/daytwo/daytwo/collector/cgroups"
)

const benchGroup = "daytwo-bench"

// benchTicks reads the same cgroups by every reader, one after another.
func benchTicks(r *report) error {
	layout, err := cgroups.Detect()
	if err != nil {
		return err
	}
	r.printf("Hierarchies: %s. The whole record of every cgroup, idle ones, once; the peers read what they know of.\n\n",
		layout.Mode)
	r.printf("| cgroups | reader | a tick | a cgroup | allocations a cgroup |\n|---:|---|---:|---:|---:|\n")
	for _, n := range []int{1000, 10000} {
		if err := tickOf(r, layout, n); err != nil {
			return err
		}
	}
	return nil
}

// cleanUp removes the cgroups that are there now, whoever is at work on them.
var cleanUp = func() {}

// makeGroups makes n cgroups in every hierarchy that a reader looks at.
func makeGroups(layout *cgroups.Layout, n int) (dirs []string, remove func() error, err error) {
	for _, m := range layout.Mounts {
		if usedHierarchy(m) {
			dirs = append(dirs, m.Dir)
		}
	}
	remove, err = load.MakeGroups(dirs, benchGroup, n)
	if err == nil {
		cleanUp = func() { remove() }
	}
	return dirs, remove, err
}

func tickOf(r *report, layout *cgroups.Layout, n int) error {
	_, remove, err := makeGroups(layout, n)
	if err != nil {
		return err
	}
	defer remove()

	for _, noBPF := range []bool{false, true} {
		name := "daytwo, BPF walk"
		if noBPF {
			name = "daytwo, files held open"
		}
		rd, err := cgroups.New(cgroups.Options{NoBPF: noBPF, Layout: layout, Log: slog.New(slog.DiscardHandler)})
		if err != nil {
			return err
		}
		for _, s := range rd.Status() {
			if !noBPF && s.Reader != "bpf" {
				name += fmt.Sprintf("; %s by %s", s.Part, s.Reader)
			}
		}
		groups := 0
		measure(r, n, name, func() error {
			s, err := rd.Read()
			if err == nil {
				groups = len(s.Groups)
			}
			return err
		})
		rd.Close()
		if groups < n {
			return fmt.Errorf("%s saw %d cgroups of %d", name, groups, n)
		}
	}
	paths := make([]string, n)
	for i := range paths {
		paths[i] = "/" + benchGroup + "/" + load.GroupName(i)
	}
	measure(r, n, "naive: os.ReadFile of the same files", func() error { return naive(layout, paths) })
	if err := containerdStats(r, layout, paths); err != nil {
		return err
	}
	return cadvisorStats(r, layout, paths)
}

func usedHierarchy(m cgroups.Mount) bool {
	if m.V2 {
		return true
	}
	for _, c := range m.Controllers {
		switch c {
		case "cpu", "cpuacct", "memory", "pids", "blkio", "freezer", "hugetlb":
			return true
		}
	}
	return false
}

// measure prints one line: f reads n cgroups once.
func measure(r *report, n int, name string, f func() error) {
	for range 3 { // the first ticks open files and grow tables
		if err := f(); err != nil {
			r.printf("| %d | %s | failed: %v | | |\n", n, name, err)
			return
		}
	}
	var failed error
	b := testing.Benchmark(func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := f(); err != nil {
				failed = err
				b.FailNow()
			}
		}
	})
	if failed != nil {
		r.printf("| %d | %s | failed: %v | | |\n", n, name, failed)
		return
	}
	r.printf("| %d | %s | %.2f ms | %.2f µs | %.3g |\n", n, name, float64(b.NsPerOp())/1e6,
		float64(b.NsPerOp())/1e3/float64(n), float64(b.AllocsPerOp())/float64(n))
}

// naiveFiles are what the kept-file reader reads, by controller.
var naiveFiles = map[string][]string{
	"v2": {"cpu.stat", "cpu.weight", "cpu.max", "memory.current", "memory.peak", "memory.max", "memory.high",
		"memory.low", "memory.min", "memory.swap.current", "memory.swap.max", "memory.events", "memory.stat",
		"pids.current", "pids.max", "cgroup.procs", "cgroup.events", "cpu.pressure",
		"memory.pressure", "io.pressure", "io.stat"},
	"cpu":     {"cpu.stat", "cpu.shares", "cpu.cfs_quota_us", "cpu.cfs_period_us"},
	"cpuacct": {"cpuacct.usage", "cpuacct.usage_user", "cpuacct.usage_sys"},
	"memory": {"memory.usage_in_bytes", "memory.max_usage_in_bytes", "memory.limit_in_bytes",
		"memory.soft_limit_in_bytes", "memory.failcnt", "memory.memsw.usage_in_bytes", "memory.memsw.limit_in_bytes",
		"memory.kmem.usage_in_bytes", "memory.stat", "memory.oom_control", "cgroup.procs"},
	"pids":  {"pids.current", "pids.max", "pids.events"},
	"blkio": {"blkio.throttle.io_service_bytes_recursive", "blkio.throttle.io_serviced_recursive"},
}

// naive reads as a first script would: open, read, close, split, parse.
func naive(layout *cgroups.Layout, paths []string) error {
	sum := uint64(0)
	for _, m := range layout.Mounts {
		names := m.Controllers
		if m.V2 {
			names = []string{"v2"}
		}
		for _, c := range names {
			for _, f := range naiveFiles[c] {
				for _, p := range paths {
					b, err := os.ReadFile(filepath.Join(m.Dir, p, f))
					if err != nil {
						break // this machine has no such file
					}
					for field := range bytes.FieldsSeq(b) {
						if v, err := strconv.ParseUint(string(field), 10, 64); err == nil {
							sum += v
						}
					}
				}
			}
		}
	}
	if sum == 0 {
		return errors.New("nothing was read")
	}
	return nil
}

func containerdStats(r *report, layout *cgroups.Layout, paths []string) error {
	var read []func() error
	for _, p := range paths {
		if layout.Mode == "unified" {
			m, err := cgroup2.Load(p)
			if err != nil {
				return err
			}
			read = append(read, func() error { _, err := m.Stat(); return err })
			continue
		}
		m, err := cgroup1.Load(cgroup1.StaticPath(p))
		if err != nil {
			return err
		}
		read = append(read, func() error { _, err := m.Stat(cgroup1.IgnoreNotExist); return err })
	}
	measure(r, len(paths), "containerd/cgroups/v3", each(read))
	return nil
}

func cadvisorStats(r *report, layout *cgroups.Layout, paths []string) error {
	var read []func() error
	for _, p := range paths {
		where := map[string]string{}
		for _, m := range layout.Mounts {
			if m.V2 && layout.Mode == "unified" {
				where[""] = m.Dir + p
			}
			for _, c := range m.Controllers {
				if !m.V2 && usedHierarchy(m) {
					where[c] = m.Dir + p
				}
			}
		}
		m, err := libcontainer.NewCgroupManager(filepath.Base(p), where)
		if err != nil {
			return err
		}
		h := libcontainer.NewHandler(m, "/", 0, container.AllMetrics.Difference(container.MetricSet{
			container.ReferencedMemoryMetrics: {}, container.PerfMetrics: {}, container.ResctrlMetrics: {},
			container.ProcessMetrics: {}, container.ProcessSchedulerMetrics: {},
		}))
		read = append(read, func() error { _, err := h.GetStats(); return err })
	}
	measure(r, len(paths), "cAdvisor's libcontainer handler", each(read))
	return nil
}

func each(fs []func() error) func() error {
	return func() error {
		for _, f := range fs {
			if err := f(); err != nil {
				return err
			}
		}
		return nil
	}
}
