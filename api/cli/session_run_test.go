package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session"
	sessionclient "github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/v1"
)

// Each way in which a session ends has its exit status, which is 0 for success alone, and its
// message.
func TestSessionEnd(t *testing.T) {
	type row struct {
		name   string
		exit   session.Exit
		err    error
		status int
		said   string // "" for nothing
	}
	rows := []row{
		{"success", session.Exit{}, nil, 0, ""},
		{"code", session.Exit{Code: 7}, nil, 7, ""},
		{"signal", session.Exit{Code: 137, Signal: 9}, nil, 137, ""},
		{"not found", session.Exit{Code: 127, Reason: session.NotStarted, Detail: "x: no such command"}, nil, 127,
			"the program could not be started: x: no such command"},
		{"not executable", session.Exit{Code: 126, Reason: session.NotStarted}, nil, 126,
			"the program could not be started"},
		{"not started", session.Exit{Code: 125, Reason: session.NotStarted}, nil, 125, "the program could not be started"},
		{"out of memory", session.Exit{Code: 137, Signal: 9, Reason: session.OutOfMemory}, nil, 137,
			"the memory limit was reached"},
		{"killed", session.Exit{Code: 129, Signal: 1, Reason: session.Killed, Detail: "by ann"}, nil, 129,
			"the session was ended: by ann"},
		{"lost", session.Exit{Code: 255, Reason: session.NodeLost}, fmt.Errorf("%w: EOF", sessionclient.ErrLost), 255,
			"the connection to the session was lost: EOF"},
		{"refused", session.Exit{Code: 255}, &client.Error{Status: 403, Message: "no"}, 1, "no"},
		{"interrupted", session.Exit{Code: 255}, &signalError{syscall.SIGTERM}, 143,
			"terminated: the session goes on for some minutes: 'daytwo session attach s1' comes back to it"},
	}
	for r := session.NotStarted; r <= session.KeeperLost+1; r++ { // also one of a later version
		for _, code := range []int{0, 9, 255} {
			rows = append(rows, row{r.String(), session.Exit{Code: code, Reason: r, Detail: "so"}, nil, max(code, 1),
				session.Exit{Reason: r, Detail: "so"}.String()})
		}
	}
	for _, c := range rows {
		var out, errs bytes.Buffer
		r := &sessionRun{out: &out, errs: &errs, request: v1.SessionRequest{Session: "s1"}}
		err := r.end(c.exit, c.err)
		var end taskEnd
		if err != nil && !errors.As(err, &end) {
			t.Errorf("%s: %v has no status", c.name, err)
			continue
		}
		said := ""
		if end.err != nil {
			said = end.err.Error()
		}
		if (err == nil) != (c.status == 0) || end.status != c.status || (said == "") != (c.said == "") ||
			!strings.Contains(said, c.said) || out.Len()+errs.Len() > 0 {
			t.Errorf("%s: status %d, %q, want %d, %q", c.name, end.status, said, c.status, c.said)
		}
	}
	var errs bytes.Buffer
	r := &sessionRun{errs: &errs, raw: true, request: v1.SessionRequest{Session: "s1"}}
	err := r.end(session.Exit{}, sessionclient.ErrDetached)
	const want = "\r\ndaytwo: detached: 'daytwo session attach s1' comes back to it\r\n"
	if err != nil || errs.String() != want {
		t.Errorf("detached: %v, %q", err, errs.String())
	}
}

// A signal that comes while there is no connection ends the client.
func TestSignalWithoutConnection(t *testing.T) {
	r := &sessionRun{errs: new(bytes.Buffer)}
	ctx, cancel := context.WithCancelCause(t.Context())
	s := sessionclient.New(sessionclient.Options{})
	signals, stop := takeSignals(ctx)
	defer stop()
	go r.obey(ctx, cancel, s, nil, signals)
	if err := syscall.Kill(syscall.Getpid(), syscall.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	var ended *signalError
	if !errors.As(context.Cause(ctx), &ended) || ended.Signal != syscall.SIGUSR1 {
		t.Error(context.Cause(ctx))
	}
}
