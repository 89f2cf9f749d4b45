package policy

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/auth"
)

// Explanation says why a principal may do something, or not.
type Explanation struct {
	Decision
	User     string       `json:"user"`
	Groups   []string     `json:"groups"` // those of the proof and those of the file
	Action   string       `json:"action"`
	Resource string       `json:"resource"`
	Policy   string       `json:"policy,omitempty"` // the file
	Rules    []Considered `json:"rules"`            // all that are for the principal, in the order of the file
	Others   int          `json:"others"`           // rules that are for others
	Reason   string       `json:"reason"`
}

// Considered is what one rule says.
type Considered struct {
	Rule    int    `json:"rule"`
	Name    string `json:"name,omitempty"`
	Line    int    `json:"line"`
	Allows  bool   `json:"allows"`
	Decides bool   `json:"decides"`
	Reason  string `json:"reason"`
}

// Explain decides as Decide does, and says why.
func (p *Policy) Explain(who *auth.Principal, a Action, r Resource, tags *Tags) Explanation {
	e := Explanation{
		Decision: p.Decide(who, a, r, tags), User: who.Name(), Groups: []string{}, Action: a.String(), Resource: r.String(),
		Policy: p.name, Rules: []Considered{},
	}
	if r >= numResources {
		e.Reason = "there is no such resource"
		return e
	}
	c := p.compile(who)
	e.Groups, e.Others = append(e.Groups, c.groups...), len(p.rules)-len(c.rules)
	for _, rule := range c.rules {
		allows, reason := rule.explain(c, a, r, tags)
		e.Rules = append(e.Rules, Considered{Rule: rule.Number, Name: rule.Name, Line: rule.Line,
			Allows: allows, Decides: e.Allowed && rule.Number == e.Rule, Reason: reason})
	}
	switch {
	case who == nil:
		e.Reason = "nobody is signed in"
	case who.Expired(time.Now()):
		e.Reason = "the proof of who it is has expired"
	case a != Full && !table[r].has(a):
		e.Reason = fmt.Sprintf("%s has no action %s: it has %s", r, a, table[r].all().words())
	case who.Admin():
		e.Reason = "the local admin may do everything"
	case e.Allowed:
		e.Reason = fmt.Sprintf("rule %d allows it%s", e.Rule, e.Approval.with())
	case len(c.rules) == 0:
		e.Reason = "no rule is for this user"
	default:
		e.Reason = "no rule that is for this user allows it"
	}
	return e
}

// explain reports whether a rule alone allows something, and why.
func (r *rule) explain(c *compiled, a Action, res Resource, tags *Tags) (allows bool, reason string) {
	want := set(a)
	if a == Full {
		want = table[res].all()
	}
	var have actions
	var unmet []string
	named := false
	for i := range r.grants {
		g := &r.grants[i]
		if g.resource != res && g.resource != Superuser {
			continue
		}
		named = true
		if g.actions&want == 0 {
			continue
		}
		if why := g.selector(r, c.who, c.groups).unmet(tags); why != "" {
			if !slices.Contains(unmet, why) {
				unmet = append(unmet, why)
			}
			continue
		}
		have |= g.actions & want
	}
	switch {
	case have == want:
		return true, "it allows it" + r.approval.with()
	case !named:
		return false, "it does not name the resource"
	case len(unmet) > 0:
		return false, strings.Join(unmet, "; or ")
	}
	return false, "it does not allow " + (want &^ have).words()
}

// unmet says which requirement some tags do not meet, "" if they meet all.
func (s *selector) unmet(t *Tags) string {
	for i := range s.all {
		r := &s.all[i]
		if r.met(t) {
			continue
		}
		is := "there is none"
		if v := t.value(&r.key); v != "" {
			is = "it is " + v
		}
		if len(r.texts) == 0 {
			return fmt.Sprintf("%s would have to match a group's name, and the user is in no group", r.name)
		}
		return fmt.Sprintf("%s must match %s, and %s", r.name, strings.Join(r.texts, " or "), is)
	}
	return ""
}
