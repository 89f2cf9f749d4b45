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

// Helpers are processes of this program under other names, which ps shows. Each helper
// is in a session of its own.
const (
	watcherName    = "daytwo-watcher"    // removes the task if its launcher is killed
	supervisorName = "daytwo-supervisor" // runs a task in the background
	logPipeName    = "daytwo-log-pipe"   // writes what a task prints to journald
)

// Helper reports whether this process is a helper. If it is, Helper first does the
// helper's work, and returns its exit status. main calls it before anything else.
func Helper() (status int, is bool) {
	switch os.Args[0] {
	case watcherName:
		return watch(os.Args[1:]), true
	case supervisorName:
		return supervise(), true
	case logPipeName:
		return logPipe(), true
	}
	return 0, false
}

// helperCommand returns the command that starts a helper. The helper's standard streams
// are /dev/null unless the caller sets others. files become its descriptors from 3 on.
func helperCommand(name string, args []string, files ...*os.File) *exec.Cmd {
	return &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{name}, args...), ExtraFiles: files,
		SysProcAttr: &syscall.SysProcAttr{Setsid: true},
	}
}

// runtimeEnvironment returns the environment of a helper that needs nothing but the Go
// runtime: one processor, and the runtime's own settings of this process.
func runtimeEnvironment() []string {
	env := []string{"GOMAXPROCS=1"}
	for _, name := range []string{"GODEBUG", "GORACE", "GOTRACEBACK"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	return env
}

// becomeHelper sets the name of a helper's process. It closes the files that the helper
// inherited, and moves the helper into the root cgroups: somebody may kill all processes
// in the cgroups of the process that started it.
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

// closeInherited closes the inherited descriptors, except the standard streams. They are
// the ones without close-on-exec, because Go sets that on every descriptor it opens.
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
