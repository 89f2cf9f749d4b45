package session

import (
	"errors"
	"path"
)

// Path returns the path in the container that a tool reads or writes, "" if it does not. Rules of a
// policy may name it. Where symbolic links of the container lead from there, they do not see.
func (c *Command) Path() string {
	if (c.Tool == ToolCopyIn || c.Tool == ToolCopyOut) && len(c.Args) > 1 {
		return c.Args[1]
	}
	return ""
}

// checkPath returns an error for a path that a rule of a policy could take for another one.
func (c *Command) checkPath() error {
	if c.Tool != ToolCopyIn && c.Tool != ToolCopyOut {
		return nil
	}
	p := c.Path()
	switch {
	case p == "" || p[0] != '/' || path.Clean(p) != p:
		return errors.New("the path to copy has to be absolute, without . and .. in it, and come first")
	case len(p) >= MaxText:
		return errors.New("the path to copy is longer than 4095 bytes")
	}
	return nil
}
