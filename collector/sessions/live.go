package sessions

import (
	"errors"
	"net"
	"os"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

// live is a session of this node, until some minutes after its end.
type live struct {
	m       *Manager
	rec     record
	process *os.Process   // the keeper, nil if an earlier collector has started it
	over    chan struct{} // closed when the session has ended

	mu       sync.Mutex
	control  net.Conn // nil once it is gone
	released bool
	state    wire.State
	exit     *session.Exit
	ended    time.Time
}

func (m *Manager) newLive(rec record) *live {
	return &live{m: m, rec: rec, over: make(chan struct{})}
}

// dial connects to a keeper. The path goes by the directory's descriptor, as that of a socket
// has at most 107 bytes.
func (m *Manager) dial(id string) (net.Conn, error) {
	name := "/proc/self/fd/" + strconv.Itoa(int(m.dir.Fd())) + "/" + id + socketSuffix
	return net.DialTimeout("unix", name, startFor)
}

// takeControl connects to a session's keeper as its collector, and follows it to its end.
func (l *live) takeControl() error {
	conn, err := l.m.dial(l.rec.Session)
	if err != nil {
		return err
	}
	if _, err := conn.Write(wire.AppendAttach(nil, &wire.Hello{Control: true})); err != nil {
		conn.Close()
		return err
	}
	l.mu.Lock()
	l.control = conn
	l.mu.Unlock()
	l.m.work.Add(1)
	go func() {
		defer l.m.work.Done()
		l.follow(conn)
	}()
	return nil
}

// follow follows a session to its end, or until it is released.
func (l *live) follow(conn net.Conn) {
	r := wire.NewReader(conn, 4096)
	for {
		m, err := r.Next()
		if err != nil {
			break
		}
		switch m.Type {
		case wire.Status:
			if s, err := wire.ParseStatus(m.Data); err == nil {
				l.mu.Lock()
				l.state = s
				l.mu.Unlock()
			}
		case wire.Exit:
			if e, err := wire.ParseExit(m.Data); err == nil {
				l.end(e)
				_, _ = conn.Write(wire.Append(nil, &wire.Message{Type: wire.Done})) // else the keeper writes a file
			}
		}
	}
	conn.Close()
	l.mu.Lock()
	l.control = nil
	released := l.released
	l.mu.Unlock()
	if released {
		return
	}
	l.bury()
}

// end notes how the session ended, once.
func (l *live) end(e session.Exit) {
	l.mu.Lock()
	first := l.exit == nil
	if first {
		l.exit, l.ended = &e, time.Now()
	}
	state := l.state
	l.mu.Unlock()
	if !first {
		return
	}
	l.m.auditEnd(&l.rec, &e, &state)
	close(l.over)
}

// bury cleans up after a keeper that has ended.
func (l *live) bury() {
	l.waitForKeeper()
	l.mu.Lock()
	known := l.exit != nil
	l.mu.Unlock()
	if !known {
		l.m.dead(l)
	}
	l.m.forget(l.rec.Session)
	l.m.remove(l)
}

// dead finds out how a session ended whose keeper ended unseen, and ends what is left of it.
func (m *Manager) dead(l *live) {
	e, s, err := m.readExit(l.rec.Session)
	if err != nil {
		m.lost.Add(1)
		e = lostExit
		if err := endCgroups(l.rec.Session); err != nil {
			e.Detail = err.Error()
			m.o.Log.Error("processes of a session are left", "session", l.rec.Session, "err", err)
		}
	}
	l.mu.Lock()
	l.state = s
	l.mu.Unlock()
	l.end(e)
}

// waitForKeeper waits until the keeper's process has ended. One that does not is killed: it has
// closed its connection.
func (l *live) waitForKeeper() {
	end := time.Now().Add(10 * time.Second)
	if l.process != nil {
		kill := time.AfterFunc(time.Until(end), func() { _ = l.process.Kill() })
		_, _ = l.process.Wait()
		kill.Stop()
		return
	}
	for l.rec.Keeper != 0 && l.keeperRuns() {
		if time.Now().After(end) {
			if fd, err := unix.PidfdOpen(l.rec.Keeper, 0); err == nil && l.keeperRuns() {
				_ = unix.PidfdSendSignal(fd, unix.SIGKILL, nil, 0)
				unix.Close(fd)
			}
			return
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func (l *live) keeperRuns() bool {
	at, err := startTime(l.rec.Keeper)
	return err == nil && at == l.rec.Started
}

// release lets go of the session, which goes on.
func (l *live) release() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = true
	if l.control != nil {
		l.control.Close()
	}
}

// kill asks the keeper to end the session.
func (l *live) kill(r session.Reason, who string) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.control == nil {
		return errors.New("the session has ended")
	}
	_, err := l.control.Write(wire.Append(nil, &wire.Message{Type: wire.Kill, Number: uint64(r), Data: []byte(who)}))
	return err
}

// ask asks the keeper for its state, which comes some time later.
func (l *live) ask() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.control != nil && l.exit == nil {
		_, _ = l.control.Write(wire.Append(nil, &wire.Message{Type: wire.Ping}))
	}
}

func (l *live) endedAt() time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.ended
}

func (l *live) info(agent string) sessionrpc.Info {
	l.mu.Lock()
	defer l.mu.Unlock()
	command := l.rec.Command
	i := sessionrpc.Info{Session: l.rec.Session, Agent: agent, Container: l.rec.Container, Tags: l.rec.Tags,
		Principal: l.rec.Principal, From: l.rec.From, Command: &command, Begun: l.rec.Begun, Clients: l.state.Clients,
		Writer: l.state.Writer, In: l.state.Bytes[wire.Stdin], Out: l.state.Bytes[wire.Stdout] + l.state.Bytes[wire.Stderr]}
	i.Recorded, i.Input, i.Recorder = l.rec.Recorded, l.rec.Input, l.state.Recorder
	if l.exit != nil {
		exit := *l.exit
		i.Exit, i.Ended, i.Clients = &exit, l.ended, 0
	}
	return i
}

// takeUp takes up the sessions that an earlier collector has left.
func (m *Manager) takeUp() {
	for _, rec := range m.stored() {
		l := m.newLive(rec)
		m.live[rec.Session] = l
		if err := l.takeControl(); err != nil {
			m.dead(l)
			m.forget(rec.Session)
			m.remove(l)
			continue
		}
		m.o.Log.Info("took up a session", "session", rec.Session, "principal", rec.Principal)
	}
}
