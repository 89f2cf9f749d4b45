package policy

import (
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// View is what a principal may do an action with: everything, nothing, or what one of some
// selectors allows. It is immutable, and safe for concurrent use. It does not expire with
// the principal, and does not follow changes of the policy: streams ask for a new one from
// time to time.
type View struct {
	admin bool
	all   *rule       // allows everything
	some  []*selector // of the rules before all; each has requirements
	index index       // of some
}

var (
	nothing    = &View{}
	everything = &View{admin: true}
)

// Everything reports whether the view allows everything.
func (v *View) Everything() bool { return v.admin || v.all != nil }

// Nothing reports whether the view allows nothing, whatever its tags are.
func (v *View) Nothing() bool { return !v.Everything() && len(v.some) == 0 }

// Allows reports whether the view allows something with some tags.
func (v *View) Allows(tags *Tags) bool { return v.Everything() || v.index.first(tags) != nil }

// Decide says whether the view allows something with some tags, and which rule does.
func (v *View) Decide(tags *Tags) Decision {
	if v.admin {
		return Decision{Allowed: true, Name: LocalAdmin}
	}
	if s := v.index.first(tags); s != nil {
		return s.rule.decision()
	}
	if v.all != nil {
		return v.all.decision()
	}
	return Decision{}
}

// AllowsRow is Allows for a row of metrics. parent is the row of the container to which it
// belongs, nil if there is none.
func (v *View) AllowsRow(agent string, row, parent *frame.Row) bool {
	if v.Everything() {
		return true
	}
	tags := RowTags(agent, row, parent)
	return v.index.first(&tags) != nil
}

// AllowsOrigin is AllowsRow for the row that says whose something is: that of a container,
// or of a sender without one; a row without labels is a machine's own.
func (v *View) AllowsOrigin(agent string, origin *frame.Row) bool {
	return v.AllowsRow(agent, origin, nil)
}

// LogScope returns the view as queries of log entries take it, nil if it allows
// everything.
func (v *View) LogScope() *query.LogScope {
	if v.Everything() {
		return nil
	}
	scope := &query.LogScope{Selectors: make([][]query.LogCondition, len(v.some))}
	for i, s := range v.some {
		scope.Selectors[i] = s.conditions()
	}
	return scope
}

// size is about how many words of memory a view takes.
func (v *View) size() int {
	n := 16 + 4*v.index.size()
	for _, s := range v.some {
		for i := range s.all {
			n += 16 + 24*len(s.all[i].texts)
		}
	}
	return n
}
