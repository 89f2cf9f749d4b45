package cli

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"syscall"
	"time"

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
	take      bool   // the writing, from who has it
	asked     bool   // the session was asked for, and may be there
	opened    bool   // it is there, or was
	in        *os.File
	out, errs io.Writer

	waits  atomic.Bool // for another person's approval
	cancel context.CancelCauseFunc
	told   bool // that the session is recorded
}

// run runs the session to its end, and returns an error with its status (taskEnd), or nil for
// status 0.
func (r *sessionRun) run(parent context.Context) error {
	// A signal is passed on, or ends the connection; it must not end it by itself.
	ctx, cancel := context.WithCancelCause(context.WithoutCancel(parent))
	defer cancel(nil)
	r.cancel = cancel
	s := sessionclient.New(sessionclient.Options{Dial: r.dial, Stdout: r.out, Stderr: r.errs, Gap: r.gap, Lost: r.lost,
		Started: r.started, Watched: r.watched,
		Claim: r.request.Write, Take: r.take,
		From: [wire.Streams]uint64{wire.Stdout: r.request.Stdout.Offset, wire.Stderr: r.request.Stderr.Offset}})
	signals, stop := takeSignals(parent)
	defer stop()
	var t *terminal.Terminal
	if r.raw {
		var err error
		if t, err = terminal.Raw(r.in); err != nil {
			return err
		}
		defer t.Close()
		if rows, cols := terminal.Size(r.in); rows != 0 && cols != 0 {
			r.request.Rows, r.request.Cols = rows, cols
			s.Resize(rows, cols)
		}
		t.Go(func() { terminal.WatchSize(ctx, r.in, s.Resize) })
		t.Go(func() { r.copyInput(s) })
	} else if r.stdin {
		go r.copyInput(s)
	}
	go r.obey(ctx, cancel, s, t, signals)
	if r.stdin && r.request.Command == nil {
		late := time.AfterFunc(sessionclient.ClaimTime+time.Second, func() {
			if s.Watches() {
				r.say("somebody else types here, and you only watch: --take takes over")
			}
		})
		defer late.Stop()
	}
	exit, err := s.Run(ctx)
	if ctx.Err() != nil && r.waits.Load() {
		r.withdraw()
		err = errWithdrawn
	}
	return r.end(exit, err)
}

// obey passes signals on to the program. One that says that the terminal went away ends the
// connection, and so does one that comes while there is no connection; the session goes on.
func (r *sessionRun) obey(ctx context.Context, cancel context.CancelCauseFunc, s *sessionclient.Session,
	t *terminal.Terminal, signals <-chan os.Signal) {
	for {
		var sig syscall.Signal
		select {
		case <-ctx.Done():
			return
		case received := <-signals:
			sig = received.(syscall.Signal)
		}
		switch {
		case r.request.Watch && sig != syscall.SIGCONT: // an auditor sends no signals
			cancel(nil)
			return
		case sig == syscall.SIGCONT:
			if t != nil {
				t.Again()
				s.Resize(terminal.Size(r.in))
			}
		case t != nil && sig != syscall.SIGUSR1 && sig != syscall.SIGUSR2, !s.Signal(int(sig)):
			cancel(&signalError{sig})
			return
		}
	}
}

// signalError is the error of a command that a signal ended.
type signalError struct{ syscall.Signal }

func (e *signalError) Error() string { return e.Signal.String() }

// errWithdrawn ends the waiting for an approval.
var errWithdrawn = errors.New("interrupted while it waited for an approval: the request is withdrawn")

// withdraw takes the request for an approval back, so that nobody decides about it in vain. Without
// an answer it expires.
func (r *sessionRun) withdraw() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
	defer cancel()
	_ = r.relay.DenySession(ctx, r.request.Session, "withdrawn")
}

// waiting says, once, for whom the session waits.
func (r *sessionRun) waiting(a *v1.SessionAnswer) {
	if r.waits.Swap(true) {
		return
	}
	r.say("this waits for the approval of %s, until %s: 'daytwo session approve %s'", printable(a.Waiting.For),
		a.Waiting.Until.Local().Format(time.TimeOnly), printable(a.Session))
}

