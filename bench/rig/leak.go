package rig

import (
	"bytes"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"go.uber.org/goleak"
)

// runMark is in the environment of every process that the tests start.
const runMark = "DAYTWO_TEST_RUN"

// leakCheck finds what the tests of a process leave behind. Other tests run on the
// machine at the same time, so it looks only for what can be told apart: by the
// temporary directory, by the environment of processes, and by the process id that
// is part of the names that tests choose (see UniqueName).
type leakCheck struct {
	tmp         string // the TMPDIR of this process
	goroutines  goleak.Option
	descriptors []string
}

// startLeakCheck gives this process a temporary directory of its own.
func startLeakCheck() (*leakCheck, error) {
	pid := strconv.Itoa(os.Getpid())
	tmp, err := os.MkdirTemp("", "d2-"+pid+"-") // short, as unix sockets are below it
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return nil, err
	}
	os.Setenv("TMPDIR", tmp)
	os.Setenv(runMark, pid)
	return &leakCheck{tmp: tmp, goroutines: goleak.IgnoreCurrent(), descriptors: descriptors()}, nil
}

// leaks lists what is left, once what ends by itself has ended, and removes what it
// can.
func (l *leakCheck) leaks() []string {
	http.DefaultClient.CloseIdleConnections()
	var all []string
	if err := goleak.Find(l.goroutines); err != nil {
		all = append(all, err.Error())
	}
	var rest []string
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		rest = slices.Concat(l.leakedDescriptors(), processes(), l.mounts(), interfaces(), cgroups(), l.files())
		if len(rest) == 0 || time.Now().After(end) {
			break
		}
	}
	for _, pid := range marked() {
		syscall.Kill(pid, syscall.SIGKILL)
	}
	for _, found := range rest {
		if dir, ok := strings.CutPrefix(found, "cgroup "); ok {
			removeCgroupDir(dir)
		}
	}
	unmountBelow(l.tmp)
	os.RemoveAll(l.tmp)
	return append(all, rest...)
}

// descriptors lists what the descriptors of this process refer to, but for those of
// the Go runtime, which opens them when it first needs them.
func descriptors() []string {
	var all []string
	fds, _ := os.ReadDir("/proc/self/fd")
	for _, fd := range fds {
		to, err := os.Readlink("/proc/self/fd/" + fd.Name())
		if err == nil && to != "anon_inode:[eventpoll]" && to != "anon_inode:[eventfd]" && to != "anon_inode:[pidfd]" {
			all = append(all, to)
		}
	}
	return all
}

// mayHang are the files of a process that hangs in execve(2) whose reading waits for it.
// Another package's test may have such a process, so a descriptor of them is no leak.
var mayHang = regexp.MustCompile(`^/proc/\d+/(task/\d+/)?(stat|environ)$`)

func (l *leakCheck) leakedDescriptors() []string {
	runtime.GC() // closes files that nothing refers to
	before := slices.Clone(l.descriptors)
	var all []string
	for _, to := range descriptors() {
		if i := slices.Index(before, to); i >= 0 {
			before = slices.Delete(before, i, i+1)
		} else if !mayHang.MatchString(to) {
			all = append(all, "descriptor of "+to)
		}
	}
	return all
}

// marked lists the processes that the tests started and that still run.
func marked() []int {
	var pids []int
	mark := []byte("\x00" + runMark + "=" + strconv.Itoa(os.Getpid()) + "\x00")
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, f := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(f)))
		if pid != os.Getpid() && bytes.Contains(append([]byte{0}, readSoon(f)...), mark) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// hangs are files whose reading did not return in time.
var hangs sync.Map

// readSoon reads a file of another process, or gives up: /proc/PID/environ hangs
// while that process hangs in execve(2).
func readSoon(path string) []byte {
	if _, ok := hangs.Load(path); ok {
		return nil
	}
	read := make(chan []byte, 1)
	go func() {
		b, _ := os.ReadFile(path) // it may have ended
		read <- b
	}()
	select {
	case b := <-read:
		return b
	case <-time.After(500 * time.Millisecond):
		hangs.Store(path, true)
		return nil
	}
}

func processes() []string {
	var all []string
	for _, pid := range marked() {
		b, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		all = append(all, fmt.Sprintf("process %d: %s", pid, strings.ReplaceAll(string(b), "\x00", " ")))
	}
	children, _ := filepath.Glob("/proc/self/task/*/children")
	for _, f := range children {
		b, _ := os.ReadFile(f)
		for _, pid := range strings.Fields(string(b)) {
			stat, _ := os.ReadFile("/proc/" + pid + "/stat")
			if strings.Contains(string(stat), ") Z ") {
				all = append(all, "process "+pid+" has ended, and nobody waited for it")
			}
		}
	}
	return all
}

func (l *leakCheck) mounts() []string {
	var all []string
	b, _ := os.ReadFile("/proc/self/mountinfo")
	for line := range strings.Lines(string(b)) {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], l.tmp+"/") {
			all = append(all, "mount on "+f[4])
		}
	}
	return all
}

// ours matches names with this process's id in them.
func ours() *regexp.Regexp { return regexp.MustCompile(fmt.Sprintf(`(^|\D)%d(\D|$)`, os.Getpid())) }

func interfaces() []string {
	var all []string
	entries, _ := os.ReadDir("/sys/class/net")
	for _, e := range entries {
		if ours().MatchString(e.Name()) {
			all = append(all, "network interface "+e.Name())
		}
	}
	return all
}

// cgroups lists those with this process's id in their name, or a container's.
func cgroups() []string {
	mine := ours()
	var all []string
	for _, dir := range cgroupDirs(func(name string) bool { return mine.MatchString(name) || ofContainer(name) }) {
		all = append(all, "cgroup "+dir)
	}
	return all
}

// cgroupDirs lists the directories of cgroups with such a name, in all hierarchies, and
// not what is below them.
func cgroupDirs(named func(name string) bool) []string {
	var all []string
	for _, root := range hierarchies() {
		filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || !d.IsDir() {
				return nil
			}
			if path != root && named(d.Name()) {
				all = append(all, path)
				return fs.SkipDir
			}
			return nil
		})
	}
	return all
}

func (l *leakCheck) files() []string {
	var all []string
	entries, _ := os.ReadDir(l.tmp)
	for _, e := range entries {
		all = append(all, "file "+filepath.Join(l.tmp, e.Name()))
	}
	return all
}
