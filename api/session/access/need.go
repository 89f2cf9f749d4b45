package access

import (
	"strings"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
)

// Need is the action and the resource that a right needs.
type Need struct {
	Action   policy.Action
	Resource policy.Resource
}

// needs has all rights. There is no other place where that is decided.
var needs = map[session.Right]Need{
	session.Exec:        {policy.Create, policy.NestedSession},
	session.ExecAs:      {policy.Create, policy.ExecAs},
	session.Privileged:  {policy.Create, policy.ExecPrivileged},
	session.AttachRead:  {policy.Read, policy.Container},
	session.AttachWrite: {policy.Update, policy.Container},
	session.CopyIn:      {policy.Update, policy.Files},
	session.CopyOut:     {policy.Read, policy.Files},
	session.PortForward: {policy.Create, policy.PortForward},
	session.Node:        {policy.Create, policy.NodeShell},
	session.Kill:        {policy.Delete, policy.Sessions},
	session.List:        {policy.Read, policy.Sessions},
	session.Watch:       {policy.Read, policy.Watch},
}

// Of returns what a right needs: everything, if it is not known.
func Of(r session.Right) Need {
	if n, ok := needs[r]; ok {
		return n
	}
	return Need{policy.Full, policy.Superuser}
}

// Decide decides about a right to something that has some tags. Nobody has one that is not known,
// as that of a newer node's tool.
func Decide(p *policy.Policy, who *auth.Principal, r session.Right, tags *policy.Tags) policy.Decision {
	n, ok := needs[r]
	if !ok {
		return policy.Decision{}
	}
	if r == session.PortForward {
		return decidePorts(p, who, n, tags)
	}
	return p.Decide(who, n.Action, n.Resource, tags)
}

// decidePorts decides for each port of a command by itself: a rule for one is none for others. Ports
// that need different approvals cannot be had together.
func decidePorts(p *policy.Policy, who *auth.Principal, n Need, tags *policy.Tags) (all policy.Decision) {
	each := *tags
	for port := range strings.FieldsSeq(strings.TrimPrefix(tags.Command, session.ToolConnect+" ")) {
		each.Command = session.ToolConnect + " " + port
		d := p.Decide(who, n.Action, n.Resource, &each)
		switch {
		case !d.Allowed:
			return d
		case all.Approval != nil && d.Approval != nil && d.Rule != all.Rule:
			return policy.Decision{}
		case all.Approval == nil:
			all = d
		}
	}
	return all
}

// Text returns a command as policies see it.
func Text(c *session.Command) string { return strings.Join(c.Args, " ") }
