package rig

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// dirPrefix is where engines keep their state, followed by the pid of the test
// process. It is short since the path of a unix socket has at most 107 bytes.
const dirPrefix = "/tmp/rig."

type engineSet struct {
	main atomic.Bool
	mu   sync.Mutex
	all  []*Engine
}

var engines engineSet

func (s *engineSet) add(e *Engine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all = append(s.all, e)
}

// Main runs the tests of a package, stops every engine that they started, and fails
// if they leave something behind: goroutines, descriptors, processes, mounts,
// cgroups, network interfaces or temporary files. First it clears away what test
// processes that crashed have left.
//
//	func TestMain(m *testing.M) { os.Exit(rig.Main(m)) }
func Main(m *testing.M) int {
	engines.main.Store(true)
	if os.Getenv(runMark) != "" { // started by another test process, which checks both
		defer Teardown()
		return m.Run()
	}
	sweep()
	check, err := startLeakCheck()
	if err != nil {
		fmt.Fprintln(os.Stderr, "rig:", err)
		return 1
	}
	code := m.Run()
	Teardown()
	releaseFree()
	for _, l := range check.leaks() {
		fmt.Fprintln(os.Stderr, "rig: the tests leave behind:", l)
		code = max(code, 1)
	}
	return code
}

// AtEnd makes Main call f after the last test: for what tests of a package share.
func AtEnd(f func()) { engines.add(&Engine{ops: ending{f: f}}) }

// nothing is an engine without a daemon: its directory is cleared at the end.
type nothing struct{ engineOps }

func (nothing) stop() error { return nil }

type ending struct {
	nothing
	f func()
}

func (e ending) stop() error { e.f(); return nil }

// Teardown stops every engine; Main calls it.
func Teardown() {
	engines.mu.Lock()
	defer engines.mu.Unlock()
	for _, e := range slices.Backward(engines.all) {
		if err := e.ops.stop(); err != nil {
			fmt.Fprintf(os.Stderr, "rig: end %s: %v\n", e.Name, err)
		}
		clearAway(e.Dir)
	}
	engines.all = nil
}

func newDir(name string) (string, error) {
	dir := fmt.Sprintf("%s%d.%s", dirPrefix, os.Getpid(), name)
	clearAway(dir)
	return dir, os.MkdirAll(dir, 0o711)
}

// sweep clears away the engines of test processes that no longer run.
func sweep() {
	dirs, _ := filepath.Glob(dirPrefix + "*")
	for _, d := range dirs {
		pid, _, _ := strings.Cut(strings.TrimPrefix(d, dirPrefix), ".")
		if n, err := strconv.Atoi(pid); err == nil && syscall.Kill(n, 0) == syscall.ESRCH {
			clearAway(d)
		}
	}
}

// clearAway removes the directory of an engine and everything that belongs to it:
// processes with the directory in their arguments (daemons, shims, conmon),
// containers whose runc state is in it, their cgroups, and mounts below it.
func clearAway(dir string) {
	if _, err := os.Lstat(dir); err != nil {
		return
	}
	for _, pid := range processesOf(dir) {
		socket := shimSocket(pid)
		syscall.Kill(pid, syscall.SIGKILL)
		if socket != "" {
			os.Remove(socket)
		}
	}
	var dirs []string // of cgroups, which are not at one path in all hierarchies
	filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.Name() != "state.json" {
			return nil
		}
		var s struct {
			Pid   int               `json:"init_process_pid"`
			Paths map[string]string `json:"cgroup_paths"`
		}
		if b, err := os.ReadFile(path); err == nil && json.Unmarshal(b, &s) == nil && s.Pid > 0 {
			if cg, err := cgroupOf(s.Pid); err == nil && hasSuffix(s.Paths, cg) {
				syscall.Kill(s.Pid, syscall.SIGKILL)
			}
			dirs = slices.AppendSeq(dirs, maps.Values(s.Paths)) // they outlive the process
		}
		return nil
	})
	for _, d := range dirs {
		removeCgroupDir(d)
	}
	unmountBelow(dir)
	err := eventually(5*time.Second, func() error { return os.RemoveAll(dir) })
	if err != nil {
		fmt.Fprintf(os.Stderr, "rig: %v\n", err)
	}
}

