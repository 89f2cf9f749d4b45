package launcher

import (
	"os"
	"os/exec"
	"strconv"
	"syscall"

	"github.com/containerd/cgroups/v3/cgroup1"
	"github.com/containerd/cgroups/v3/cgroup2"
	"golang.org/x/sys/unix"
)

// Helpers are this program under other names, as ps shows them. Both are in a
// session of their own.
const (
	watcherName    = "daytwo-watcher"    // removes the task if its launcher dies first
	supervisorName = "daytwo-supervisor" // launches a task in the background
)

// Helper does a helper's work and returns true, with its exit status, if this
// process is one. main calls it before all else.
func Helper() (status int, is bool) {
	switch os.Args[0] {
	case watcherName:
		return watch(os.Args[1:]), true
	case supervisorName:
		return supervise(), true
	}
	return 0, false
}

// helperCommand makes what starts a helper. Its standard streams are /dev/null,
// unless the caller sets others; files are its descriptors 3 and up.
func helperCommand(name string, args []string, files ...*os.File) *exec.Cmd {
	return &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{name}, args...), ExtraFiles: files,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
}

// becomeHelper gives a helper its name, and lets go of what it got from the process
// that started it: open files, and its cgroups, which may be killed as a whole.
func becomeHelper() {
	os.WriteFile("/proc/self/comm", []byte(os.Args[0]), 0)
	closeInherited()
	if hasLegacy() {
		if g, err := cgroup1.Load(cgroup1.RootPath); err == nil {
			g.Add(cgroup1.Process{Pid: os.Getpid()})
		}
	}
	if root := unifiedRoot(); root != "" {
		if g, err := cgroup2.Load("/", cgroup2.WithMountpoint(root)); err == nil {
			g.AddProc(uint64(os.Getpid()))
		}
	}
}

// closeInherited closes the descriptors that came through execve, which are those
// that execve would not close; the standard streams stay.
func closeInherited() {
	entries, _ := os.ReadDir("/proc/self/fd")
	for _, e := range entries {
		fd, err := strconv.Atoi(e.Name())
		if err != nil || fd <= 2 {
			continue
		}
		if flags, err := unix.FcntlInt(uintptr(fd), unix.F_GETFD, 0); err == nil && flags&unix.FD_CLOEXEC == 0 {
			unix.Close(fd)
		}
	}
}
