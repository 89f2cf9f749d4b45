package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

// Handlers returns what the node answers about sessions.
func (m *Manager) Handlers() map[string]rpc.Handler {
	handle := func(verb string, f func(context.Context, *grant.Grant, *sessionrpc.Request, *rpc.Stream) error,
		rights ...session.Right) rpc.Handler {
		return func(ctx context.Context, b []byte, s *rpc.Stream) error {
			g, r, err := m.granted(verb, b, rights)
			if err != nil {
				return err
			}
			return f(ctx, g, r, s)
		}
	}
	return map[string]rpc.Handler{
		sessionrpc.VerbOpen: handle(sessionrpc.VerbOpen, m.open, session.Exec, session.CopyIn, session.CopyOut,
			session.PortForward, session.Node),
		sessionrpc.VerbAttach: handle(sessionrpc.VerbAttach, m.attach, session.AttachRead, session.AttachWrite,
			session.Record, session.Watch),
		sessionrpc.VerbList: handle(sessionrpc.VerbList, m.list, session.List),
		sessionrpc.VerbKill: handle(sessionrpc.VerbKill, m.kill, session.Kill),
	}
}

// Off returns what a node answers about sessions that has none.
func Off(why error) map[string]rpc.Handler {
	if why == nil {
		why = errOff
	}
	refuse := func(context.Context, []byte, *rpc.Stream) error {
		return rpc.Errorf(rpc.Internal, "this node takes no sessions: %v", why)
	}
	return map[string]rpc.Handler{sessionrpc.VerbOpen: refuse, sessionrpc.VerbAttach: refuse,
		sessionrpc.VerbList: refuse, sessionrpc.VerbKill: refuse}
}

// granted returns the grant of a request, if it is valid and has one of some rights.
func (m *Manager) granted(verb string, b []byte, rights []session.Right) (*grant.Grant, *sessionrpc.Request, error) {
	r, err := sessionrpc.DecodeRequest(b)
	if err != nil {
		return nil, nil, err
	}
	m.readKeys()
	m.mu.Lock()
	on, closed := m.on, m.closed
	m.mu.Unlock()
	switch {
	case closed:
		return nil, nil, &rpc.Error{Code: rpc.Unavailable, Message: errClosed.Error()}
	case !on && verb == sessionrpc.VerbList && m.off():
		return nil, nil, &rpc.Error{Code: rpc.NotFound, Message: errOff.Error()} // and has none
	case !on:
		return nil, nil, &rpc.Error{Code: rpc.Denied, Message: errOff.Error()}
	}
	g, err := m.verify.Verify(r.Grant)
	if err == nil && !slices.ContainsFunc(rights, g.Has) {
		err = errors.New("the grant of the session is for something else")
	}
	if err == nil && verb != sessionrpc.VerbList && g.Session == "" {
		err = errors.New("the grant of the session names none")
	}
	if err == nil && g.Has(session.Node) && !m.o.NodeExec {
		err = errNodeOff
	}
	if err != nil {
		m.refused.Add(1)
		m.auditRefused(verb, g, err)
		return nil, nil, &rpc.Error{Code: rpc.Denied, Message: err.Error()}
	}
	return g, r, nil
}

// open starts a session, and connects its first client.
func (m *Manager) open(ctx context.Context, g *grant.Grant, r *sessionrpc.Request, s *rpc.Stream) error {
	if g.Command == nil {
		return &rpc.Error{Code: rpc.Invalid, Message: "the grant of the session has no command"}
	}
	tags := m.tagsOfGrant(g)
	rules, err := m.allowed(g, g.Rights, &tags)
	if err == nil {
		err = m.approved(g, rules)
	}
	noteRules(g, rules)
	if err != nil {
		return m.deny(sessionrpc.VerbOpen, g, nil, err)
	}
	l, err := m.start(ctx, g, r, tags.Labels)
	m.auditOpen(g, err)
	if err != nil {
		m.failed.Add(1)
		return &rpc.Error{Code: codeOf(err), Message: err.Error()}
	}
	m.opened.Add(1)
	return m.connect(ctx, l, g, r, s, true)
}

