package enter

import (
	"errors"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Session is a command that runs in a container. The caller is its parent, and waits for
// its process.
type Session struct {
	PID int // in the pid namespace of the caller

	// With a terminal, its master, and -1 for the pipes; else the other way round. All are
	// non-blocking, and the caller's to close.
	Master                int
	Stdin, Stdout, Stderr int

	HostTerminal bool     // the terminal is one of the host, as the container has none
	Notes        []string // what is not as in the container, in sentences for the user

	cgroups  *cgroups
	first    int // pidfd of the container's first process
	firstPID int
	ooms     uint64
}

const defaultTimeout = 10 * time.Second

const (
	maxSessionName = 64
	nameBytes      = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-"
)

func (s *Spec) check() error {
	switch {
	case len(s.Args) == 0 || s.Args[0] == "":
		return refuse(Invalid, "there is no command to run")
	case s.Session == "" || len(s.Session) > maxSessionName || strings.Trim(s.Session, nameBytes) != "":
		return refuse(Invalid, "%q is no id of a session", s.Session)
	case s.Workdir != "" && !path.IsAbs(s.Workdir):
		return refuse(Invalid, "the working directory %q is not absolute", s.Workdir)
	}
	for _, list := range [][]string{s.Args, {s.User, s.Workdir, s.Cwd}} {
		for _, v := range list {
			if strings.IndexByte(v, 0) >= 0 {
				return refuse(Invalid, "%q has a zero byte", v)
			}
		}
	}
	for _, v := range s.Env {
		if name, _, ok := strings.Cut(v, "="); !ok || name == "" || strings.IndexByte(v, 0) >= 0 {
			return refuse(Invalid, "%q is no NAME=value for the environment", v)
		}
	}
	return nil
}

// Start enters a container and starts a command there. An error is a *Refusal, and means
// that nothing was left behind. Descriptors 0, 1 and 2 of the caller must be open.
func Start(t Target, s Spec) (_ *Session, err error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	p, err := pin(t)
	if err != nil {
		return nil, err
	}
	defer p.close()
	find := findCgroups
	if s.Node {
		find = nodeCgroups
	} else if err := p.waitStarted(t); err != nil {
		return nil, err
	}
	cg, err := find(p)
	if err != nil {
		return nil, err
	}
	if cg.frozen() {
		return nil, refuse(Frozen, "%s is paused: unpause it first", t)
	}
	if left, limited := cg.room(); s.Tool != 0 && limited && left < toolThreads {
		return nil, refuse(Limit, "container %s may have %d more processes and threads, and %s needs %d", t.ID, left,
			s.Args[0], toolThreads)
	}
	pl, err := newPlan(p, s)
	if err != nil {
		return nil, err
	}
	pl.cgroups = cg
	defer func() {
		cg.close()
		if err != nil {
			cg.end()
		}
	}()
	if err := cg.prepare(cgroupPrefix+s.Session, !s.NoCgroup); err != nil {
		return nil, err
	}
	if s.Node {
		if err := cg.alone(); err != nil {
			return nil, err
		}
	}
	session := &Session{Master: -1, Stdin: -1, Stdout: -1, Stderr: -1, cgroups: cg, ooms: cg.oomKills()}
	theirs, err := session.openStreams(p, pl, s)
	defer closeAll(theirs)
	if err == nil {
		err = pl.start(session, t, s.Timeout)
	}
	if err != nil {
		closeAll([]int{session.Master, session.Stdin, session.Stdout, session.Stderr})
		return nil, err
	}
	session.note(cg)
	session.first, session.firstPID, p.pidfd = p.pidfd, p.pid, -1
	return session, nil
}

// newPlan reads everything of the container's first process.
func newPlan(p *pinned, s Spec) (*plan, error) {
	id, err := readIdentity(p)
	if err != nil {
		return nil, err
	}
	if id.seccomp == unix.SECCOMP_MODE_FILTER && !s.Privileged {
		if id.filters, err = readFilters(p); err != nil {
			return nil, err
		}
	}
	if !s.Privileged {
		if err := id.checkFilters(s.AllowNotify); err != nil {
			return nil, err
		}
	}
	if s.Node {
		id.asLogin()
	}
	pl := &plan{identity: id, pidfd: p.pidfd, root: p.root, tty: s.TTY, args: s.Args, tool: s.Tool}
	var u user
	if pl.rights, u, err = rightsFor(p, id, s); err != nil {
		return nil, err
	}
	base, cwd := s.Base, s.Cwd
	if s.Node {
		if base, cwd, err = loginEnviron(p, id, u); err != nil {
			return nil, err
		}
	}
	if base == nil || cwd == "" {
		if env, dir, ok := runtimeProcess(p); ok {
			if base == nil {
				base = env
			}
			if cwd == "" {
				cwd = dir
			}
		}
	}
	if base == nil {
		base = id.env
		if s.User != "" { // HOME is that of the first process's user
			base = slices.DeleteFunc(base, func(v string) bool { return strings.HasPrefix(v, "HOME=") })
		}
	}
	pl.env = environ(base, s.Env, s.TTY, u.home)
	pl.files = candidates(s.Args[0], pl.env)
	if pl.workdir = s.Workdir; pl.workdir == "" {
		if pl.workdir = cwd; pl.workdir == "" {
			pl.workdir = workdirOf(p)
		}
	}
	return pl, p.alive()
}

// workdirOf returns the working directory of the first process, from its root directory.
func workdirOf(p *pinned) string {
	var buf [2][unix.PathMax]byte
	text := func(i int, name string) string {
		n, err := unix.Readlinkat(p.proc, name, buf[i][:])
		if err != nil {
			return ""
		}
		return string(buf[i][:n])
	}
	if dir, ok := below(text(0, "root"), text(1, "cwd")); ok && path.IsAbs(dir) && !strings.HasSuffix(dir, " (deleted)") {
		return dir
	}
	return "/"
}

// start runs the program, and waits until the command runs.
func (pl *plan) start(s *Session, t Target, timeout time.Duration) error {
	if timeout == 0 {
		timeout = defaultTimeout
	}
	report, free, err := newReport()
	if err != nil {
		return because(NoParity, err, "no memory can be shared with the helper")
	}
	defer free()
	done, end, err := os.Pipe()
	if err != nil {
		return because(NoParity, err, "no pipe can be made")
	}
	defer done.Close()
	defer end.Close()
	if pl.done, err = unix.FcntlInt(end.Fd(), unix.F_DUPFD_CLOEXEC, 10); err != nil {
		return because(NoParity, err, "no descriptor is free")
	}
	defer func() { unix.Close(pl.done) }()
	if pl.tool != 0 {
		if pl.tool, err = unix.FcntlInt(uintptr(pl.tool), unix.F_DUPFD_CLOEXEC, 10); err != nil {
			return because(Invalid, err, "%s: its program is not there", pl.args[0])
		}
		defer unix.Close(pl.tool)
	}
	program := programOf(pl)
	pid, err := program.start(pl.cgroups.own, report)
	end.Close()
	unix.Close(pl.done)
	pl.done = -1
	if err != nil {
		return cannotStart(err, t)
	}
	done.SetReadDeadline(time.Now().Add(timeout))
	_, err = done.Read(make([]byte, 1))
	late := !errors.Is(err, io.EOF)
	if late {
		pl.cgroups.end(pid, int(report.pid))
	}
	first := reap(pid)
	if late {
		if report.pid != 0 {
			reap(int(report.pid))
		}
		if pl.cgroups.frozen() {
			return refuse(Frozen, "%s was paused meanwhile: unpause it first", t)
		}
		return refuse(Timeout, "entering %s took more than %v: it hung at: %s", t, timeout,
			program.calls[report.at].name)
	}
	at := program.calls[report.at]
	if report.pid != 0 && report.errno == 0 && at.kind != try {
		first = reap(int(report.pid)) // killed before it could execute anything
		report.pid = 0
	}
	switch {
	case report.errno != 0:
		if report.pid != 0 {
			reap(int(report.pid))
		}
		return pl.failed(at, unix.Errno(report.errno), t)
	case report.pid == 0 && first.Signaled() && first.Signal() == unix.SIGSYS:
		return refuse(Forbidden, "the container's seccomp filter does not allow to %s", at.name)
	case report.pid == 0:
		return refuse(Gone, "the session was killed while it entered %s, at: %s", t, at.name)
	}
	s.PID = int(report.pid)
	return nil
}

func cannotStart(err error, t Target) error {
	switch err {
	case unix.EAGAIN:
		return because(Limit, err, "%s has as many processes as it may", t)
	case unix.ENODEV, unix.ENOENT:
		return because(Gone, err, "the cgroup of %s is gone", t)
	}
	return because(NoParity, err, "no process can be started in the cgroup of %s", t)
}

// failed says why a call of the program failed.
func (pl *plan) failed(at call, errno unix.Errno, t Target) error {
	switch {
	case at.kind == try && pl.tool != 0 && (errno == unix.EPERM || errno == unix.ENOSYS) && len(pl.rights.filters) > 0:
		// By its path in /proc it could be another program, as the container may have mounted something there.
		return because(NotRunnable, errno, "%s: the container's seccomp filter does not allow execveat(2)", pl.args[0])
	case at.kind == try && pl.tool != 0:
		return because(NotRunnable, errno, "%s: it cannot be executed in container %s", pl.args[0], t.ID)
	case at.kind == try && errno == unix.ENOENT && !strings.Contains(pl.args[0], "/"):
		return because(NotFound, errno, "%s: there is no such command %s", pl.args[0], t.within())
	case at.kind == try && errno == unix.ENOENT:
		return because(NotFound, errno, "%s: there is no such command %s, or not its interpreter", pl.args[0],
			t.within())
	case at.kind == try && errno == unix.E2BIG:
		return because(NotRunnable, errno, "%s: its arguments and environment are too long", pl.args[0])
	case at.kind == try:
		return because(NotRunnable, errno, "%s: it cannot be executed %s", pl.args[0], t.within())
	case at.name == workdirCall:
		return because(NoWorkdir, errno, "the working directory %s", pl.workdir)
	case at.kind == fork && errno == unix.EAGAIN:
		return because(Limit, errno, "%s, or its user, has as many processes as it may", t)
	case at.kind == fork && errno == unix.ENOMEM, errno == unix.ESRCH:
		return because(Gone, errno, "%s has ended", t)
	}
	return because(NoParity, errno, "%s: cannot %s", t, at.name)
}

// reap waits for a child.
func reap(pid int) (ws unix.WaitStatus) {
	for {
		if _, err := unix.Wait4(pid, &ws, 0, nil); err != unix.EINTR {
			return ws
		}
	}
}

// note says what the session's cgroups lack.
func (s *Session) note(c *cgroups) {
	if c.fallback != "" {
		s.Notes = append(s.Notes, "the session shares the container's cgroup, as "+c.fallback+
			": processes that detach themselves outlive it")
	}
}
