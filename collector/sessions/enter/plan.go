package enter

import (
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// rights are what the session's process may do, by the ids of its user namespace.
type rights struct {
	uids, gids                                           [3]uint32 // real, effective, saved
	groups                                               []uint32  // by the ids of the host
	inheritable, permitted, effective, bounding, ambient uint64
	noNewPrivs                                           bool
	filters                                              []filter
	label                                                label
}

// plan is all that is needed to make the program of the child.
type plan struct {
	*identity
	rights      rights
	pidfd, root int
	cgroups     *cgroups
	stdio       [3]int // no standard stream of the caller
	done        int    // closed once the command runs; not 3 or less
	tty         bool
	workdir     string
	files       []string // to try to execute
	tool        int      // to execute instead, if it is not 0; not 4 or less
	args, env   []string
}

// kept is the descriptor that stays until the command runs: the caller waits for its end.
const kept = 3

// ToolFD is the descriptor by which a program that came from outside can execute itself: it has
// no path in the container.
const ToolFD = kept + 1

const workdirCall = "change to the working directory"

// programOf makes the program of a plan. Tests change it, to show what each call is for.
var programOf = (*plan).program

// program makes the program of the child. The order matters, and each part says why it
// stands where it does. Two processes run it: the first joins the container and gives up
// its rights, while it has no id in the container's pid namespace, so that none of the
// container's processes can trace or signal it. The second, which has one, is born with
// the rights of the container and at once executes the command.
func (pl *plan) program() *program {
	p := &program{}
	p.add("become undumpable", must, unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0)

	// What only root of the host may do comes before the user namespace is joined.
	for _, h := range pl.cgroups.join {
		p.add("join the container's cgroup", must, unix.SYS_WRITE, h.Fd(), p.str("0"), 1)
	}
	pl.scheduling(p)
	p.writeFile("set oom_score_adj", "/proc/self/oom_score_adj", pl.oomScoreAdj)
	if pl.coredumpFilter != "" {
		p.writeFile("set coredump_filter", "/proc/self/coredump_filter", pl.coredumpFilter)
	}
	if l := pl.rights.label; l.text != "" {
		p.writeFile("set the security label", "/proc/self/attr/"+l.file[len("attr/"):], l.text)
	}
	for i, l := range pl.limits {
		p.add("set a resource limit", must, unix.SYS_PRLIMIT64, 0, uintptr(i), at(p, l), 0)
	}
	// By the host's ids, as the user namespace may not map all groups of the container's
	// first process, or may not allow to set them.
	p.setgroups(pl.rights.groups)

	// A mount namespace can only be joined by who shares no root directory.
	p.add("leave the shared directories", must, unix.SYS_UNSHARE, unix.CLONE_FS)
	if n := pl.namespaces.before; n != 0 {
		p.add("join the container's namespaces", must, unix.SYS_SETNS, uintptr(pl.pidfd), uintptr(n))
	}
	if n := pl.namespaces.with; n != 0 {
		p.add("join the container's user namespace", must, unix.SYS_SETNS, uintptr(pl.pidfd), uintptr(n))
	}
	// The first process may have a root directory below that of its mount namespace.
	p.add("enter the container's root directory", must, unix.SYS_FCHDIR, uintptr(pl.root))
	p.add("enter the container's root directory", must, unix.SYS_CHROOT, p.str("."))

	// From here on, there is no descriptor of the host left but the standard streams: none
	// can be the working directory, or be found in /proc.
	for to, from := range pl.stdio {
		p.add("set the standard streams", must, unix.SYS_DUP3, uintptr(from), uintptr(to), 0)
	}
	p.add("close descriptors", must, unix.SYS_DUP3, uintptr(pl.done), kept, unix.O_CLOEXEC)
	if pl.tool != 0 {
		p.add("keep the tool", must, unix.SYS_DUP3, uintptr(pl.tool), ToolFD, 0)
	}
	p.add("close descriptors", must, unix.SYS_CLOSE_RANGE, pl.free(), lastFD, 0)

	// A session keyring of its own, not that of the host's root.
	const joinSessionKeyring = 1
	p.add("leave the host's keyring", may, unix.SYS_KEYCTL, joinSessionKeyring, 0)
	p.add("set umask", must, unix.SYS_UMASK, uintptr(pl.umask))
	pl.signals(p)

	pl.drop(p)
	pl.execute(p)
	return p
}

// free returns the lowest descriptor that is not needed until the command runs.
func (pl *plan) free() uintptr {
	if pl.tool != 0 {
		return ToolFD + 1
	}
	return kept + 1
}

// scheduling copies what concerns the scheduler. It comes after the cgroups: those of
// cpuset change the affinity.
func (pl *plan) scheduling(p *program) {
	p.add("set the CPU affinity", must, unix.SYS_SCHED_SETAFFINITY, 0, cpuSetSize, at(p, pl.affinity))
	attr := pl.sched
	attr.Size = uint32(unsafe.Sizeof(attr))
	p.add("set the scheduling policy", must, unix.SYS_SCHED_SETATTR, 0, at(p, attr), 0)
	const process = 1 // IOPRIO_WHO_PROCESS
	p.add("set the I/O priority", must, unix.SYS_IOPRIO_SET, process, 0, pl.ioprio)
	if pl.timerSlack != 0 {
		p.add("set the timer slack", must, unix.SYS_PRCTL, unix.PR_SET_TIMERSLACK, uintptr(pl.timerSlack))
	}
	p.add("set the personality", must, unix.SYS_PERSONALITY, uintptr(pl.personality))
}

// setgroups sets the supplementary groups.
func (p *program) setgroups(groups []uint32) {
	list := append(make([]uint32, 0, len(groups)+1), groups...)
	p.keep = append(p.keep, list)
	p.add("set the groups", must, unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(&list[:1][0])))
}