// deny returns the answer to a request that the node's own policy does not allow, which is in
// the audit log then. l is the session, nil if there is none yet.
func (m *Manager) deny(verb string, g *grant.Grant, l *live, err error) error {
	m.denied.Add(1)
	r := line(verb, g)
	if l != nil {
		r.Object = object(l.rec.Container, l.rec.Tags)
	}
	r.Decision, r.Error = audit.Refused, err.Error()
	m.write(r)
	return &rpc.Error{Code: rpc.Denied, Message: err.Error()}
}

func codeOf(err error) rpc.Code {
	var full errFull
	switch {
	case errors.Is(err, ErrNoContainer), errors.Is(err, errRestarted):
		return rpc.NotFound
	case errors.As(err, &full):
		return rpc.Exhausted
	case errors.Is(err, errClosed), errors.Is(err, errExists): // the client may attach to it
		return rpc.Unavailable
	}
	return rpc.Internal
}

// attach connects a client to a session.
func (m *Manager) attach(ctx context.Context, g *grant.Grant, r *sessionrpc.Request, s *rpc.Stream) error {
	l := m.find(g.Session)
	if l == nil {
		return rpc.Errorf(rpc.NotFound, "this node has no session %s, or it ended some minutes ago", g.Session)
	}
	if err := m.mayConnect(g, l); err != nil {
		return m.deny(sessionrpc.VerbAttach, g, l, err)
	}
	m.auditAttach(g, l)
	return m.connect(ctx, l, g, r, s, g.Has(session.AttachWrite))
}

// connect connects a client with a session's keeper, until one of them ends the connection.
func (m *Manager) connect(ctx context.Context, l *live, g *grant.Grant, r *sessionrpc.Request, s *rpc.Stream,
	write bool) error {
	conn, err := m.dial(l.rec.Session)
	if err != nil {
		return m.connectEnded(ctx, l, r, s)
	}
	defer conn.Close()
	ctx, end := context.WithCancelCause(ctx)
	defer end(nil)
	defer m.conns.add(func() error { return m.mayConnect(g, l) }, func(err error) {
		end(errDenied{err})
		conn.Close()
	})()
	if err := m.mayConnect(g, l); err != nil { // the policy may have changed just before
		return m.deny(verbConnected, g, l, err)
	}
	hello := wire.Hello{Write: write, Client: g.Principal + "\x00" + r.Client, Name: g.Principal}
	switch {
	case g.Has(session.Record):
		hello.Write, hello.Record, hello.Client = false, true, "\x00recorder\x00"+g.Relay
	case g.Has(session.Watch):
		hello.Write, hello.Watch, hello.Tell = false, true, g.Tell
	}
	hello.Out[wire.Stdout] = struct{ Offset, Window uint64 }(r.Stdout)
	hello.Out[wire.Stderr] = struct{ Offset, Window uint64 }(r.Stderr)
	if _, err := conn.Write(wire.AppendAttach(nil, &hello)); err != nil {
		return m.connectEnded(ctx, l, r, s)
	}
	up := make(chan struct{})
	s.SetWindow(inputWindow)
	upCtx, stop := context.WithCancel(ctx)
	go func() {
		defer close(up)
		// What a client may not send, the keeper refuses.
		for {
			p, err := s.Recv(upCtx) // also what came before the stream ended
			if err == nil {
				_, err = conn.Write(p)
			}
			if err != nil {
				// The keeper gets its last words, then the end.
				_ = conn.(*net.UnixConn).CloseWrite()
				_ = conn.SetDeadline(time.Now().Add(lastWords))
				return
			}
		}
	}()
	defer func() { stop(); conn.Close(); <-up }()
	err = relay(ctx, conn, s)
	var denied errDenied
	if errors.As(context.Cause(ctx), &denied) {
		return m.deny(verbConnected, g, l, denied.error)
	}
	return err
}

// errDenied ends a connection that the node's own policy no longer allows.
type errDenied struct{ error }

// verbConnected is what the audit log calls a connection that the node's policy has ended.
const verbConnected = "session-connection"

