package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/collector/sessions/enter"
	"github.com/daytwo/daytwo/collector/sessions/keeper"
	"golang.org/x/sys/unix"
)

// keep keeps the session until it is over.
func keep(in *request) int {
	err := keeper.Run(*in.Keep, func() (*keeper.Program, error) {
		s, err := enter.Start(in.Target, in.Spec)
		if in.Spec.Tool != 0 {
			unix.Close(in.Spec.Tool)
		}
		if err != nil {
			return nil, err
		}
		p := &keeper.Program{PID: s.PID, Entered: entered(in, s), Master: s.Master, Stdin: s.Stdin, Stdout: s.Stdout,
			Stderr: s.Stderr, Kill: s.Kill, Cause: func() (session.Reason, string) { return cause(s) }}
		if s.Master >= 0 {
			p.PTYFrom = "container"
			if s.HostTerminal {
				p.PTYFrom = "host"
			}
		}
		return p, nil
	})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// entered says what was entered, and what is not as in the container.
func entered(in *request, s *enter.Session) string {
	return strings.Join(append([]string{in.Target.String()}, s.Notes...), "; ")
}

func cause(s *enter.Session) (session.Reason, string) {
	switch s.Cause() {
	case enter.ContainerEnded:
		return session.ContainerEnded, ""
	case enter.OutOfMemory:
		return session.OutOfMemory, ""
	}
	return session.Exited, ""
}
