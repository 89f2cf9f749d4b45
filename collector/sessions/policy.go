package sessions

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/grant"
)

// The node's own policy narrows what relays allow: it is asked beside the grant, never instead
// of it. It decides about what this node knows of a container, and about whom a grant names:
// the admin of a relay is a user like all others here.

// principal returns whom a grant is for.
func principal(g *grant.Grant) (*auth.Principal, error) {
	return auth.NewPrincipal(g.Principal, g.Groups, auth.MethodGrant, time.Time{})
}

// tagsOfGrant returns what the node's policy sees of a session that a grant opens.
func (m *Manager) tagsOfGrant(g *grant.Grant) policy.Tags {
	tags := policy.Tags{Agent: m.o.Agent}
	if g.Container.ID != "" && m.o.Labels != nil {
		tags.Labels = m.o.Labels(g.Container.ID)
	}
	if g.Command != nil {
		tags.User, tags.Command, tags.Path = g.Command.User, access.Text(g.Command), g.Command.Path()
	}
	return tags
}

// tagsOf returns what the node's policy sees of a session.
func (m *Manager) tagsOf(l *live) policy.Tags {
	return policy.Tags{Agent: m.o.Agent, Labels: l.rec.Labels, User: l.rec.Command.User,
		Command: access.Text(&l.rec.Command), Path: l.rec.Command.Path()}
}

// allowed returns an error unless the node's own policy allows all of some rights to whom a
// grant is for, and which of its rules decided.
func (m *Manager) allowed(g *grant.Grant, rights []session.Right, tags *policy.Tags) (rules []policy.Decision,
	err error) {
	if m.o.Policy == nil {
		return nil, nil
	}
	if err := m.errBrokenPolicy(); err != nil {
		return nil, err
	}
	who, err := principal(g)
	if err != nil {
		return nil, err
	}
	p := m.o.Policy.Policy()
	for _, right := range rights {
		if right == session.Record { // a relay's alone, for a session that was allowed
			continue
		}
		d := access.Decide(p, who, right, tags)
		if !d.Allowed {
			return nil, m.denial(p, who, right, tags)
		}
		rules = append(rules, d)
	}
	return rules, nil
}

// maxReasons bounds how many rules a denial explains.
const maxReasons = 3

// denial says that the node's policy does not allow a right, and what its rules say.
func (m *Manager) denial(p *policy.Policy, who *auth.Principal, right session.Right, tags *policy.Tags) error {
	n := access.Of(right)
	e := p.Explain(who, n.Action, n.Resource, tags)
	var why []string
	for _, r := range e.Rules {
		if len(why) < maxReasons {
			why = append(why, fmt.Sprintf("%s: %.200s", ruleText(r.Rule, r.Name), r.Reason))
		}
	}
	if len(why) == 0 {
		why = []string{e.Reason}
	}
	return fmt.Errorf("the node %s has a policy of its own (--session-policy), which does not let %s %s %s here: %s",
		m.o.Agent, who.Name(), n.Action, n.Resource, strings.Join(why, "; "))
}

// approved returns an error unless what a grant opens has every approval that the node's own
// rules demand. Who has approved it is in the grant, which the relay that was asked has signed.
func (m *Manager) approved(g *grant.Grant, rules []policy.Decision) error {
	for _, d := range rules {
		if d.Approval == nil {
			continue
		}
		text := fmt.Sprintf("the node %s has a policy of its own (--session-policy), by whose %s this needs the approval "+
			"of %s", m.o.Agent, ruleText(d.Rule, d.Name), strings.Join(d.Approval.By, " or "))
		a := g.Approver()
		if a == nil {
			return errors.New(text + ", for which the relay has not asked: its policy needs such a rule, too")
		}
		who, err := auth.NewPrincipal(a.Principal, a.Groups, auth.MethodGrant, time.Time{})
		if err != nil {
			return err
		}
		if !m.o.Policy.Policy().Is(who, d.Approval.By) {
			return fmt.Errorf("%s, and %s has approved it", text, a.Principal)
		}
	}
	return nil
}

// ruleText names a rule.
func ruleText(number int, name string) string {
	return strings.TrimSpace(fmt.Sprintf("rule %d %s", number, name))
}

// noteRules adds the node's rules, and who has approved it, to the rule of the relay, for the audit
// log.
func noteRules(g *grant.Grant, rules []policy.Decision) {
	var seen []string
	for _, d := range rules {
		if text := ruleText(d.Rule, d.Name); len(seen) == 0 || seen[len(seen)-1] != text {
			seen = append(seen, text)
		}
	}
	if a := g.Approver(); a != nil {
		g.Rule = strings.TrimPrefix(g.Rule+"; approved by "+a.Principal, "; ")
	}
	if len(seen) > 0 {
		g.Rule = strings.TrimPrefix(g.Rule+"; this node's "+strings.Join(seen, ", "), "; ")
	}
}

// mayConnect returns an error unless the node's own policy allows a connection to a session.
// Who has opened it needs what it was opened with.
func (m *Manager) mayConnect(g *grant.Grant, l *live) error {
	rights := g.Rights
	if own(g, l) {
		rights = l.rec.Rights
	}
	tags := m.tagsOf(l)
	_, err := m.allowed(g, rights, &tags)
	return err
}

// mayKill returns an error unless the node's own policy allows to end a session. One that is
// not broken lets everybody end their own.
func (m *Manager) mayKill(g *grant.Grant, l *live) error {
	rights := []session.Right{session.Kill}
	if own(g, l) {
		rights = nil
	}
	tags := m.tagsOf(l)
	_, err := m.allowed(g, rights, &tags)
	return err
}

// maySee reports whether the node's own policy lets a session be listed: an own one, or one to
// which it allows one of the grant's rights.
func (m *Manager) maySee(g *grant.Grant, l *live) bool {
	if own(g, l) {
		return true
	}
	tags := m.tagsOf(l)
	for _, right := range g.Rights {
		if _, err := m.allowed(g, []session.Right{right}, &tags); err == nil {
			return true
		}
	}
	return false
}

// own reports whether a session was opened by whom a grant is for.
func own(g *grant.Grant, l *live) bool { return g.Principal == l.rec.Principal }

// errBrokenPolicy returns why the node's policy cannot be used, nil if it can.
func (m *Manager) errBrokenPolicy() error {
	if m.o.Policy == nil {
		return nil
	}
	if why := m.o.Policy.Refused(); why != "" {
		return fmt.Errorf("this node allows nothing, as its own policy (--session-policy) is broken: %.300s", why)
	}
	return nil
}
