package enter

import "time"

// Target is the container to enter, by its first process.
type Target struct {
	ID        string // the container's id; part of messages
	PID       int    // its first process, in the pid namespace of the caller
	StartTime uint64 // when that process started, as field 22 of /proc/PID/stat; 0 for any
}

// Spec is what to start in the container.
type Spec struct {
	Session string   // id of the session: names its cgroup; letters, digits, '-' and '_'
	Args    []string // the command; without a slash, it is looked for in PATH of the session
	// Tool is the descriptor of a program that is executed instead of one of the container. The
	// program finds itself open as descriptor ToolFD.
	Tool int

	// Base is the environment that the runtime gives to each process of the container; nil
	// stands for that of the runtime's configuration, or, where that is not found, for that
	// with which the first process was started. Env is added.
	Base []string
	Env  []string

	User    string // name or uid, with ":group" or ":gid"; "" for that of the first process
	Workdir string // absolute; "" for Cwd
	Cwd     string // the container's configured working directory; "" as for Base

	// Node is for a command on the node itself (NodeTarget): in no container, with the environment
	// of a login. Base and Cwd do not count.
	Node bool

	TTY        bool
	Rows, Cols uint16 // of the terminal

	// Privileged gives all capabilities of the container's user namespace, no seccomp
	// filter, no security label.
	Privileged bool
	// AllowNotify enters a container one of whose seccomp filters asks a supervisor. In the
	// session the calls that it would be asked about fail (ENOSYS).
	AllowNotify bool
	// NoCgroup leaves the session in the container's own cgroups. Processes that detach
	// themselves from the command outlive such a session.
	NoCgroup bool

	Timeout time.Duration // for entering; 0 for ten seconds
}
