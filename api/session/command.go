package session

import (
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Command is what a session runs, and as whom. Empty fields mean what the container's own
// first process has.
type Command struct {
	Tool    string   `json:"tool,omitempty"`    // a tool of the node's (see Tools), "" for a program of the container
	Args    []string `json:"args"`              // the program, or the tool, and its arguments
	User    string   `json:"user,omitempty"`    // name or uid, with ":group" or ":gid" if need be
	Workdir string   `json:"workdir,omitempty"` // absolute, inside the container
	Env     []string `json:"env,omitempty"`     // NAME=value, beside the container's own
	TTY     bool     `json:"tty,omitempty"`     // on a terminal; else on three pipes
	Stdin   bool     `json:"stdin,omitempty"`   // input may be sent; else it is at its end from the start

	Privileged bool `json:"privileged,omitempty"` // with all capabilities
}

// Container is the container that a session enters. A container that was started again is
// another one, though its id is the same.
type Container struct {
	ID      string `json:"id"`
	Started int64  `json:"started"` // Unix nanoseconds, as the node reports it
}

// Limits bound a session. Zero means the node's own limit; a node never allows more than that.
type Limits struct {
	Idle     time.Duration `json:"idle,omitempty"`     // without input and output
	Total    time.Duration `json:"total,omitempty"`    // altogether
	Detached time.Duration `json:"detached,omitempty"` // without a client; it bounds how late a client may resume
}

// Bounds of a command.
const (
	MaxArgs = 128 << 10 // bytes of arguments and environment, with one for the end of each
	MaxText = 4096      // bytes of a user or a directory
)

// Check returns an error for a command that cannot be run anywhere.
func (c *Command) Check() error {
	if len(c.Args) == 0 || c.Args[0] == "" {
		return errors.New("no command: name a program")
	}
	size := 0
	for _, list := range [][]string{c.Args, c.Env} {
		for _, s := range list {
			if strings.IndexByte(s, 0) >= 0 {
				return errors.New("the command or its environment contains a zero byte")
			}
			size += len(s) + 1
		}
	}
	for _, s := range c.Env {
		if name, _, ok := strings.Cut(s, "="); !ok || name == "" {
			return errors.New("the environment needs NAME=value")
		}
	}
	if _, ok := tools[c.Tool]; c.Tool != "" && !ok {
		return fmt.Errorf("there is no tool %.64q here: the other side may be newer", c.Tool)
	}
	switch {
	case c.Tool != "" && c.Args[0] != c.Tool:
		return errors.New("the command of a tool has to begin with the tool's name")
	case size > MaxArgs:
		return errors.New("the command and its environment have more than 131072 bytes")
	case len(c.User) > MaxText || len(c.Workdir) > MaxText:
		return errors.New("the user or the directory is longer than 4096 bytes")
	case strings.IndexByte(c.User, 0) >= 0 || strings.IndexByte(c.Workdir, 0) >= 0:
		return errors.New("the user or the directory contains a zero byte")
	case c.Workdir != "" && c.Workdir[0] != '/':
		return errors.New("the working directory has to be absolute")
	}
	return c.checkPath()
}

// NewID returns a new session's id: 26 letters and digits that nobody can guess.
func NewID() string { return strings.ToLower(rand.Text()) }

// ValidID reports whether a string may be a session's id. It is part of file names.
func ValidID(id string) bool {
	if len(id) < 16 || len(id) > 64 {
		return false
	}
	for i := range len(id) {
		if c := id[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
