package sessions

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
)

const (
	window   = 256 << 10        // bytes of an output on their way from the node
	patience = 20 * time.Second // for which a node may be away
	// alone is after what time a session ends that its relay has lost: no client can come back
	// to it, as those of DC/OS do not connect again.
	alone     = 30 * time.Second
	killTime  = 30 * time.Second // that ending a session may take
	leaveTime = time.Second      // that telling the node may take that nobody reads any more
)

var errAccessEnded = errors.New("access has ended: the proof of who you are expired, or the policy changed")

// launch opens a session, and sends its output until it ends. The connection is the session's
// life: if it is lost, the session is ended.
func (a *API) launch(w http.ResponseWriter, r *http.Request, c *call, enc encoding) error {
	command, err := c.command.session()
	if err != nil {
		return web.BadRequest("%v", err)
	}
	k := a.key(r, c.container)
	n, err := a.Table.add(k, command.TTY)
	if err != nil {
		return err
	}
	s := &attached{api: a, who: a.asker(r), agent: k.agent, id: n.id,
		stream: broker.Stream{Client: session.NewID(), Write: true}}
	for i := wire.Stdout; i < wire.Streams; i++ {
		s.stream.Out[i].Window = window
	}
	opened, err := a.Sessions.Open(r.Context(), s.who, &broker.Request{Session: n.id, Container: k.parent, Exact: true,
		Agent: k.agent, Command: command, Limits: session.Limits{Detached: alone},
		Rows: c.command.rows, Cols: c.command.cols, Stream: s.stream})
	if err != nil {
		a.Table.remove(n)
		if r.Context().Err() != nil {
			s.kill(r.Context()) // the node may have opened it
		}
		return err
	}
	s.take(opened)
	over := destroyed
	defer func() { n.end(over, a.Table.time()) }()
	out := newOutput(w, enc, command.TTY)
	run := client.New(client.Options{Dial: s.dial, Patience: patience, Client: s.stream.Client, Window: window,
		Stdout: out.of(stdout), Stderr: out.of(stderr), Gap: out.gap})
	n.runs(run)
	running, cancel := context.WithCancel(context.WithoutCancel(r.Context()))
	defer cancel()
	// A client that is only lost would have its output kept for it, and hold up the end.
	out.gone = sync.OnceFunc(func() {
		time.AfterFunc(leaveTime, cancel)
		run.Detach()
	})
	out.begin()
	ctx, stop := a.watched(r, s, out)
	defer stop()
	defer context.AfterFunc(ctx, out.gone)()
	exit, err := run.Run(running)
	if err != nil {
		out.hurry()
		out.broke(ctx, err)
		stop()
		s.kill(r.Context())
		panic(http.ErrAbortHandler) // a clean end would be taken for the program's
	}
	over = exit
	if exit.Reason != session.Exited {
		out.say(exit.String())
	}
	return nil
}

// attached is a connection to a session, which is opened again when it is lost.
type attached struct {
	api       *API
	who       *broker.Asker
	agent, id string
	stream    broker.Stream

	first *conn                       // not used yet
	now   atomic.Pointer[broker.Conn] // the last one
}

// take takes a connection that was opened.
func (s *attached) take(o *broker.Opened) {
	s.agent, s.first = o.Agent, &conn{Conn: o.Conn}
	s.now.Store(&o.Conn)
}

// dial is the Dial of a client.
func (s *attached) dial(ctx context.Context, resume client.Resume) (client.Conn, error) {
	if c := s.first; c != nil {
		s.first = nil
		return c, nil
	}
	stream := s.stream
	stream.Out = resume.Out
	o, err := s.api.Sessions.Attach(ctx, s.who, s.agent, s.id, &stream)
	if err != nil {
		if e := status(err); e != nil && e.Status < http.StatusInternalServerError {
			err = &client.FinalError{Err: err}
		}
		return nil, err
	}
	s.now.Store(&o.Conn)
	return &conn{Conn: o.Conn}, nil
}

// kill ends the session. The request may have ended.
func (s *attached) kill(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), killTime)
	defer cancel()
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		err := s.api.Sessions.Kill(ctx, s.who, s.agent, s.id)
		if err == nil || errors.Is(err, broker.ErrNotFound) || rpc.CodeOf(err) == rpc.NotFound {
			return
		}
		select {
		case <-ctx.Done():
			return // the node ends it by itself, as nobody is connected to it
		case <-time.After(wait):
		}
	}
}

// watched returns the context of a stream, which ends with the request, and once its client has
// no valid proof any more, or the policy does not allow it any more. Heartbeats are sent to it.
func (a *API) watched(r *http.Request, s *attached, out *output) (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancelCause(r.Context())
	quiet := out.beat(a.Heartbeat)
	done := make(chan struct{})
	var work sync.WaitGroup
	work.Go(func() {
		tick := time.NewTicker(a.Check)
		defer tick.Stop()
		for ctx.Err() == nil {
			select {
			case <-done:
				return
			case <-ctx.Done():
			case <-tick.C:
				if conn := *s.now.Load(); a.Proof(r) != nil || !conn.Allowed() {
					cancel(errAccessEnded)
				}
			}
		}
		out.hurry() // a client that does not read must not hold up the end
	})
	return ctx, sync.OnceFunc(func() { quiet(); close(done); work.Wait(); cancel(nil) })
}
