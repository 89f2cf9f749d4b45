package sessions

import (
	"errors"
	"fmt"
	"strings"

	"github.com/daytwo/daytwo/api/session"
)

// callType is the type of a call, numbered as in mesos/v1/agent/agent.proto.
type callType uint64

const (
	launchSession callType = 17
	attachInput   callType = 18
	attachOutput  callType = 19
	waitContainer callType = 23
)

var callNames = map[string]callType{"LAUNCH_NESTED_CONTAINER_SESSION": launchSession,
	"ATTACH_CONTAINER_INPUT": attachInput, "ATTACH_CONTAINER_OUTPUT": attachOutput, "WAIT_CONTAINER": waitContainer}

// known reports whether it is a call that is answered here.
func (t callType) known() bool {
	switch t {
	case launchSession, attachInput, attachOutput, waitContainer:
		return true
	}
	return false
}

// call is a call in memory, however it was written.
type call struct {
	kind      callType
	container containerID
	command   command // of launchSession
	input     *processIO
}

// containerID names a container: the id that a client chose for a nested one, and that of the
// task's container. Without a nested one it is the task's container itself.
type containerID struct {
	nested string
	parent string
}

// Bounds of ids.
const (
	maxID    = 255 // bytes of an id, as in Mesos
	maxDepth = 8   // containers in one another
)

// newContainerID returns the id of a chain of containers, the innermost first. DC/OS joins the
// ids of containers that a framework has nested with dots.
func newContainerID(chain []string) (containerID, error) {
	for _, id := range chain {
		if id == "" || len(id) > maxID || strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return containerID{}, errors.New("a container's id has to have 1 to 255 bytes and no spaces")
		}
	}
	switch len(chain) {
	case 0:
		return containerID{}, errors.New("container_id is missing")
	case 1:
		return containerID{parent: chain[0]}, nil
	}
	parents := make([]string, 0, len(chain)-1)
	for i := len(chain) - 1; i > 0; i-- {
		parents = append(parents, chain[i])
	}
	return containerID{nested: chain[0], parent: strings.Join(parents, ".")}, nil
}

// command is what a nested container runs: Mesos' CommandInfo, and its terminal.
type command struct {
	value      string
	hasValue   bool
	arguments  []string
	shell      bool // the value is for a shell
	user       string
	env        []string // NAME=value
	tty        bool
	rows, cols uint16
}

// session returns it as the command of a session.
func (c *command) session() (session.Command, error) {
	s := session.Command{User: c.user, Env: c.env, TTY: c.tty, Stdin: true}
	switch {
	case c.shell && !c.hasValue:
		return s, errors.New("command.value is missing")
	case c.shell:
		s.Args = []string{"/bin/sh", "-c", c.value}
	case c.hasValue:
		s.Args = []string{c.value}
		if len(c.arguments) > 1 {
			s.Args = append(s.Args, c.arguments[1:]...)
		}
	default: // Mesos takes the first argument for the program then
		s.Args = c.arguments
	}
	if c.tty {
		s.Env = withTerm(c.env)
	}
	return s, s.Check()
}

// withTerm adds the type of terminal that DC/OS' Go client sends, and its Python client does not.
func withTerm(env []string) []string {
	for _, e := range env {
		if strings.HasPrefix(e, "TERM=") {
			return env
		}
	}
	return append(env[:len(env):len(env)], "TERM=xterm")
}

// ioType is what a processIO has.
type ioType uint8

const (
	ioOther     ioType = iota // of a later version: it is ignored
	ioData                    // bytes of a stream
	ioSize                    // the size of the terminal
	ioHeartbeat               // nothing: it keeps connections open
)

// stream is a stream of a process, numbered as in agent.proto.
type stream uint8

const (
	stdin  stream = 1
	stdout stream = 2
	stderr stream = 3
)

// processIO is one message about the streams of a process.
type processIO struct {
	kind       ioType
	stream     stream
	data       []byte
	rows, cols uint16
}

// size returns a number of rows or columns.
func size(v uint64) uint16 { return uint16(min(v, 0xffff)) }

// checked returns a call that has all that it needs.
func (c *call) checked() (*call, error) {
	if !c.kind.known() {
		return nil, fmt.Errorf("this agent answers LAUNCH_NESTED_CONTAINER_SESSION, ATTACH_CONTAINER_INPUT, " +
			"ATTACH_CONTAINER_OUTPUT and WAIT_CONTAINER, and no other calls")
	}
	if c.kind == launchSession && c.container.nested == "" {
		return nil, errors.New("container_id.parent is missing: it names the container of the task")
	}
	return c, nil
}