func hasSuffix(paths map[string]string, suffix string) bool {
	for _, p := range paths {
		if strings.HasSuffix(p, suffix) {
			return true
		}
	}
	return false
}

// processesOf lists the other processes that have a path below dir in their arguments.
func processesOf(dir string) []int {
	var pids []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, f := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		b, _ := os.ReadFile(f)
		if pid != os.Getpid() && strings.Contains(string(b), dir+"/") {
			pids = append(pids, pid)
		}
	}
	return pids
}

// shimSocket returns the socket of a containerd shim, which is outside of the
// engine's directory (containerd's shim.SocketAddress). A killed shim leaves it.
func shimSocket(pid int) string {
	b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
	args := strings.Split(string(b), "\x00")
	if !strings.HasPrefix(filepath.Base(args[0]), "containerd-shim") {
		return ""
	}
	flag := func(name string) string {
		if i := slices.Index(args, name); i >= 0 && i+1 < len(args) {
			return args[i+1]
		}
		return ""
	}
	sum := sha256.Sum256([]byte(filepath.Join(flag("-address"), flag("-namespace"), flag("-id"))))
	return fmt.Sprintf("/run/containerd/s/%x", sum)
}

// unmountBelow unmounts everything below dir, in reverse order.
func unmountBelow(dir string) {
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for _, line := range slices.Backward(strings.Split(string(b), "\n")) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], dir+"/") {
			syscall.Unmount(f[4], syscall.MNT_DETACH)
		}
	}
}

// cgroupOf returns the path of a process in the v2 hierarchy, or where it is in the
// root of that, in the first one.
func cgroupOf(pid int) (string, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cgroup", pid))
	if err != nil {
		return "", err
	}
	first := ""
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && f[0] == "0" && f[2] != "/" {
			return f[2], nil
		}
		if len(f) == 3 && first == "" {
			first = f[2]
		}
	}
	return first, nil
}

// RemoveCgroup removes a cgroup without processes in all hierarchies, with its
// descendants and with its empty ancestors.
func RemoveCgroup(path string) {
	if path == "" || isOurs(path) {
		return
	}
	for _, root := range hierarchies() {
		removeCgroupDir(root + path)
	}
}

// removeCgroupDir is RemoveCgroup of a directory in one hierarchy.
func removeCgroupDir(dir string) {
	for _, root := range hierarchies() {
		path, ok := strings.CutPrefix(dir, root+"/")
		if !ok || isOurs("/"+path) {
			continue
		}
		eventually(10*time.Second, func() error { return rmdirTree(dir) }) // its processes may still be ending
		rmdirUp(root, filepath.Dir("/"+path))
	}
}

// rmdirUp removes a cgroup and its ancestors as long as they are empty, but for those
// that this process is in.
func rmdirUp(root, path string) {
	for ; !isOurs(path) && syscall.Rmdir(root+path) == nil; path = filepath.Dir(path) {
	}
}

// isOurs reports whether this process is in a cgroup, or below it, in any hierarchy.
func isOurs(path string) bool {
	b, err := os.ReadFile("/proc/self/cgroup")
	if err != nil {
		return true
	}
	for line := range strings.Lines(string(b)) {
		f := strings.SplitN(strings.TrimSuffix(line, "\n"), ":", 3)
		if len(f) == 3 && strings.HasPrefix(f[2]+"/", strings.TrimSuffix(path, "/")+"/") {
			return true
		}
	}
	return false
}

// hierarchies lists the mount points of the cgroup hierarchies.
func hierarchies() []string {
	var roots []string
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		pre, post, _ := strings.Cut(line, " - cgroup")
		if f := strings.Fields(pre); post != "" && len(f) > 4 {
			roots = append(roots, f[4])
		}
	}
	return roots
}

func rmdirTree(dir string) error {
	entries, _ := os.ReadDir(dir)
	for _, e := range entries {
		if e.IsDir() {
			rmdirTree(dir + "/" + e.Name())
		}
	}
	if err := syscall.Rmdir(dir); err != nil && err != syscall.ENOENT {
		return err
	}
	return nil
}
