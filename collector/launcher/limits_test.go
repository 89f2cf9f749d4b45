package launcher

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// groupFile returns the text of a file of a task's cgroup. Of names, it reads the first
// that a hierarchy has.
func groupFile(t *testing.T, id string, names ...string) string {
	t.Helper()
	for _, name := range names {
		for _, dir := range taskCgroups(id) {
			if b, err := os.ReadFile(filepath.Join(dir, name)); err == nil {
				return strings.TrimSpace(string(b))
			}
		}
	}
	t.Fatalf("no cgroup of %s has a file of %q: %v", id, names, taskCgroups(id))
	return ""
}

// field returns the number of name in a text of lines "name number", 0 if the name is
// missing.
func field(text, name string) int64 {
	for line := range strings.Lines(text) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == name {
			n, _ := strconv.ParseInt(f[1], 10, 64)
			return n
		}
	}
	return 0
}

// waiting is a shell script that prints its container id, and runs until its input ends.
const waiting = "echo $CONTAINER_ID; cat"

// The files of the task's cgroup hold the limits that were given.
func TestKernelLimitFiles(t *testing.T) {
	a := startAPI(t)
	cmd := a.run("--memory", "64MiB", "--cpus", "0.5", "--pids", "10", "sh", "-c", waiting)
	in, _ := cmd.StdinPipe()
	r := start(t, cmd)
	check := func(want string, names ...string) {
		t.Helper()
		if got := groupFile(t, r.id, names...); got != want {
			t.Errorf("%q: %q, want %q", names, got, want)
		}
	}
	check("67108864", "memory.limit_in_bytes", "memory.max")
	// The limit is 11 while the command is started.
	eventually(patience, func() bool { return groupFile(t, r.id, "pids.max") == "10" })
	check("10", "pids.max")
	if groupHas(r.id, "cpu.cfs_quota_us") {
		check("50000", "cpu.cfs_quota_us")
		check("100000", "cpu.cfs_period_us")
	} else {
		check("50000 100000", "cpu.max")
	}
	switch { // the task has no swap if the kernel accounts for swap
	case groupHas(r.id, "memory.memsw.limit_in_bytes"):
		check("67108864", "memory.memsw.limit_in_bytes")
	case groupHas(r.id, "memory.swap.max"):
		check("0", "memory.swap.max")
	}
	in.Close()
	if status := r.wait(t); status != 0 {
		t.Errorf("status %d", status)
	}
	a.nothingLeft(t)
}

func groupHas(id, name string) bool {
	for _, dir := range taskCgroups(id) {
		if isFile(filepath.Join(dir, name)) {
			return true
		}
	}
	return false
}

// The cgroup of a task that is started without limits has no limits.
func TestKernelNoLimits(t *testing.T) {
	a := startAPI(t)
	cmd := a.run("sh", "-c", waiting)
	in, _ := cmd.StdinPipe()
	r := start(t, cmd)
	if got := groupFile(t, r.id, "memory.limit_in_bytes", "memory.max"); got != "max" && len(got) < 18 {
		t.Errorf("memory: %s", got)
	}
	if got := groupFile(t, r.id, "pids.max"); got != "max" {
		t.Errorf("pids: %s", got)
	}
	if got := groupFile(t, r.id, "cpu.cfs_quota_us", "cpu.max"); got != "-1" && got != "max 100000" {
		t.Errorf("cpu: %s", got)
	}
	in.Close()
	r.wait(t)
}

// A command that needs more memory is killed, and daytwo run says why.
func TestKernelMemory(t *testing.T) {
	a := startAPI(t)
	eater := []string{"dd", "if=/dev/zero", "of=/dev/null", "bs=256M", "count=1"}
	got := ended(t, a.run(append([]string{"--memory", "32MiB"}, eater...)...))
	if got.status != 128+9 || !strings.Contains(got.err, "--memory") {
		t.Errorf("with 32 MiB: %+v", got)
	}
	if got := ended(t, a.run(append([]string{"--memory", "512MiB"}, eater...)...)); got.status != 0 {
		t.Errorf("with 512 MiB: %+v", got)
	}
	got = ended(t, a.run("--memory", "32MiB", "sh", "-c", "kill -9 $$"))
	if got.status != 128+9 || got.err != "" {
		t.Errorf("killed by another: %+v", got)
	}
	a.nothingLeft(t)
}

