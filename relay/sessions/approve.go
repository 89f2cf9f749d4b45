package sessions

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/relay/sessions/requests"
)

// beatEvery is how often a client that waits for an approval hears that it still does, and is
// seen to be there.
const beatEvery = 5 * time.Second

// approvals returns which approvals the policy in use demands for what a grant is for, nil for
// none. A right that it does not allow is an error.
func (b *Broker) approvals(a *broker.Asker, g *grant.Grant, tags *policy.Tags) (needs []*policy.Approval, err error) {
	for _, right := range g.Rights {
		d := decide(a, right, tags)
		if !d.Allowed {
			return nil, denied(a, right)
		}
		if d.Approval != nil {
			needs = append(needs, d.Approval)
		}
	}
	return needs, nil
}

// approve puts the approval of another person into a grant that opens a session, if the policy
// demands one, and waits for it.
func (b *Broker) approve(ctx context.Context, a *broker.Asker, r *broker.Request, g *grant.Grant, rec *audit.Record,
	tags *policy.Tags) error {
	needs, err := b.approvals(a, g, tags)
	if err != nil || len(needs) == 0 {
		return err
	}
	token, who, err := b.await(ctx, a, r, g, rec, needs)
	if err == nil {
		// The policy may have changed meanwhile.
		if needs, err = b.approvals(a, g, tags); err == nil {
			err = mayApprove(a.Policy(), who, lists(needs))
		}
	}
	if err != nil {
		line := *rec
		line.Decision, line.Error = audit.Refused, err.Error()
		b.o.Audit(line)
		return err
	}
	g.Approval = token
	rec.Rule += "; approved by " + who.Name()
	return nil
}

// await asks for an approval, and returns it and who has given it.
func (b *Broker) await(ctx context.Context, a *broker.Asker, r *broker.Request, g *grant.Grant, rec *audit.Record,
	needs []*policy.Approval) (token string, who *auth.Principal, err error) {
	by := lists(needs)
	switch {
	case b.o.Requests == nil:
		return "", nil, rpc.Errorf(rpc.Unavailable, "this relay cannot ask for the approval of %s", sayWho(by))
	case r.Waiting == nil:
		return "", nil, rpc.Errorf(rpc.Denied, "it needs the approval of %s, and this way of opening a session cannot wait "+
			"for it: use 'daytwo task exec'", sayWho(by))
	}
	within := needs[0].Within
	for _, n := range needs {
		within = min(within, n.Within)
	}
	now := time.Now().UTC()
	e, err := b.o.Requests.Ask(ctx, &requests.Entry{Request: *g.Request(), Name: rec.Object, Tags: g.Tags, From: a.From,
		By: by, Asked: now, Until: now.Add(within)})
	if err != nil {
		return "", nil, asked(err)
	}
	line := *rec
	line.What = "ask for the approval of a session by " + sayWho(by) + reasonText(g.Reason)
	b.o.Audit(line)
	beat := func() error {
		return r.Waiting(&broker.Waiting{Session: g.Session, For: sayWho(by), Until: e.Until})
	}
	if err := beat(); err != nil {
		return "", nil, err
	}
	b.waiting.Add(1)
	defer b.waiting.Add(-1)
	if e, err = b.o.Requests.Wait(ctx, e, beatEvery, beat); err != nil {
		if errors.Is(err, requests.ErrNone) {
			err = rpc.Errorf(rpc.Denied, "nobody has approved it in time")
		}
		return "", nil, asked(err)
	}
	if err := b.o.Requests.Take(ctx, e); err != nil { // another connection of the same client was faster
		return "", nil, asked(err)
	}
	if e.Denied != nil {
		return "", nil, rpc.Errorf(rpc.Denied, "%s has denied it%s", e.Denied.By, reasonText(e.Denied.Reason))
	}
	approval, err := grant.ReadApproval(e.Approval, g.Request())
	if err != nil {
		return "", nil, rpc.Errorf(rpc.Denied, "%v", err)
	}
	who, err = auth.NewPrincipal(approval.Principal, approval.Groups, auth.Method(approval.Method), time.Time{})
	if err != nil {
		return "", nil, rpc.Errorf(rpc.Denied, "approval: %v", err)
	}
	return e.Approval, who, nil
}

// Requests implements broker.Approvals.
func (b *Broker) Requests(ctx context.Context, a *broker.Asker) (list []broker.Pending, err error) {
	if b.o.Requests == nil {
		return nil, nil
	}
	all, err := b.o.Requests.All(ctx)
	if err != nil {
		return nil, asked(err)
	}
	for _, e := range all {
		if !b.seesRequest(a, e) {
			continue
		}
		r := &e.Request
		list = append(list, broker.Pending{Session: r.Session, Agent: r.Agent, Container: r.Container, Tags: e.Tags,
			Principal: r.Principal, From: e.From, Command: r.Command, Rights: r.Rights, Reason: r.Reason,
			For: sayWho(e.By), Asked: e.Asked, Until: e.Until, Yours: b.mayDecide(a, e) == nil})
	}
	return list, nil
}

