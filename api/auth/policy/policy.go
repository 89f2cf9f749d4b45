package policy

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/daytwo/daytwo/api/auth"
)

// Policy is the content of a policy file. It is immutable, and safe for concurrent use;
// what it keeps for principals is bounded.
type Policy struct {
	name   string // of the file
	groups []*localGroup
	rules  []*rule
	roles  int // of the file
	cache  cache
}

func newPolicy(name string, groups map[string]*localGroup, rules []*rule, roles int) *Policy {
	p := &Policy{name: name, rules: rules, roles: roles}
	p.groups = slices.SortedFunc(maps.Values(groups), func(a, b *localGroup) int { return cmp.Compare(a.name, b.name) })
	return p
}

// AdminOnly returns the policy of a relay without a policy file: the local admin may do
// everything, and nobody else may do anything.
func AdminOnly() *Policy { return newPolicy("", nil, nil, 0) }

// Summary returns how many rules, groups and roles the file has.
func (p *Policy) Summary() (rules, groups, roles int) { return len(p.rules), len(p.groups), p.roles }

// Decision says whether a principal may do something, and which rule decided.
type Decision struct {
	Allowed bool   `json:"allowed"`
	Rule    int    `json:"rule,omitempty"` // number in the file from 1; 0: no rule
	Name    string `json:"name,omitempty"` // of the rule, "" if it has none
	Line    int    `json:"line,omitempty"` // of the file, where the rule begins

	// Approval is what else is needed: that of another principal; nil if nothing is.
	Approval *Approval `json:"approval,omitempty"`
	// Record says whether a session is recorded.
	Record Record `json:"record,omitempty"`
}

// LocalAdmin is the name of the decision about the local admin, which no rule makes.
const LocalAdmin = "local admin"

func (r *rule) decision() Decision {
	return Decision{Allowed: true, Rule: r.Number, Name: r.Name, Line: r.Line, Approval: r.approval,
		Record: r.record}
}

// Decide says whether a principal may do something with a resource that has some tags, at
// this moment. The first rule of the file that allows it decides, also whether somebody else
// has to approve. Full is allowed if all actions of the resource are. A principal whose proof
// has expired may do nothing.
func (p *Policy) Decide(who *auth.Principal, a Action, r Resource, tags *Tags) Decision {
	if a != Full {
		return p.View(who, a, r).Decide(tags)
	}
	var d Decision
	if r < numResources {
		for _, each := range table[r].Actions {
			if d = p.View(who, each, r).Decide(tags); !d.Allowed {
				return d
			}
		}
	}
	return d
}

// View returns what a principal may do an action with, at this moment. It is kept for the
// principal, so that asking again costs little. a must not be Full.
func (p *Policy) View(who *auth.Principal, a Action, r Resource) *View {
	switch {
	case r >= numResources || a >= numActions || !table[r].has(a), who.Expired(time.Now()):
		return nothing
	case who.Admin():
		return everything
	}
	c := p.cache.get(who, p.compile)
	v := c.views[r][a].Load()
	if v == nil {
		v = p.view(c, a, r)
		if !c.views[r][a].CompareAndSwap(nil, v) {
			return c.views[r][a].Load()
		}
		p.cache.grew(v.size())
	}
	return v
}
