package policy

import (
	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/glob"
)

// rule is a rule of the file. It is immutable.
type rule struct {
	Number   int    // in the file, from 1
	Name     string // "" if it has none
	Line     int
	record   Record
	subjects []subject
	grants   []grant
	approval *Approval // nil if it needs none
}

// grant is a permission: actions on a resource, narrowed by conditions, all of which must
// hold. A rule with a role has those of the role.
type grant struct {
	resource Resource
	actions  actions
	where    []condition
}

// subject is whom a rule is for, or a member of a group.
type subject struct {
	group bool // it is a pattern of groups, not of users
	name  glob.Pattern
}

// is reports whether a subject is meant: a user of a name with some groups.
func (s *subject) is(name string, groups []string) bool {
	if !s.group {
		return s.name.Match(name)
	}
	for _, g := range groups {
		if s.name.Match(g) {
			return true
		}
	}
	return false
}

func (r *rule) isFor(name string, groups []string) bool {
	for i := range r.subjects {
		if r.subjects[i].is(name, groups) {
			return true
		}
	}
	return false
}

// covers reports whether a grant is about an action on a resource.
func (g *grant) covers(a Action, r Resource) bool {
	return (g.resource == r || g.resource == Superuser) && g.actions.has(a)
}

// selector compiles a grant for a principal.
func (g *grant) selector(r *rule, p *auth.Principal, groups []string) *selector {
	s := &selector{rule: r}
	for i := range g.where {
		c := &g.where[i]
		s.all = append(s.all, newRequirement(c, c.expand(p, groups)))
	}
	return s
}
