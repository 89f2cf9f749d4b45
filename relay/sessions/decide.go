package sessions

import (
	"strings"

	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
)

// required says which action of which resource a right needs. There is no other place where
// that is decided.
var required = map[session.Right]struct {
	action   policy.Action
	resource policy.Resource
}{
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
}

// decide reports whether an asker has a right to something with some tags, and which rule gives
// it. Nobody has a right that is not known here, as that of a newer node's tool.
func decide(a *broker.Asker, right session.Right, tags *policy.Tags) policy.Decision {
	n, ok := required[right]
	if !ok {
		return policy.Decision{}
	}
	return a.Policy().Decide(a.Principal, n.action, n.resource, tags)
}

// still reports whether an asker still has some rights.
func still(a *broker.Asker, tags *policy.Tags, rights []session.Right) bool {
	for _, right := range rights {
		if !decide(a, right, tags).Allowed {
			return false
		}
	}
	return true
}

// denied returns the error for a right that an asker does not have.
func denied(a *broker.Asker, right session.Right) error {
	n := required[right]
	return &broker.DeniedError{Who: a.Principal.Name(), Right: right, Action: n.action, Resource: n.resource}
}

// rightsOf returns the rights that a command needs: in a container, or on the node itself.
func rightsOf(c *session.Command, onNode bool) []session.Right {
	if onNode {
		return []session.Right{session.Node}
	}
	return c.Rights()
}

// text returns a command as the policy sees it.
func text(c *session.Command) string { return strings.Join(c.Args, " ") }
