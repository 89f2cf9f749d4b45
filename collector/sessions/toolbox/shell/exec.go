package shell

import (
	"context"
	"io"
	"os"
	"strings"
	"syscall"

	"mvdan.cc/sh/v3/expand"
	"mvdan.cc/sh/v3/interp"

	"github.com/daytwo/daytwo/collector/sessions/toolbox/applets"
	"github.com/daytwo/daytwo/collector/sessions/toolbox/itself"
)

// asked marks the name of a program that the interpreter would take for one of its own, which it
// has not got.
const asked = "toolbox: "

// ours has such programs run by execHandler.
func ours(_ context.Context, args []string) ([]string, error) {
	if args[0] == "kill" || args[0] == "help" && len(args) == 1 {
		return append([]string{asked + args[0]}, args[1:]...), nil
	}
	return args, nil
}

// execHandler runs the toolbox's own programs as processes of this program, and leaves others
// to the next handler, which looks for them in PATH.
func (s *interpreter) execHandler(next interp.ExecHandlerFunc) interp.ExecHandlerFunc {
	return func(ctx context.Context, args []string) error {
		h := interp.HandlerCtx(ctx)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if name, ok := strings.CutPrefix(args[0], asked); ok {
			args = append([]string{name}, args[1:]...)
		}
		s.foreground.Add(1)
		defer s.foreground.Add(-1)
		var err error
		if program(args[0]) == nil {
			// Ctrl-C is for the process itself, which may know better.
			err = next(context.WithoutCancel(ctx), args)
		} else {
			err = runItself(&h, args)
		}
		if status, ok := err.(interp.ExitStatus); ok && status == interp.ExitStatus(128+int(syscall.SIGINT)) {
			if c := s.cancel.Load(); c != nil {
				(*c)() // a loop ends with its command
			}
		}
		return err
	}
}

// runItself runs one of the toolbox's programs to its end.
func runItself(h *interp.HandlerContext, args []string) error {
	var streams [3]*os.File
	var ends []*os.File
	copied := make(chan struct{}, 2)
	copies := 0
	defer func() {
		for range copies {
			<-copied
		}
	}()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err == nil {
		defer null.Close()
	} else if r, w, err := os.Pipe(); err == nil { // no /dev: nothing to read
		w.Close()
		defer r.Close()
		null = r
	}
	if streams[0], _ = h.Stdin.(*os.File); streams[0] == nil {
		streams[0] = null
	}
	for i, w := range []io.Writer{h.Stdout, h.Stderr} {
		if f, ok := w.(*os.File); ok {
			streams[1+i] = f
			continue
		}
		if i == 1 && w == h.Stdout { // 2>&1
			streams[2] = streams[1]
			continue
		}
		from, to, err := os.Pipe()
		if err != nil {
			return err
		}
		defer from.Close()
		streams[1+i], ends = to, append(ends, to)
		copies++
		go func() { io.Copy(w, from); copied <- struct{}{} }()
	}
	p, err := itself.Start(append([]string{applets.Tool}, args...), environ(h.Env), h.Dir, streams)
	for _, f := range ends {
		f.Close()
	}
	if err != nil {
		io.WriteString(h.Stderr, args[0]+": "+err.Error()+"\n")
		return interp.ExitStatus(126)
	}
	state, err := p.Wait()
	if err != nil {
		return err
	}
	if w := state.Sys().(syscall.WaitStatus); w.Signaled() {
		return interp.ExitStatus(128 + int(w.Signal()))
	}
	if code := state.ExitCode(); code != 0 {
		return interp.ExitStatus(code)
	}
	return nil
}

// environ returns the variables that are exported.
func environ(env expand.Environ) (all []string) {
	env.Each(func(name string, v expand.Variable) bool {
		if v.Exported && v.Kind == expand.String && !strings.Contains(name, "=") {
			all = append(all, name+"="+v.String())
		}
		return true
	})
	return all
}
