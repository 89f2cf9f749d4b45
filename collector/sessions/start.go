package sessions

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/api/unixsocket"
	"github.com/daytwo/daytwo/collector/sessions/enter"
	"github.com/daytwo/daytwo/collector/sessions/keeper"
)

// request is what the helper reads (see collector/sessions/helper).
type request struct {
	Target enter.Target
	Spec   enter.Spec
	Keep   *keeper.Config
}

// Descriptors of the helper.
const (
	requestFD = 3 + iota
	listenerFD
	dirFD
	toolFD // of a session with a tool
)

// target finds the container of a grant, and pins its first process; or the node's.
func (m *Manager) target(ctx context.Context, g *grant.Grant) (Container, enter.Target, error) {
	if g.Has(session.Node) {
		return Container{}, enter.NodeTarget, nil
	}
	c, err := m.o.Find(ctx, g.Container.ID)
	if err != nil {
		return c, enter.Target{}, err
	}
	t := enter.Target{ID: c.ID, PID: c.PID}
	if t.StartTime, err = startTime(c.PID); err != nil {
		return c, t, fmt.Errorf("container %s: its first process, %d, has ended: %w", c.ID, c.PID, ErrNoContainer)
	}
	// Only now: what is pinned is the process of the container that Find has returned.
	if again, err := m.o.Find(ctx, g.Container.ID); err != nil || again != c || c.ID != g.Container.ID ||
		!sameStart(c.Started, g.Container.Started) {
		return c, t, fmt.Errorf("container %s: %w", g.Container.ID, errRestarted)
	}
	return c, t, nil
}

// sameStart compares when a container was started with what a grant says. Relays know it in
// whole seconds.
func sameStart(here, granted int64) bool {
	return here == granted || granted%int64(time.Second) == 0 && here/int64(time.Second) == granted/int64(time.Second)
}

// start starts a session's keeper, which starts its program. labels are what the node's policy
// has decided by.
func (m *Manager) start(ctx context.Context, g *grant.Grant, r *sessionrpc.Request, labels []frame.Label) (*live,
	error) {
	c, t, err := m.target(ctx, g)
	if err != nil {
		return nil, err
	}
	rec := newRecord(g, c)
	rec.Labels = labels
	l := m.newLive(rec)
	if err := m.add(l); err != nil {
		return nil, err
	}
	limits := g.Limits
	narrow(&limits, m.o.Limits)
	req := request{Target: t, Keep: &keeper.Config{Session: g.Session, Listener: listenerFD, Dir: dirFD, Rows: r.Rows,
		Cols: r.Cols, Limits: limits, Orphaned: m.o.Orphaned, Recorded: g.Recorded, Input: g.Recorded && g.Input}}
	req.Spec = enter.Spec{Session: g.Session, Args: g.Command.Args, Env: g.Command.Env, User: g.Command.User,
		Workdir: g.Command.Workdir, TTY: g.Command.TTY, Rows: r.Rows, Cols: r.Cols, Privileged: g.Command.Privileged,
		Node: g.Has(session.Node)}
	if g.Command.Tool != "" {
		req.Spec.Tool = toolFD
	}
	err = m.spawn(l, &req)
	if err == nil {
		err = l.takeControl()
	}
	if err != nil {
		if l.process != nil {
			_ = l.process.Kill()
			_, _ = l.process.Wait()
			_ = endCgroups(g.Session) // it may have been that far
		}
		m.forget(g.Session)
		m.mu.Lock()
		delete(m.live, g.Session)
		m.mu.Unlock()
		return nil, fmt.Errorf("the session cannot be started: %w", err)
	}
	return l, nil
}

// spawn starts the helper.
func (m *Manager) spawn(l *live, req *request) error {
	id := l.rec.Session
	if err := m.store(&l.rec); err != nil {
		return err
	}
	helper, err := m.o.Helper()
	if err != nil {
		return err
	}
	document, err := requestFile(req)
	if err != nil {
		return err
	}
	defer document.Close()
	fd, err := unixsocket.Bind(m.path(id, socketSuffix), unix.SOCK_STREAM, 0o600)
	if err != nil {
		return err
	}
	listener := os.NewFile(uintptr(fd), "listener")
	defer listener.Close()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer null.Close()
	complaints, err := os.OpenFile(m.path(id, errorSuffix), os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer complaints.Close()
	files := []*os.File{null, null, complaints, document, listener, m.dir}
	if req.Spec.Tool != 0 {
		toolbox, err := m.o.Toolbox()
		if err != nil {
			return err
		}
		files = append(files, toolbox)
	}
	// By this process' own directory, as the child gives the numbers up to 6 to other files
	// before it executes the program.
	program := fmt.Sprintf("/proc/%d/fd/%d", os.Getpid(), helper.Fd())
	l.process, err = os.StartProcess(program, []string{"daytwo-session", id}, &os.ProcAttr{
		Dir: "/", Env: []string{}, Files: files,
		Sys: &syscall.SysProcAttr{Setsid: true}, // signals to the collector's terminal are not for it
	})
	if err != nil {
		return err
	}
	l.rec.Keeper = l.process.Pid
	if l.rec.Started, err = startTime(l.rec.Keeper); err != nil {
		return err
	}
	return m.store(&l.rec)
}

// requestFile returns a file in memory with a request.
func requestFile(req *request) (*os.File, error) {
	b, err := json.Marshal(req)
	if err != nil {
		return nil, err
	}
	fd, err := unix.MemfdCreate("request", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("memfd_create", err)
	}
	f := os.NewFile(uintptr(fd), "request")
	if _, err = f.Write(b); err == nil {
		_, err = f.Seek(0, 0)
	}
	if err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}
