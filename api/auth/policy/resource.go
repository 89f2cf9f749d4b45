package policy

import (
	"fmt"
	"slices"
	"strings"
)

// Resource is something that access is decided about. Its text is the id in policy files.
type Resource uint8

const (
	Superuser Resource = iota
	SystemLogs
	SystemMetrics
	SystemAgent
	OpsMesos
	OpsSlave
	NestedSession
	Container
	Sandbox
	Sessions
	Recordings
	Watch
	Sinks
	DeadLetters
	RelayMetrics
	Audit
	Users
	PolicyFile
	Nodes
	ExecAs
	ExecPrivileged
	Files
	PortForward
	NodeShell
	numResources
)

// ResourceInfo describes a resource.
type ResourceInfo struct {
	ID      string
	Actions []Action // that there are; a rule may also write full
	Tagged  bool     // it is of agents and containers, so that where and sub-ids can narrow it
	Command bool     // where can also narrow it by user and command
	Opens   bool     // it opens a session, which a rule may make wait for another principal's approval
	Path    bool     // where can also narrow it by path
	SubIDs  []string // narrowings that DC/OS has in the id: app_id, user
	Meaning string
}

// table is all that there is to decide about, with DC/OS' ids for what DC/OS had. The
// documents, the help of the command line and errors of the parser are made of it.
var table = [numResources]ResourceInfo{
	Superuser: {ID: "dcos:superuser", Actions: []Action{Create, Read, Update, Delete},
		Meaning: "everything"},
	SystemLogs: {ID: "dcos:adminrouter:ops:system-logs", Actions: []Action{Read}, Tagged: true,
		Meaning: "log entries of nodes and tasks"},
	SystemMetrics: {ID: "dcos:adminrouter:ops:system-metrics", Actions: []Action{Read}, Tagged: true,
		Meaning: "nodes, containers, their metrics and events"},
	SystemAgent: {ID: "dcos:adminrouter:system:agent", Actions: []Action{Read}, Tagged: true,
		Meaning: "what DC/OS' routes /system/v1/agent/ID show"},
	OpsMesos: {ID: "dcos:adminrouter:ops:mesos", Actions: []Action{Read}, Tagged: true,
		Meaning: "the state of the cluster, as DC/OS' command line asks for it"},
	OpsSlave: {ID: "dcos:adminrouter:ops:slave", Actions: []Action{Read}, Tagged: true,
		Meaning: "the state of an agent, at /slave/ID and /agent/ID"},
	NestedSession: {ID: "dcos:mesos:agent:nested_container_session", Actions: []Action{Create}, Tagged: true, Opens: true,
		Command: true, SubIDs: []string{"app_id", "user"}, Meaning: "start a command or a shell in a container"},
	Container: {ID: "dcos:mesos:agent:container", Actions: []Action{Read, Update}, Tagged: true,
		SubIDs: []string{"app_id"}, Meaning: "attach to a container's output (read) and input (update)"},
	Sandbox: {ID: "dcos:mesos:agent:sandbox", Actions: []Action{Read}, Tagged: true,
		SubIDs: []string{"app_id"}, Meaning: "files of tasks, among them their output"},
	Sessions: {ID: "daytwo:sessions", Actions: []Action{Read, Delete}, Tagged: true, Command: true,
		Meaning: "sessions of others: list them, end them"},
	Recordings: {ID: "daytwo:recordings", Actions: []Action{Read}, Tagged: true, Command: true,
		Meaning: "recordings of sessions: list, search and read them"},
	Watch: {ID: "daytwo:watch", Actions: []Action{Read}, Tagged: true, Command: true,
		Meaning: "watch sessions of others while they run, as an auditor"},
	Sinks: {ID: "daytwo:sinks", Actions: []Action{Read, Update},
		Meaning: "sinks of logs: list them; pause, resume, reset and test them"},
	DeadLetters: {ID: "daytwo:dead-letters", Actions: []Action{Read},
		Meaning: "log entries that a receiver refused"},
	RelayMetrics: {ID: "daytwo:relay-metrics", Actions: []Action{Read},
		Meaning: "the relay's own metrics"},
	Audit: {ID: "daytwo:audit", Actions: []Action{Read},
		Meaning: "the audit log"},
	Users: {ID: "daytwo:users", Actions: []Action{Create, Read, Update, Delete},
		Meaning: "local users, and tokens for programs"},
	PolicyFile: {ID: "daytwo:policy", Actions: []Action{Read},
		Meaning: "what others may do, and why"},
	Nodes: {ID: "daytwo:nodes", Actions: []Action{Create, Read, Delete},
		Meaning: "credentials of nodes: codes to enrol them, a list, and their revocation"},
	ExecAs: {ID: "daytwo:exec-as", Actions: []Action{Create}, Tagged: true, Opens: true, Command: true,
		Meaning: "start a command in a container as another user than its own"},
	ExecPrivileged: {ID: "daytwo:exec-privileged", Actions: []Action{Create}, Tagged: true, Opens: true, Command: true,
		Meaning: "start a command in a container with all capabilities"},
	Files: {ID: "daytwo:files", Actions: []Action{Read, Update}, Tagged: true, Opens: true, Path: true,
		Meaning: "copy files out of a container (read) and into it (update)"},
	PortForward: {ID: "daytwo:port-forward", Actions: []Action{Create}, Tagged: true, Opens: true, Command: true,
		Meaning: "connect to ports inside a container's network"},
	NodeShell: {ID: "daytwo:node-shell", Actions: []Action{Create}, Tagged: true, Opens: true, Command: true,
		Meaning: "start a command on a node itself, outside of all containers"},
}

