package shell

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"sync/atomic"
	"syscall"

	"golang.org/x/term"
	"mvdan.cc/sh/v3/interp"
	"mvdan.cc/sh/v3/syntax"
)

// interpreter is a running shell.
type interpreter struct {
	*interp.Runner
	parser     *syntax.Parser
	foreground atomic.Int32 // processes that it waits for
	cancel     atomic.Pointer[context.CancelFunc]
}

// sh is the shell: sh [-c COMMAND [NAME [ARGUMENT]...]], sh FILE [ARGUMENT]..., or from
// standard input.
func sh(args []string) int {
	s := &interpreter{parser: syntax.NewParser()}
	os.Unsetenv("IFS") // as POSIX demands: the environment must not change what a script means
	var script io.Reader
	name, options := "sh", []string{}
	for len(args) > 0 && script == nil {
		a := args[0]
		if a == "" || a[0] != '-' && a[0] != '+' || a == "-" || a == "--" {
			break
		}
		args = args[1:]
		switch {
		case a == "-c" || a[0] == '-' && strings.HasSuffix(a, "c"): // -ec, say
			if len(args) == 0 {
				return s.fail(errors.New("-c needs a command"), 2)
			}
			if flags := strings.TrimSuffix(a, "c"); flags != "-" {
				options = append(options, flags)
			}
			script, args = strings.NewReader(args[0]), args[1:]
			if len(args) > 0 {
				name, args = args[0], args[1:]
			}
		case a == "-i" || a == "-l" || a == "-s" || a == "--login":
		default:
			options = append(options, a)
			if a == "-o" && len(args) > 0 {
				options, args = append(options, args[0]), args[1:]
			}
		}
	}
	if len(args) > 0 && (args[0] == "-" || args[0] == "--") {
		args = args[1:]
	}
	if script == nil && len(args) > 0 {
		f, err := os.Open(args[0])
		if err != nil {
			return s.fail(err, 127)
		}
		defer f.Close()
		name, script, args = args[0], f, args[1:]
	}
	typed := term.IsTerminal(int(os.Stdin.Fd())) && term.IsTerminal(int(os.Stdout.Fd()))
	interactive := script == nil && typed
	var err error
	s.Runner, err = interp.New(interp.StdIO(os.Stdin, os.Stdout, os.Stderr), interp.Interactive(interactive),
		interp.Params(append(append(options, "--"), args...)...), interp.CallHandler(ours),
		interp.ExecHandlers(s.execHandler))
	if err != nil {
		return s.fail(err, 2)
	}
	switch {
	case interactive:
		return s.interactive()
	case script == nil:
		return s.read(oneByte{os.Stdin})
	}
	file, err := s.parser.Parse(script, name)
	if err != nil {
		return s.fail(err, 2)
	}
	return s.status(s.Run(context.Background(), file))
}

func (s *interpreter) fail(err error, status int) int {
	fmt.Fprintln(os.Stderr, "sh:", err)
	return status
}

// status returns the exit status for the end of a command.
func (s *interpreter) status(err error) int {
	var status interp.ExitStatus
	switch {
	case err == nil:
		return 0
	case errors.As(err, &status):
		return int(status)
	}
	return s.fail(err, 1)
}

// read runs the commands of a stream, each as soon as it is whole.
func (s *interpreter) read(r io.Reader) (status int) {
	for stmts, err := range s.parser.InteractiveSeq(r) {
		if err != nil {
			return s.fail(err, 2)
		}
		if s.parser.Incomplete() {
			continue
		}
		for _, stmt := range stmts {
			status = s.status(s.Run(context.Background(), stmt))
			if s.Exited() {
				return status
			}
		}
	}
	return status
}

// interactive runs what is typed at a terminal.
func (s *interpreter) interactive() (status int) {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGQUIT)
	signal.Ignore(syscall.SIGTSTP, syscall.SIGTTIN, syscall.SIGTTOU) // there is no control of jobs
	go func() {
		for range signals {
			// Processes in the foreground get the signal, too, and it is theirs to end.
			if c := s.cancel.Load(); c != nil && s.foreground.Load() == 0 {
				(*c)()
			}
		}
	}()
	e := newEditor(s)
	fmt.Fprintln(os.Stderr, "daytwo: this shell and its programs are not the container's: 'help' lists them")
	for {
		stmts, err := e.command()
		switch {
		case err == io.EOF:
			fmt.Fprintln(os.Stderr, "exit")
			return status
		case err != nil:
			status = s.fail(err, 2)
			var bad syntax.ParseError
			if !errors.As(err, &bad) {
				return status // the terminal is gone
			}
			continue
		}
		for _, stmt := range stmts {
			ctx, cancel := context.WithCancel(context.Background())
			s.cancel.Store(&cancel)
			err := s.Run(ctx, stmt)
			s.cancel.Store(nil)
			interrupted := ctx.Err() != nil
			cancel()
			if interrupted {
				status = 128 + int(syscall.SIGINT)
				fmt.Fprintln(os.Stderr)
				break
			}
			status = s.status(err)
			if s.Exited() {
				return status
			}
		}
	}
}

// oneByte reads no more than it is asked for by the parser, as the rest is for the commands.
type oneByte struct{ r io.Reader }

func (o oneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(1, len(p))]) }
