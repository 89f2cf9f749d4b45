package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/daytwo/daytwo/api/cli/terminal"
	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

// sessionRun is a session with this process's streams.
type sessionRun struct {
	relay     *client.Client
	request   v1.SessionRequest
	stdin     bool
	raw       bool   // stdin is a terminal, of which every key goes to the session
	keys      []byte // that detach
	in        *os.File
	out, errs io.Writer
}

// run runs the session to its end, and returns an error with its status (taskEnd), or nil for
// status 0.
func (r *sessionRun) run(ctx context.Context) error {
	// A signal is passed on, or ends the connection; it must not end it by itself.
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	s := sessionclient.New(sessionclient.Options{Dial: r.dial, Stdout: r.out, Stderr: r.errs, Gap: r.gap, Lost: r.lost,
		From: [wire.Streams]uint64{wire.Stdout: r.request.Stdout.Offset, wire.Stderr: r.request.Stderr.Offset}})
	if r.raw {
		t, err := terminal.Raw(r.in)
		if err != nil {
			return err
		}
		defer t.Close()
		if rows, cols := terminal.Size(r.in); rows != 0 && cols != 0 {
			r.request.Rows, r.request.Cols = rows, cols
			s.Resize(rows, cols)
		}
		go terminal.WatchSize(ctx, r.in, s.Resize)
		defer t.Close()
	}
	if r.stdin {
		go r.copyInput(s)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer signal.Stop(signals)
	go func() {
		for sig := range signals {
			if r.raw { // the terminal or its program went away
				cancel()
				return
			}
			s.Signal(int(sig.(syscall.Signal)))
		}
	}()
	exit, err := s.Run(ctx)
	return r.end(exit, err)
}

// dial opens the session, and connects to it again after a connection was lost.
func (r *sessionRun) dial(ctx context.Context, resume sessionclient.Resume) (sessionclient.Conn, error) {
	q := r.request
	if resume.Again {
		q.Command = nil
	}
	q.Client = resume.Client
	q.Stdout = v1.SessionOutput(resume.Out[wire.Stdout])
	q.Stderr = v1.SessionOutput(resume.Out[wire.Stderr])
	conn, answer, err := r.relay.DialSession(ctx, &q)
	var e *client.Error
	if err != nil {
		if !resume.Again || errors.As(err, &e) && e.Status < http.StatusInternalServerError {
			err = &sessionclient.FinalError{Err: err}
		}
		return nil, err
	}
	r.request.Session, r.request.Agent = answer.Session, answer.Agent
	return conn, nil
}

// copyInput sends input until it ends, or the keys that detach are pressed.
func (r *sessionRun) copyInput(s *sessionclient.Session) {
	var in io.Reader = r.in
	if r.raw {
		in = terminal.NewReader(r.in, r.keys)
	}
	if _, err := io.Copy(s, in); errors.Is(err, terminal.ErrDetach) {
		s.Detach()
		return
	}
	s.CloseWrite()
}

func (r *sessionRun) gap(s wire.Stream, bytes uint64) {
	r.say("%d bytes of output are lost: more was printed than is kept", bytes)
}

func (r *sessionRun) lost(err error) {
	r.say("the connection was lost, connecting again (%v)", err)
}

// say prints a message about the session, on a line of its own also in raw mode.
func (r *sessionRun) say(format string, args ...any) {
	end := "\n"
	if r.raw {
		end = "\r\n"
	}
	fmt.Fprintf(r.errs, end+"daytwo: "+format+end, args...)
}

// end returns the error for how the session ended.
func (r *sessionRun) end(exit session.Exit, err error) error {
	switch {
	case errors.Is(err, sessionclient.ErrDetached):
		r.say("detached: 'daytwo session attach %s' comes back to it", r.request.Session)
		return nil
	case err != nil:
		status := exitFailure
		if r.request.Session != "" && errors.Is(err, sessionclient.ErrLost) {
			status = session.CodeLost
		}
		return taskEnd{status: status, err: err}
	case exit.Reason != session.Exited:
		return taskEnd{status: max(exit.Code, 1), err: errors.New(exit.String())}
	case exit.Code != 0:
		return taskEnd{status: exit.Code}
	}
	return nil
}