// dial opens the session, and connects to it again after a connection was lost.
func (r *sessionRun) dial(ctx context.Context, resume sessionclient.Resume) (sessionclient.Conn, error) {
	q := r.request
	if resume.Again || r.asked {
		q.Command = nil
	}
	q.Client = resume.Client
	q.Stdout = v1.SessionOutput(resume.Out[wire.Stdout])
	q.Stderr = v1.SessionOutput(resume.Out[wire.Stderr])
	conn, answer, err := r.relay.DialSession(ctx, &q, r.waiting)
	var e *client.Error
	var noAnswer *client.NoAnswerError
	answered := errors.As(err, &e) && e.Status < http.StatusInternalServerError
	switch {
	case err == nil:
		r.asked, r.opened = true, true
		r.request.Session, r.request.Agent = answer.Session, answer.Agent
		if r.waits.Swap(false) {
			r.say("approved")
		}
		return conn, nil
	case errors.As(err, &e) && e.Status == http.StatusGatewayTimeout && !r.opened: // of the node
		r.asked, r.request.Agent = true, cmp.Or(e.Agent, r.request.Agent)
	case r.waits.Load() && !answered: // it goes on waiting for its approval, at another relay
	case errors.As(err, &noAnswer):
		r.asked = true
	case r.asked && !r.opened && answered && e.Status == http.StatusNotFound:
		r.asked = false // the request had not arrived: it is sent again
	case answered, !r.asked:
		err = &sessionclient.FinalError{Err: err}
	}
	return nil, err
}

// copyInput sends input until it ends, or the keys that detach are pressed.
func (r *sessionRun) copyInput(s *sessionclient.Session) {
	in, to := io.Reader(r.in), io.Writer(s)
	if r.raw {
		in, to = terminal.NewReader(&interruptible{r}, r.keys), typist{s}
	}
	if _, err := io.Copy(to, in); errors.Is(err, terminal.ErrDetach) {
		s.Detach()
		return
	}
	s.CloseWrite()
}

// interruptible reads a terminal in raw mode, where Ctrl-C is a byte like others: while the session
// waits for an approval it ends that.
type interruptible struct{ r *sessionRun }

func (i *interruptible) Read(p []byte) (int, error) {
	n, err := i.r.in.Read(p)
	if i.r.waits.Load() && bytes.IndexByte(p[:n], ctrlC) >= 0 {
		i.r.cancel(errWithdrawn)
	}
	return n, err
}

const ctrlC = 3

// typist sends what somebody types, but for what is typed while somebody else's input counts: it
// must not run later, when nobody expects it any more.
type typist struct{ s *sessionclient.Session }

func (t typist) Write(p []byte) (int, error) {
	if t.s.Watches() {
		return len(p), nil
	}
	return t.s.Write(p)
}

func (r *sessionRun) gap(s wire.Stream, bytes uint64) {
	r.say("%d bytes of output are lost: more was printed than is kept", bytes)
}

func (r *sessionRun) lost(err error) {
	r.say("the connection was lost, connecting again (%v)", err)
}

// started says that the session is recorded, once.
func (r *sessionRun) started(s wire.Start) {
	if r.request.Watch || r.told || !s.Recorded {
		return
	}
	r.told = true
	what := "this session is recorded"
	if s.RecordedInput {
		what += ", also what you type, unless the terminal does not show it"
	}
	r.note(what)
}

// watched says that an auditor watches.
func (r *sessionRun) watched(auditors uint64, name string) {
	switch {
	case name != "":
		r.note(printable(name) + " watches this session")
	case auditors == 0:
		r.note("nobody watches this session any more")
	default:
		r.note(fmt.Sprintf("auditors watch this session: %d", auditors))
	}
}

// note prints a message about the session that interrupts no line of a terminal more than it has to.
func (r *sessionRun) note(text string) {
	if r.raw {
		r.say("%s", text)
		return
	}
	fmt.Fprintln(r.errs, "daytwo:", text)
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
	var ended *signalError
	switch {
	case errors.As(err, &ended):
		return taskEnd{status: 128 + int(ended.Signal), err: fmt.Errorf("%w: the session goes on for some minutes: "+
			"'daytwo session attach %s' comes back to it", err, r.request.Session)}
	case r.request.Watch && errors.Is(err, context.Canceled):
		return nil
	case errors.Is(err, sessionclient.ErrDetached):
		r.say("detached: 'daytwo session attach %s' comes back to it", r.request.Session)
		return nil
	case err != nil:
		status := exitFailure
		if r.asked || errors.Is(err, sessionclient.ErrLost) { // nobody knows how it ends
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