// A task cannot have more processes than its limit.
func TestKernelPIDs(t *testing.T) {
	a := startAPI(t)
	// A shell exits when it cannot fork, so a separate shell starts each child.
	cmd := a.run("--pids", "8", "sh", "-c", `echo $CONTAINER_ID; i=0
while [ $i -lt 30 ]; do (sleep 100 & ) 2>/dev/null; i=$((i+1)); done 2>/dev/null; cat`)
	in, _ := cmd.StdinPipe()
	r := start(t, cmd)
	if !eventually(patience, func() bool { return field(groupFile(t, r.id, "pids.events"), "max") > 0 }) {
		t.Errorf("no fork was refused; processes: %s", groupFile(t, r.id, "pids.current"))
	}
	// The launcher's thread that started the command counts, too, until it ends.
	if n := 0; !eventually(patience, func() bool {
		n, _ = strconv.Atoi(groupFile(t, r.id, "pids.current"))
		return n >= 1 && n <= 8
	}) {
		t.Errorf("%d processes", n)
	}
	in.Close()
	r.wait(t)
	for range 5 { // the thread that starts the command does not count towards the limit
		if got := ended(t, a.run("--pids", "1", "echo", "ran")); got.out != "ran\n" || got.status != 0 {
			t.Errorf("one process: %+v", got)
		}
	}
	a.nothingLeft(t)
}

// A task that would use more processor time than its limit is throttled.
func TestKernelCPUs(t *testing.T) {
	a := startAPI(t)
	r := start(t, a.run("--cpus", "0.1", "sh", "-c", "echo $CONTAINER_ID; while :; do :; done"))
	from, began := r.cpuTime(t), time.Now()
	throttled := func() bool { return field(groupFile(t, r.id, "cpu.stat"), "nr_throttled") > 5 }
	if !eventually(patience, throttled) {
		t.Errorf("cpu.stat: %s", groupFile(t, r.id, "cpu.stat"))
	}
	if share := float64(r.cpuTime(t)-from) / float64(time.Since(began)); share > 0.3 {
		t.Errorf("the task has %.2f processors", share)
	}
	r.Process.Signal(os.Kill)
	r.Wait()
}

// cpuTime returns the processor time of the task's first process.
func (r *running) cpuTime(t *testing.T) time.Duration {
	t.Helper()
	pid, _, _ := strings.Cut(groupFile(t, r.id, "cgroup.procs"), "\n")
	b, err := os.ReadFile("/proc/" + pid + "/schedstat") // begins with the time run, in nanoseconds
	if err != nil {
		t.Fatal(err)
	}
	n, _ := strconv.ParseInt(strings.Fields(string(b))[0], 10, 64)
	return time.Duration(n)
}

// Invalid limits are an error before anything starts.
func TestLimitsRefused(t *testing.T) {
	check := func(l limits, want string) {
		t.Helper()
		if err := l.check(); err == nil != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", l, err, want)
		}
	}
	check(limits{}, "")
	check(limits{memory: 1 << 20, cpus: 0.01, pids: 1}, "")
	check(limits{memory: 512}, "--memory")
	check(limits{memory: -1}, "--memory")
	check(limits{cpus: 0.001}, "--cpus")
	check(limits{cpus: -1}, "--cpus")
	check(limits{cpus: math.NaN()}, "--cpus")
	check(limits{cpus: math.Inf(1)}, "--cpus")
	check(limits{pids: -1}, "--pids")

	a := startAPI(t)
	for _, args := range [][]string{
		{"--memory", "512"}, {"--memory", "x"}, {"--memory", "0"},
		{"--cpus", "x"}, {"--cpus", "0"}, {"--pids", "0"}, {"--pids", "1.5"},
	} {
		if got := ended(t, a.run(append(args, "echo", "ran")...)); got.status == 0 || got.out != "" ||
			!strings.Contains(got.err, args[0]) {
			t.Errorf("%q: %+v", args, got)
		}
	}
}

// A limit whose controller is in no hierarchy of the machine is an error before the
// command starts. Limits of other controllers still work.
func TestNoController(t *testing.T) {
	rig.Need(t, rig.CgroupV1("cpu"))
	rig.InNamespaces(t, rig.Mount, testNoController)
}

func testNoController(t *testing.T) {
	mountHierarchies(t, "cpu", "devices")
	a := startAPI(t)
	for _, flag := range []string{"--memory=64MiB", "--pids=5"} {
		got := ended(t, a.run(flag, "echo", "ran"))
		name, _, _ := strings.Cut(flag, "=")
		if got.status != 1 || got.out != "" || !strings.Contains(got.err, name) || !strings.Contains(got.err, "controller") {
			t.Errorf("%s: %+v", flag, got)
		}
	}
	got := ended(t, a.run("--cpus=0.5", "sh", "-c", "cat /sys/fs/cgroup/cpu/daytwo/$CONTAINER_ID/cpu.cfs_quota_us"))
	if got.status != 0 || got.out != "50000\n" {
		t.Errorf("--cpus: %+v", got)
	}
	a.nothingLeft(t)
}

// A limit is also an error if its controller cannot be enabled in the hierarchy of
// version 2.
func TestControllerRefused(t *testing.T) {
	g := &group{refused: map[string]error{"memory": errors.New("device or resource busy")}}
	if err := g.limit(limits{memory: 1 << 30}); err == nil || !strings.Contains(err.Error(), "busy") {
		t.Error(err)
	}
	if err := g.limit(limits{pids: 5}); err == nil || !strings.Contains(err.Error(), "pids controller") {
		t.Error(err)
	}
}
