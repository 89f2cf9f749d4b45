package sessions

import (
	"errors"
	"fmt"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/sessionrpc"
)

// ownRule is what a grant and the audit log have as the rule for the asker's own session.
const ownRule = "the asker's own session"

var (
	errSessionID = errors.New("a session's id has 16 to 64 small letters and digits")
	errNoAnswer  = rpc.Errorf(rpc.Unavailable, "the node did not answer within %v", openTimeout)
	errPartial   = errors.New("a part of a message was sent")
	errNoStart   = errors.New("the node does not know when the container was started, and so cannot tell it from " +
		"another one of the same id")
)

// badRequest is a request that fails again.
type badRequest struct{ err error }

func (e *badRequest) Error() string        { return e.err.Error() }
func (e *badRequest) Unwrap() error        { return e.err }
func (e *badRequest) Is(target error) bool { return target == broker.ErrBad }

// grant returns what all grants have.
func (b *Broker) grant(a *broker.Asker, agent string) grant.Grant {
	return grant.Grant{Agent: agent, Principal: a.Principal.Name(), Groups: a.Principal.Groups(),
		Method: string(a.Principal.Method()), From: a.From}
}

// record returns what all lines of the audit log about a request have.
func (b *Broker) record(a *broker.Asker, what string) audit.Record {
	return audit.Record{Who: a.Principal.Name(), Groups: a.Principal.Groups(), Method: string(a.Principal.Method()),
		From: a.From, What: what}
}

// done adds the line about a request that was allowed.
func (b *Broker) done(rec *audit.Record, err error) {
	line := *rec
	line.Decision = audit.Allowed
	if err != nil {
		line.Decision, line.Error = audit.Failed, err.Error()
	}
	b.o.Audit(line)
}

// ruleText names a decision.
func ruleText(d policy.Decision) string {
	if d.Rule == 0 {
		return d.Name
	}
	return fmt.Sprintf("rule %d %s", d.Rule, d.Name)
}

// request returns what a node is told about the streams.
func request(s *broker.Stream) *sessionrpc.Request {
	return &sessionrpc.Request{Client: s.Client, Stdout: sessionrpc.Position(s.Out[wire.Stdout]),
		Stderr: sessionrpc.Position(s.Out[wire.Stderr])}
}
