package session

// Tools of sessions: programs that a node brings into a container, where the container's own may
// be missing (Command.Tool). They run with the same rights as its own programs.
const (
	ToolDebug   = "debug"    // a shell and the usual small programs
	ToolCopyIn  = "copy-in"  // writes the files of a tar archive
	ToolCopyOut = "copy-out" // packs files into one
	ToolConnect = "connect"  // connections to ports of the container, which its arguments name
)

// tools has the right that each tool needs.
var tools = map[string]Right{
	ToolDebug:   Exec,
	ToolCopyIn:  CopyIn,
	ToolCopyOut: CopyOut,
	ToolConnect: PortForward,
}

// Tools returns the names of all tools.
func Tools() []string {
	all := make([]string, 0, len(tools))
	for name := range tools {
		all = append(all, name)
	}
	return all
}

// Rights returns the rights that the command needs in a container. Relays ask the policy for
// them, and nodes look for them in the grant.
func (c *Command) Rights() []Right {
	rights := []Right{Exec}
	if c.Tool != "" {
		rights[0] = tools[c.Tool] // "" for one that is not known: nobody has that right
	}
	if c.User != "" {
		rights = append(rights, ExecAs)
	}
	if c.Privileged {
		rights = append(rights, Privileged)
	}
	return rights
}
