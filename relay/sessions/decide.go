package sessions

import (
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
)

// decide reports whether an asker has a right to something with some tags, and which rule gives
// it. Nobody has a right that is not known here, as that of a newer node's tool.
func decide(a *broker.Asker, right session.Right, tags *policy.Tags) policy.Decision {
	return access.Decide(a.Policy(), a.Principal, right, tags)
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
	n := access.Of(right)
	return &broker.DeniedError{Who: a.Principal.Name(), Right: right, Action: n.Action, Resource: n.Resource}
}

// rightsOf returns the rights that a command needs: in a container, or on the node itself.
func rightsOf(c *session.Command, onNode bool) []session.Right {
	if onNode {
		return []session.Right{session.Node}
	}
	return c.Rights()
}
