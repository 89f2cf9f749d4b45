package itself

import (
	"errors"
	"os"
	"runtime"
	"strings"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/collector/sessions/enter"
)

// Keep keeps the program's own descriptor from programs of the container. It has to be called
// before anything is started.
func Keep() { unix.CloseOnExec(enter.ToolFD) }

// notExecuted is the exit status of a process that could not become the program.
const notExecuted = 126

// call is a system call of the child.
type call struct {
	nr   uintptr
	args [5]uintptr
}

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// Start starts a process of this program. It has nothing of this process but the environment
// that is given, the three streams and, if dir is not "", that working directory. If it cannot
// be executed, as its arguments are too long, it ends with status 126.
func Start(args, env []string, dir string, streams [3]*os.File) (*os.Process, error) {
	for _, s := range append(append([]string{dir}, args...), env...) {
		if strings.IndexByte(s, 0) >= 0 {
			return nil, errors.New("an argument or the environment has a zero byte")
		}
	}
	var keep [][]byte
	text := func(s string) uintptr {
		b := append([]byte(s), 0)
		keep = append(keep, b)
		return uintptr(unsafe.Pointer(&b[0]))
	}
	list := func(all []string) []uintptr {
		l := make([]uintptr, len(all)+1)
		for i, s := range all {
			l[i] = text(s)
		}
		return l
	}
	argv, envv := list(args), list(env)
	calls := []call{{unix.SYS_FCNTL, [5]uintptr{enter.ToolFD, unix.F_SETFD, 0}}}
	for to, f := range streams {
		// Not one of those numbers that are given away here.
		fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, enter.ToolFD+1)
		if err != nil {
			return nil, os.NewSyscallError("fcntl", err)
		}
		defer unix.Close(fd)
		calls = append(calls, call{unix.SYS_DUP3, [5]uintptr{uintptr(fd), uintptr(to), 0}})
	}
	if dir != "" {
		calls = append(calls, call{unix.SYS_CHDIR, [5]uintptr{text(dir)}})
	}
	calls = append(calls, call{unix.SYS_EXECVEAT, [5]uintptr{enter.ToolFD, text(""), uintptr(unsafe.Pointer(&argv[0])),
		uintptr(unsafe.Pointer(&envv[0])), unix.AT_EMPTY_PATH}})
	pid, err := fork(calls)
	runtime.KeepAlive(keep)
	runtime.KeepAlive(argv)
	runtime.KeepAlive(envv)
	if err != nil {
		return nil, os.NewSyscallError("clone", err)
	}
	return os.FindProcess(pid)
}

// fork starts a process that makes some calls. It may run no Go code that allocates, locks or
// grows its stack, as it has one thread of this process' only.
//
//go:norace
func fork(calls []call) (pid int, err error) {
	syscall.ForkLock.Lock()
	beforeFork()
	n, _, errno := unix.RawSyscall6(unix.SYS_CLONE, uintptr(unix.SIGCHLD), 0, 0, 0, 0, 0)
	if errno == 0 && n == 0 {
		afterForkInChild()
		child(calls)
	}
	afterFork()
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

//go:norace
//go:nosplit
func child(calls []call) {
	for i := 0; i < len(calls); i++ {
		c := &calls[i]
		if _, _, errno := unix.RawSyscall6(c.nr, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], 0); errno != 0 {
			break
		}
	}
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, notExecuted, 0, 0)
	}
}