// signals restores the default of each signal, and blocks none.
func (pl *plan) signals(p *program) {
	action := at(p, [4]uint64{}) // struct sigaction: SIG_DFL, no flags, an empty mask
	for sig := uintptr(1); sig <= 64; sig++ {
		p.add("", may, unix.SYS_RT_SIGACTION, sig, action, 0, 8)
	}
	p.add("unblock signals", must, unix.SYS_RT_SIGPROCMASK, unix.SIG_SETMASK, at(p, uint64(0)), 0, 8)
}

// drop gives up all rights that the container's first process has not.
func (pl *plan) drop(p *program) {
	r := &pl.rights
	// The working directory is opened without following a link of /proc, as these calls
	// still have rights that the container has not. If that fails, the user may be able to.
	how := unix.OpenHow{Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_NO_MAGICLINKS}
	p.add("open the working directory", maySet, unix.SYS_OPENAT2, atCWD, p.str(pl.workdir), at(p, how),
		unsafe.Sizeof(how))
	p.add(workdirCall, maySet, unix.SYS_FCHDIR, pl.free())
	p.add("close descriptors", must, unix.SYS_CLOSE_RANGE, pl.free(), lastFD, 0)

	p.add("set the secure bits", must, unix.SYS_PRCTL, unix.PR_SET_SECUREBITS, 0)
	p.add("clear the ambient capabilities", must, unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_CLEAR_ALL)
	for c := uintptr(0); c < capabilities(); c++ {
		if r.bounding&(1<<c) == 0 {
			p.add("drop a capability", must, unix.SYS_PRCTL, unix.PR_CAPBSET_DROP, c)
		}
	}
	p.add("keep capabilities", must, unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 1)
	p.add("set the group id", must, unix.SYS_SETRESGID, uintptr(r.gids[0]), uintptr(r.gids[1]), uintptr(r.gids[2]))
	p.add("set the user id", must, unix.SYS_SETRESUID, uintptr(r.uids[0]), uintptr(r.uids[1]), uintptr(r.uids[2]))
	p.add("keep no capabilities", must, unix.SYS_PRCTL, unix.PR_SET_KEEPCAPS, 0)
	// Ids that change may make a process dumpable, so once more.
	p.add("become undumpable", must, unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 0)

	// A filter may be set by who has CAP_SYS_ADMIN, or no_new_privs. With the latter, it is
	// set as late as possible, as it concerns all calls after it.
	if !r.noNewPrivs && len(r.filters) > 0 {
		p.capset("keep the right to set seccomp filters", r.permitted|1<<unix.CAP_SYS_ADMIN,
			r.effective|1<<unix.CAP_SYS_ADMIN, r.inheritable)
		p.seccomp(r.filters)
	}
	p.capset("set the capabilities", r.permitted, r.effective, r.inheritable)
	for c := uintptr(0); c < capabilities(); c++ {
		if r.ambient&(1<<c) != 0 {
			p.add("set the ambient capabilities", must, unix.SYS_PRCTL, unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, c)
		}
	}
	p.add(workdirCall, unlessC, unix.SYS_CHDIR, p.str(pl.workdir))
}

// execute starts the process that has an id in the container.
func (pl *plan) execute(p *program) {
	// With CLONE_PARENT it is a child of the caller, who waits for it.
	p.add("start a process in the container", fork, unix.SYS_CLONE, unix.CLONE_PARENT|uintptr(unix.SIGCHLD))
	p.add("start a session of processes", must, unix.SYS_SETSID)
	if pl.tty {
		p.add("set the controlling terminal", must, unix.SYS_IOCTL, 0, unix.TIOCSCTTY, 0)
	}
	if pl.rights.noNewPrivs {
		p.add("set no_new_privs", must, unix.SYS_PRCTL, unix.PR_SET_NO_NEW_PRIVS, 1)
		p.seccomp(pl.rights.filters)
	}
	args, env := p.strs(pl.args), p.strs(pl.env)
	if pl.tool != 0 {
		p.add("execute "+pl.args[0], try, unix.SYS_EXECVEAT, ToolFD, p.str(""), args, env, unix.AT_EMPTY_PATH)
		return
	}
	for _, f := range pl.files {
		p.add("execute "+pl.args[0], try, unix.SYS_EXECVE, p.str(f), args, env)
	}
}

func (p *program) capset(name string, permitted, effective, inheritable uint64) {
	header := at(p, unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3})
	data := at(p, [2]unix.CapUserData{
		{Effective: uint32(effective), Permitted: uint32(permitted), Inheritable: uint32(inheritable)},
		{Effective: uint32(effective >> 32), Permitted: uint32(permitted >> 32), Inheritable: uint32(inheritable >> 32)},
	})
	p.add(name, must, unix.SYS_CAPSET, header, data)
}

// seccomp adds filters, the oldest first.
func (p *program) seccomp(filters []filter) {
	for _, f := range filters {
		code := f.code
		p.keep = append(p.keep, code)
		prog := at(p, unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
		p.add("set a seccomp filter", must, unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, uintptr(f.flags), prog)
	}
}

const lastFD = uintptr(^uint32(0))

// capabilities returns how many the kernel knows.
var capabilities = sync.OnceValue(func() (n uintptr) {
	for n < 64 {
		if _, _, errno := unix.RawSyscall(unix.SYS_PRCTL, unix.PR_CAPBSET_READ, n, 0); errno != 0 {
			break
		}
		n++
	}
	return n
})
