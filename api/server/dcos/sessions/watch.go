package sessions

import (
	"context"
	"io"
	"net/http"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/server/web"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
)

// attachOutput sends what a container prints from now on, until it ends.
func (a *API) attachOutput(w http.ResponseWriter, r *http.Request, c *call, enc encoding) error {
	if c.container.nested == "" {
		return a.followTask(w, r, c.container.parent, enc)
	}
	n := a.Table.find(a.key(r, c.container))
	if n == nil {
		return errNoContainer
	}
	if _, ended := n.endedAt(); ended {
		newOutput(w, enc, n.tty).begin()
		return nil
	}
	s := &attached{api: a, who: a.asker(r), agent: n.key.agent, id: n.id, stream: broker.Stream{Client: session.NewID()}}
	for i := wire.Stdout; i < wire.Streams; i++ {
		s.stream.Out[i].Offset, s.stream.Out[i].Window = wire.FromNow, window
	}
	opened, err := a.Sessions.Attach(r.Context(), s.who, s.agent, s.id, &s.stream)
	if err != nil {
		return err
	}
	s.take(opened)
	out := newOutput(w, enc, n.tty)
	out.begin()
	ctx, stop := a.watched(r, s, out)
	defer stop()
	exit, err := client.New(client.Options{Dial: s.dial, Patience: patience, Client: s.stream.Client, Window: window,
		Stdout: out.of(stdout), Stderr: out.of(stderr), Gap: out.gap,
		From: [wire.Streams]uint64{wire.Stdout: wire.FromNow, wire.Stderr: wire.FromNow}}).Run(ctx)
	if err != nil {
		out.hurry()
		out.broke(ctx, err)
		panic(http.ErrAbortHandler)
	}
	if exit.Reason != session.Exited {
		out.say(exit.String())
	}
	return nil
}

// followTask sends what a task prints from now on, as its log has it: the streams of the task's
// own process belong to the runtime that started it.
func (a *API) followTask(w http.ResponseWriter, r *http.Request, container string, enc encoding) error {
	from, err := a.Follow(r, r.PathValue("agent"), container)
	if err != nil {
		return err
	}
	defer from.Close()
	out := newOutput(w, enc, false)
	out.begin()
	defer out.beat(a.Heartbeat)()
	var line []byte
	for {
		rec, err := from.Next(r.Context())
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			out.broke(r.Context(), err)
			panic(http.ErrAbortHandler)
		case rec.Event != nil:
			out.say(rec.Event.Message)
		case rec.Entry != nil:
			message, _ := rec.Entry.Get("MESSAGE")
			line = append(append(line[:0], message...), '\n')
			if _, err := out.of(streamOf(rec.Entry)).Write(line); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	}
}

// streamOf returns the stream of a task's line.
func streamOf(e *entry.Entry) stream {
	if s, _ := e.Get("STREAM"); string(s) == "STDERR" {
		return stderr
	}
	return stdout
}

// wait answers with how a nested container ended, once it has.
func (a *API) wait(w http.ResponseWriter, r *http.Request, c *call, enc encoding) error {
	if c.container.nested == "" {
		return web.NotFound("how a task itself ends is not known here")
	}
	n := a.Table.find(a.key(r, c.container))
	if n == nil {
		return errNoContainer
	}
	select {
	case <-n.ended:
	case <-r.Context().Done():
		return context.Cause(r.Context())
	}
	w.Header().Set("Content-Type", enc.String())
	_, _ = w.Write(appendStatus(nil, enc, n.status()))
	return nil
}