// relay sends what the keeper says to a client.
func relay(ctx context.Context, conn net.Conn, s *rpc.Stream) error {
	buf := make([]byte, leastBuffer)
	for {
		n, err := conn.Read(buf)
		if n > 0 {
			if err := s.Send(ctx, buf[:n]); err != nil {
				return err
			}
		}
		if err != nil {
			return nil // the client knows from the messages whether that is the end
		}
		if n == len(buf) && n < mostBuffer { // there is much to read
			buf = make([]byte, min(4*n, mostBuffer))
		}
	}
}

// lastWords is how long a keeper may take to end a connection whose client has ended it.
const lastWords = 2 * time.Second

// Bytes that are passed on at once. Most connections have keys to pass on.
const (
	leastBuffer = 4 << 10
	mostBuffer  = 128 << 10
)

// inputWindow is how many bytes of input may be on their way from a relay: all that a keeper takes
// without an answer, and the frames around it. A file that is copied comes that way.
const inputWindow = 320 << 10

// connectEnded tells a client how a session ended that is over.
func (m *Manager) connectEnded(ctx context.Context, l *live, r *sessionrpc.Request, s *rpc.Stream) error {
	select {
	case <-l.over:
	case <-time.After(startFor): // the keeper has just ended
		return &rpc.Error{Code: rpc.Unavailable, Message: "the session's keeper does not answer"}
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	l.mu.Lock()
	exit, state := *l.exit, l.state
	l.mu.Unlock()
	start := wire.Start{Session: l.rec.Session, TTY: l.rec.Command.TTY, Begun: l.rec.Begun.UnixNano(),
		Stdin: state.Bytes[wire.Stdin], Stdout: r.Stdout.Offset, Stderr: r.Stderr.Offset}
	b := wire.AppendStarted(nil, &start)
	for i, at := range []uint64{r.Stdout.Offset, r.Stderr.Offset} {
		stream := wire.Stdout + wire.Stream(i)
		if end := state.Bytes[stream]; at < end { // it is no longer kept
			b = wire.Append(b, &wire.Message{Type: wire.Gap, Stream: stream, Offset: at, To: end})
		}
	}
	return s.Send(ctx, wire.AppendExit(b, &exit))
}

// list answers with the sessions of the node.
func (m *Manager) list(ctx context.Context, g *grant.Grant, _ *sessionrpc.Request, s *rpc.Stream) error {
	if err := m.errBrokenPolicy(); err != nil {
		return m.deny(sessionrpc.VerbList, g, nil, err)
	}
	all := slices.DeleteFunc(m.all(), func(l *live) bool { return !m.maySee(g, l) })
	for _, l := range all {
		l.ask()
	}
	select {
	case <-time.After(20 * time.Millisecond): // for the keepers' answers
	case <-ctx.Done():
	}
	list := make([]sessionrpc.Info, 0, len(all))
	for _, l := range all {
		list = append(list, l.info(m.o.Agent))
	}
	b, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return s.Send(ctx, b)
}

// kill ends a session.
func (m *Manager) kill(ctx context.Context, g *grant.Grant, _ *sessionrpc.Request, _ *rpc.Stream) error {
	l := m.find(g.Session)
	if l == nil {
		return &rpc.Error{Code: rpc.NotFound, Message: "this node has no session " + g.Session}
	}
	if err := m.mayKill(g, l); err != nil {
		return m.deny(sessionrpc.VerbKill, g, l, err)
	}
	m.auditKill(g, l)
	// What is printed last waits for clients, also for those that were lost. The second order
	// gives it up.
	for n, wait := range []time.Duration{lastOutput, startFor} {
		if err := l.kill(session.Killed, "by "+g.Principal); err != nil && n == 0 {
			return &rpc.Error{Code: rpc.NotFound, Message: err.Error()}
		}
		select {
		case <-l.over:
			return nil
		case <-time.After(wait):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return &rpc.Error{Code: rpc.Unavailable, Message: "the session does not end: the node's log may say why"}
}

// lastOutput is how long the last output of a session that was killed waits for its clients.
const lastOutput = 3 * time.Second
