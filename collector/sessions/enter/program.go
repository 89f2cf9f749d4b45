package enter

import (
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// program is a list of system calls. A Go process cannot join a user or a time
// namespace, as it has several threads. A forked child of it has one, but may run no Go
// code that allocates, locks or grows its stack. So all that the child does is decided
// beforehand: it makes the calls of a program one after another.
type program struct {
	calls []call
	keep  []any // what the arguments point to
}

// call is one system call.
type call struct {
	name string // for the error, "" if it need not be told apart from others
	nr   uintptr
	args [6]uintptr
	kind kind
}

type kind uint8

const (
	must    kind = iota // an error ends the program
	may                 // errors are ignored
	open                // its result is the descriptor of all following calls of kind onOpen
	onOpen              // as must, with that descriptor as the first argument
	fork                // the parent notes the child's pid and exits; the child goes on
	try                 // if it returns, execve(2) failed: the next one is tried
	unlessC             // skipped if the last call of kind maySet succeeded
	maySet              // as may, and notes whether it succeeded
)

// add appends a call.
func (p *program) add(name string, k kind, nr uintptr, args ...uintptr) {
	c := call{name: name, nr: nr, kind: k}
	copy(c.args[:], args)
	p.calls = append(p.calls, c)
}

// str returns the address of a string that ends with a zero byte.
func (p *program) str(s string) uintptr {
	b := append([]byte(s), 0)
	p.keep = append(p.keep, b)
	return uintptr(unsafe.Pointer(&b[0]))
}

// strs returns the address of a list of strings, as for execve(2).
func (p *program) strs(all []string) uintptr {
	list := make([]uintptr, len(all)+1)
	for i, s := range all {
		list[i] = p.str(s)
	}
	p.keep = append(p.keep, list)
	return uintptr(unsafe.Pointer(&list[0]))
}

// at returns the address of a value.
func at[T any](p *program, v T) uintptr {
	h := &v
	p.keep = append(p.keep, h)
	return uintptr(unsafe.Pointer(h))
}

// writeFile makes the child write to one of its own files in /proc.
func (p *program) writeFile(name, path, text string) {
	p.add(name, open, unix.SYS_OPENAT, atCWD, p.str(path), unix.O_WRONLY|unix.O_CLOEXEC)
	p.add(name, onOpen, unix.SYS_WRITE, 0, p.str(text), uintptr(len(text)))
	p.add(name, onOpen, unix.SYS_CLOSE)
}

const atCWD = ^uintptr(99) // AT_FDCWD, -100

// report is memory that the child shares with its parent: system calls that a seccomp
// filter might forbid are not needed to tell what happened.
type report struct {
	at    int64   // index of the call that is being made
	errno uintptr // of the call that ended the program
	pid   uintptr // of the process that executes the command
}

func newReport() (*report, func(), error) {
	b, err := unix.Mmap(-1, 0, int(unsafe.Sizeof(report{})), unix.PROT_READ|unix.PROT_WRITE,
		unix.MAP_SHARED|unix.MAP_ANONYMOUS)
	if err != nil {
		return nil, nil, err
	}
	return (*report)(unsafe.Pointer(&b[0])), func() { unix.Munmap(b) }, nil
}

// cloneArgs are those of clone3(2) up to the cgroup.
type cloneArgs struct {
	flags, pidFD, childTID, parentTID, exitSignal, stack, stackSize, tls, setTID, setTIDSize, cgroup uint64
}

//go:linkname beforeFork syscall.runtime_BeforeFork
func beforeFork()

//go:linkname afterFork syscall.runtime_AfterFork
func afterFork()

//go:linkname afterForkInChild syscall.runtime_AfterForkInChild
func afterForkInChild()

// start forks a process that runs the program, in the cgroup of a descriptor, or in that
// of the caller if it is negative.
//
//go:norace
func (p *program) start(cgroup int, r *report) (pid int, err error) {
	args := &cloneArgs{exitSignal: uint64(unix.SIGCHLD)}
	if cgroup >= 0 {
		args.flags, args.cgroup = unix.CLONE_INTO_CGROUP, uint64(cgroup)
	}
	calls := p.calls
	syscall.ForkLock.Lock()
	beforeFork()
	n, _, errno := unix.RawSyscall(unix.SYS_CLONE3, uintptr(unsafe.Pointer(args)), unsafe.Sizeof(*args), 0)
	if errno == 0 && n == 0 {
		afterForkInChild()
		runChild(calls, r)
	}
	afterFork()
	syscall.ForkLock.Unlock()
	if errno != 0 {
		return 0, errno
	}
	return int(n), nil
}

// runChild makes the calls. It does not return.
//
//go:norace
//go:nosplit
func runChild(calls []call, r *report) {
	var fd uintptr
	var set bool
	var last unix.Errno
	for i := 0; i < len(calls); i++ {
		c := &calls[i]
		r.at = int64(i)
		if c.kind == unlessC && set {
			continue
		}
		if c.kind == onOpen {
			c.args[0] = fd
		}
		n, _, errno := unix.RawSyscall6(c.nr, c.args[0], c.args[1], c.args[2], c.args[3], c.args[4], c.args[5])
		switch c.kind {
		case may:
			continue
		case maySet:
			set = errno == 0
			continue
		case try:
			// As execvp(3): a file that may not be executed is reported only if no other is found.
			if errno != unix.ENOENT && errno != unix.ENOTDIR && (errno != unix.EACCES || last == 0 || last == unix.ENOENT) {
				last = errno
			} else if last == 0 {
				last = unix.ENOENT
			}
			if errno == unix.ENOENT || errno == unix.ENOTDIR || errno == unix.EACCES {
				continue
			}
		case open:
			fd = n
		case fork:
			if errno == 0 && n != 0 {
				r.pid = n
				exit(0)
			}
		}
		if errno != 0 {
			r.errno = uintptr(errno)
			exit(1)
		}
	}
	r.errno = uintptr(last)
	exit(1)
}

//go:norace
//go:nosplit
func exit(status uintptr) {
	for {
		unix.RawSyscall(unix.SYS_EXIT_GROUP, status, 0, 0)
	}
}
