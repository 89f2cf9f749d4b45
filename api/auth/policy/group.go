package policy

import (
	"maps"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/glob"
)

// localGroup is a group of the file. Its members are users, and members of other groups:
// those of the file, and those that a principal's proof names.
type localGroup struct {
	name    string
	line    int
	members []subject
}

func (p *parser) readGroups(n *yaml.Node) {
	p.pairs(n, "groups", func(k, v *yaml.Node) {
		g := &localGroup{name: p.name(k, "group"), line: k.Line}
		p.texts(v, "members", func(text *yaml.Node) { g.members = append(g.members, p.subject(text)) })
		p.groups[g.name] = g
	})
	p.checkCycles()
}

// subject reads user:NAME or group:NAME, where NAME is a pattern.
func (p *parser) subject(n *yaml.Node) subject {
	kind, name, ok := strings.Cut(n.Value, ":")
	if !ok || kind != "user" && kind != "group" || name == "" {
		p.add(n.Line, "%q is neither user:NAME nor group:NAME", n.Value)
	}
	if strings.Contains(name, "${") {
		p.add(n.Line, "%q: variables are for the patterns of where", n.Value)
	}
	return subject{group: kind == "group", name: glob.Compile(name)}
}

// checkCycles adds a mistake for groups that are members of themselves, by way of others
// or not.
func (p *parser) checkCycles() {
	const visiting, done = 1, 2
	state := map[string]int{}
	var path []string
	var visit func(g *localGroup) (cycle []string)
	visit = func(g *localGroup) (cycle []string) {
		if state[g.name] == done {
			return nil
		}
		path = append(path, g.name)
		defer func() { path = path[:len(path)-1] }()
		if state[g.name] == visiting {
			return slices.Clone(path[slices.Index(path, g.name):])
		}
		state[g.name] = visiting
		defer func() { state[g.name] = done }()
		for _, name := range slices.Sorted(maps.Keys(p.groups)) {
			in := func(s subject) bool { return s.group && s.name.Match(name) }
			if !slices.ContainsFunc(g.members, in) {
				continue
			}
			if cycle = visit(p.groups[name]); cycle != nil {
				return cycle
			}
		}
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(p.groups)) {
		if cycle := visit(p.groups[name]); cycle != nil {
			p.add(p.groups[cycle[0]].line, "the group %s is a member of itself: %s", cycle[0], strings.Join(cycle, " has "))
			return
		}
	}
}

// groupsOf returns all groups of a user: those that the user's proof names, and those of
// the file; sorted.
func (p *Policy) groupsOf(name string, proved []string) []string {
	groups := slices.Clone(proved)
	for added := true; added; {
		added = false
		for _, g := range p.groups {
			if slices.Contains(groups, g.name) {
				continue
			}
			is := func(s subject) bool { return s.is(name, groups) }
			if slices.ContainsFunc(g.members, is) {
				groups, added = append(groups, g.name), true
			}
		}
	}
	slices.Sort(groups)
	return groups
}
