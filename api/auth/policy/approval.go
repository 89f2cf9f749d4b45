package policy

import (
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/auth"
)

// Approval is that of another principal: a rule that has one allows only what that principal
// has approved. It is immutable.
type Approval struct {
	By     []string      `json:"by"` // user:NAME and group:NAME, of which one has to be the other principal
	Within time.Duration `json:"-"`  // how long a request waits for it
}

// Limits of how long a request waits.
const (
	defaultWithin = 10 * time.Minute
	minWithin     = 10 * time.Second
	MaxWithin     = time.Hour
)

// readApproval reads an approval: subjects, or a mapping with subjects and within.
func (p *parser) readApproval(n *yaml.Node) *Approval {
	a := &Approval{Within: defaultWithin}
	subjects := func(v *yaml.Node) {
		p.texts(v, "who may approve", func(text *yaml.Node) {
			p.subject(text)
			a.By = append(a.By, text.Value)
		})
	}
	if n.Kind != yaml.MappingNode {
		subjects(n)
		return a
	}
	p.mapping(n, "an approval",
		field{"subjects", func(_, v *yaml.Node) { subjects(v) }},
		field{"within", func(_, v *yaml.Node) {
			d, err := time.ParseDuration(v.Value)
			if err != nil || d < minWithin || d > MaxWithin {
				p.add(v.Line, "within: write how long a request waits, from 10s to 1h, as in 10m")
			}
			a.Within = d
		}})
	if len(a.By) == 0 {
		p.add(n.Line, "the approval has no subjects: write 'approval: group:NAME'")
	}
	return a
}

// checkApproval adds a mistake for a permission that cannot wait for an approval.
func (p *parser) checkApproval(grants []grant, rule *yaml.Node) {
	for _, g := range grants {
		if !table[g.resource].Opens {
			p.add(rule.Line, "%s cannot wait for an approval: only what opens a session can", table[g.resource].ID)
		}
	}
}

// with ends the sentence that something is allowed.
func (a *Approval) with() string {
	if a == nil {
		return ""
	}
	return " with the approval of " + strings.Join(a.By, " or ")
}

// Is reports whether a principal is one of some subjects, as rules name them, by the groups of
// the policy, too.
func (p *Policy) Is(who *auth.Principal, subjects []string) bool {
	if who.Expired(time.Now()) {
		return false
	}
	groups := p.groupsOf(who.Name(), who.Groups())
	for _, text := range subjects {
		var m parser
		if s := m.subject(&yaml.Node{Value: text}); len(m.list) == 0 && s.is(who.Name(), groups) {
			return true
		}
	}
	return false
}
