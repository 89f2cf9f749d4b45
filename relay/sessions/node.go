package sessions

import (
	"context"
	"fmt"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
)

// errOnNode is a command on a node that asks for what only containers have.
var errOnNode = fmt.Errorf("%w: a command on the node itself names no container, and is never privileged: it is root "+
	"already", broker.ErrBad)

// openNode opens a session on a node itself, in no container.
func (b *Broker) openNode(ctx context.Context, a *broker.Asker, r *broker.Request) (*broker.Opened, error) {
	if r.Container != "" || r.Command.Privileged {
		return nil, errOnNode
	}
	rec := b.record(a, "open a session on a node")
	rec.Object = "node " + r.Agent + " runs " + access.Text(&r.Command)
	tags := policy.Tags{Agent: r.Agent, User: r.Command.User, Command: access.Text(&r.Command)}
	if !b.knows(a, r.Agent, &tags) {
		rec.Decision, rec.Error = audit.Refused, "there is no such node, or the asker may not know of it"
		b.o.Audit(rec)
		return nil, &broker.NoNodeError{Name: r.Agent}
	}
	g := b.grant(a, r.Agent)
	g.Session, g.Command, g.Limits, g.Reason = r.Session, &r.Command, r.Limits, r.Reason
	mode, err := b.allow(a, &g, &rec, &tags, session.Node)
	if err != nil {
		return nil, err
	}
	if err := b.approve(ctx, a, r, &g, &rec, &tags); err != nil {
		return nil, err
	}
	q := request(&r.Stream)
	q.Rows, q.Cols = r.Rows, r.Cols
	return b.openRecorded(ctx, &g, q, rec, mode, func() bool { return still(a, &tags, g.Rights) })
}

// knows reports whether there is a node of which the asker may know.
func (b *Broker) knows(a *broker.Asker, agent string, tags *policy.Tags) bool {
	for _, known := range b.o.Fleet.Agents() {
		if known.ID == agent {
			return a.Policy().Decide(a.Principal, policy.Read, policy.SystemMetrics, tags).Allowed ||
				decide(a, session.Node, tags).Allowed
		}
	}
	return false
}