// Approve implements broker.Approvals.
func (b *Broker) Approve(ctx context.Context, a *broker.Asker, id string) error {
	return b.decideRequest(ctx, a, id, "approve a session", func(e *requests.Entry) (err error) {
		if err := b.mayDecide(a, e); err != nil {
			return err
		}
		until := e.Until
		if most := time.Now().Add(policy.MaxWithin); until.After(most) {
			until = most
		}
		e.Approval, err = b.o.Signer.Approve(grant.Approval{Principal: a.Principal.Name(), Groups: a.Principal.Groups(),
			Method: string(a.Principal.Method()), From: a.From, Deadline: until}, &e.Request)
		return err
	})
}

// Deny implements broker.Approvals. Who asks may withdraw.
func (b *Broker) Deny(ctx context.Context, a *broker.Asker, id, why string) error {
	return b.decideRequest(ctx, a, id, "deny a session"+reasonText(why), func(e *requests.Entry) error {
		e.Denied = &requests.Denial{By: a.Principal.Name(), Reason: why}
		if grant.SamePerson(a.Principal.Name(), e.Request.Principal) {
			return nil
		}
		return b.mayDecide(a, e)
	})
}

// decideRequest stores what somebody decides about a request that they may know of.
func (b *Broker) decideRequest(ctx context.Context, a *broker.Asker, id, what string,
	change func(*requests.Entry) error) error {
	if b.o.Requests == nil {
		return broker.ErrNoRequest
	}
	rec := b.record(a, what)
	e, err := b.o.Requests.Get(ctx, id)
	switch {
	case err != nil:
		return asked(err)
	case !b.seesRequest(a, e) || !e.Waits(time.Now()):
		return broker.ErrNoRequest
	}
	rec.Object = "session " + id + " of " + e.Request.Principal + ": " + e.Request.Agent + " " + e.Request.Container.ID +
		" runs " + access.Text(&e.Request.Command)
	if err := change(e); err != nil {
		rec.Decision, rec.Error = audit.Refused, err.Error()
		b.o.Audit(rec)
		return err
	}
	err = b.o.Requests.Decide(ctx, e)
	b.done(&rec, err)
	return asked(err)
}

// seesRequest reports whether an asker may know of a request: who asks, who may approve it, and
// who may list sessions like it.
func (b *Broker) seesRequest(a *broker.Asker, e *requests.Entry) bool {
	if grant.SamePerson(a.Principal.Name(), e.Request.Principal) || mayApprove(a.Policy(), a.Principal, e.By) == nil {
		return true
	}
	tags := originTags(e.Request.Agent, e.Tags, &e.Request.Command)
	return decide(a, session.List, &tags).Allowed
}

// mayDecide returns an error unless an asker may approve a request.
func (b *Broker) mayDecide(a *broker.Asker, e *requests.Entry) error {
	if grant.SamePerson(a.Principal.Name(), e.Request.Principal) {
		return rpc.Errorf(rpc.Denied, "nobody approves their own request")
	}
	return mayApprove(a.Policy(), a.Principal, e.By)
}

// mayApprove returns an error unless somebody is one of each list. The admin of the relay's own
// machine is all.
func mayApprove(p *policy.Policy, who *auth.Principal, by [][]string) error {
	if who.Admin() {
		return nil
	}
	for _, subjects := range by {
		if !p.Is(who, subjects) {
			return rpc.Errorf(rpc.Denied, "%s may not approve it: that may %s", who.Name(), strings.Join(subjects, " or "))
		}
	}
	return nil
}

// lists returns who may give each of some approvals.
func lists(needs []*policy.Approval) (by [][]string) {
	for _, n := range needs {
		by = append(by, n.By)
	}
	return by
}

// sayWho says who has to approve.
func sayWho(by [][]string) string {
	var all []string
	for _, subjects := range by {
		if text := strings.Join(subjects, " or "); len(all) == 0 || all[len(all)-1] != text {
			all = append(all, text)
		}
	}
	return strings.Join(all, ", and at the same time ")
}

func reasonText(why string) string {
	if why == "" {
		return ""
	}
	return ": " + why
}

// asked returns an error of package requests as clients see it.
func asked(err error) error {
	switch {
	case errors.Is(err, requests.ErrNone):
		return broker.ErrNoRequest
	case errors.Is(err, requests.ErrTooMany):
		return rpc.Errorf(rpc.Exhausted, "%v", err)
	case errors.Is(err, requests.ErrTooLong):
		return &badRequest{err}
	case errors.Is(err, requests.ErrTaken), errors.Is(err, requests.ErrChanged):
		return fmt.Errorf("%w: %w", broker.ErrConflict, err)
	}
	return err
}