// Resources returns all resources.
func Resources() []ResourceInfo { return slices.Clone(table[:]) }

// String returns the id.
func (r Resource) String() string {
	if r >= numResources {
		return fmt.Sprintf("unknown resource %d", uint8(r))
	}
	return table[r].ID
}

// has reports whether a resource has an action.
func (i *ResourceInfo) has(a Action) bool { return slices.Contains(i.Actions, a) }

// all is every action of a resource.
func (i *ResourceInfo) all() (s actions) {
	for _, a := range i.Actions {
		s |= set(a)
	}
	return s
}

// ParseResource returns the resource of an id, and what the id narrows it to: nothing, or
// a value of a key of where.
func ParseResource(id string) (r Resource, key, value string, err error) {
	for r := range numResources {
		info := &table[r]
		if id == info.ID {
			return r, "", "", nil
		}
		rest, ok := strings.CutPrefix(id, info.ID+":")
		if !ok || len(info.SubIDs) == 0 {
			continue
		}
		kind, value, narrows := strings.Cut(rest, ":")
		switch {
		case kind == "role":
			return 0, "", "", fmt.Errorf("%s: daytwo does not know the roles of Mesos: narrow it by application, "+
				"as in %s:app_id:/shop", id, info.ID)
		case !slices.Contains(info.SubIDs, kind):
			return 0, "", "", fmt.Errorf("%s: unknown %q: write %s, %s", id, kind, info.ID, info.forms())
		case !narrows && kind == "user":
			return r, "user", "", nil
		case !narrows:
			return r, "", "", nil
		case kind == "app_id" && (!strings.HasPrefix(value, "/") || strings.Contains(value, "//") ||
			strings.HasSuffix(value, "/") && value != "/"), value == "", strings.Contains(value, ":"):
			return 0, "", "", fmt.Errorf("%s: malformed: write %s", id, info.forms())
		}
		return r, map[string]string{"app_id": "application", "user": "user"}[kind], value, nil
	}
	return 0, "", "", fmt.Errorf("unknown resource %q: use one of %s", id, strings.Join(resourceIDs(), ", "))
}

// forms returns the ids with a narrowing.
func (i *ResourceInfo) forms() string {
	examples := map[string]string{"app_id": "app_id:/group/app", "user": "user:nobody"}
	var all []string
	for _, kind := range i.SubIDs {
		all = append(all, i.ID+":"+examples[kind])
	}
	return strings.Join(all, " or ")
}

func resourceIDs() (ids []string) {
	for _, info := range table {
		ids = append(ids, info.ID)
	}
	return ids
}
