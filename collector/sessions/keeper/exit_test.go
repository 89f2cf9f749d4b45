package keeper

import (
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
)

func TestExit(t *testing.T) {
	for name, c := range map[string]struct {
		s              spec
		stdin          string
		stdout, stderr string
		exit           session.Exit
	}{
		"true":      {s: sh("true")},
		"code":      {s: sh("exit 42"), exit: session.Exit{Code: 42}},
		"code 255":  {s: sh("exit 255"), exit: session.Exit{Code: 255}},
		"a signal":  {s: sh("kill -TERM $$"), exit: session.Exit{Code: 143, Signal: 15}},
		"streams":   {s: sh("echo out; echo err >&2"), stdout: "out\n", stderr: "err\n"},
		"no input":  {s: sh("cat"), stdout: ""},
		"input":     {s: sh("cat").stdin(), stdin: "hello", stdout: "hello"},
		"tty":       {s: sh("test -t 0 && test -t 2 && tty").tty(), stdout: "/dev/pts/"},
		"tty code":  {s: sh("exit 3").tty(), exit: session.Exit{Code: 3}},
		"not found": {s: spec{Args: []string{"/no/such/program"}}, exit: session.Exit{Code: 127, Reason: session.NotStarted}},
		// The end of input closes a pipe, and the exit comes when the program ends.
		"half-close": {s: sh("cat; sleep 0.3; exit 7").stdin(), stdin: "x", stdout: "x", exit: session.Exit{Code: 7}},
	} {
		t.Run(name, func(t *testing.T) {
			stdout, stderr, exit := run(t, c.s, c.stdin)
			if !strings.HasPrefix(stdout, c.stdout) || stderr != c.stderr || c.stdout == "" && stdout != "" {
				t.Errorf("printed %q and %q, want %q and %q", stdout, stderr, c.stdout, c.stderr)
			}
			exit.Detail = ""
			if exit != c.exit {
				t.Errorf("ended with %+v, want %+v", exit, c.exit)
			}
		})
	}
}

// Input that never ends does not keep a command that reads none (S-A3).
func TestOpenInput(t *testing.T) {
	k := start(t, sh("sleep 0.2; exit 9").stdin())
	control := k.control(t)
	_, exit := attach(t, k, func(c *client.Session) { c.Write([]byte("never read")) })
	if exit.Code != 9 {
		t.Errorf("%+v", exit)
	}
	control.exit(t, time.Second)
	k.wait(t, 5*time.Second)
}

// A child in the background that has the output open does not keep the session (S-A6).
func TestBackgroundChild(t *testing.T) {
	const stubborn = "setsid sleep 1000 & (setsid sleep 1000 &) ; nohup sleep 1000 2>&1 & trap '' HUP TERM; echo ok"
	for _, s := range []spec{sh("sleep 1000 & echo ok"), sh(stubborn), sh("sleep 1000 & echo ok").tty()} {
		for range 10 {
			begun := time.Now()
			stdout, _, exit := run(t, s, "")
			if took := time.Since(begun); strings.TrimSpace(stdout) != "ok" || !exit.Success() || took > 2*time.Second {
				t.Fatalf("%v: %q, %v after %v", s.Args, stdout, exit, took)
			}
		}
	}
}
