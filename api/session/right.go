package session

// Right is one thing that a session may do. A grant lists the rights of its session, and what
// is not listed is refused.
type Right string

// Rights of sessions. A policy has an action for each.
const (
	Exec        Right = "exec"         // run a command as the container's own user
	ExecAs      Right = "exec-as"      // run it as another user
	Privileged  Right = "privileged"   // run it with all capabilities
	AttachRead  Right = "attach-read"  // see the output of a session of someone else
	AttachWrite Right = "attach-write" // type into a session of someone else
	CopyIn      Right = "copy-in"      // write files of the container
	CopyOut     Right = "copy-out"     // read files of the container
	PortForward Right = "port-forward" // connect to ports in the container's network
	Node        Right = "node"         // run a command on the node itself, in no container
	Kill        Right = "kill"         // end a session
	List        Right = "list"         // see which sessions a node has
	Record      Right = "record"       // take all output down, for a recording: only a relay has it, nobody else
	Watch       Right = "watch"        // see the output of any session, as an auditor
)

// Rights lists the rights that people may have: all but Record.
var Rights = []Right{Exec, ExecAs, Privileged, AttachRead, AttachWrite, CopyIn, CopyOut, PortForward, Node, Kill,
	List, Watch}

// Known reports whether the right is one of those above.
func (r Right) Known() bool {
	if r == Record {
		return true
	}
	for _, k := range Rights {
		if r == k {
			return true
		}
	}
	return false
}
