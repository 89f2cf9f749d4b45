package policy

import (
	"bytes"
	_ "embed"
	"errors"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode"

	"go.yaml.in/yaml/v3"
)

// Limits of a policy.
const (
	MaxBytes = 1 << 20
	maxRules = 10_000
	maxLabel = 256 // bytes of a name of a rule, a role or a group
)

//go:embed roles.yaml
var rolesYAML []byte

// RolesYAML returns the roles that every policy has, as a policy file would have them.
func RolesYAML() string { return string(rolesYAML) }

// builtIn are the roles of RolesYAML.
var builtIn = sync.OnceValue(func() map[string][]grant {
	p := parser{mistakes: mistakes{file: "roles.yaml"}, roles: map[string][]grant{}}
	if doc := p.document(rolesYAML); doc != nil {
		p.readRoles(doc)
	}
	if err := p.err(); err != nil {
		panic(err) // a test parses them
	}
	return p.roles
})

// parser reads a policy file.
type parser struct {
	mistakes
	groups map[string]*localGroup
	roles  map[string][]grant
	rules  []*rule
}

// Parse reads a policy. name is that of the file, for errors, which are of type Errors and
// name all mistakes.
func Parse(b []byte, name string) (*Policy, error) {
	p := parser{mistakes: mistakes{file: name}, groups: map[string]*localGroup{}, roles: maps.Clone(builtIn())}
	p.read(b)
	if err := p.err(); err != nil {
		return nil, err
	}
	return newPolicy(name, p.groups, p.rules, len(p.roles)-len(builtIn())), nil
}

func (p *parser) read(b []byte) {
	doc := p.document(b)
	if doc == nil {
		return
	}
	var groups, roles, rules *yaml.Node
	keep := func(into **yaml.Node) func(_, v *yaml.Node) { return func(_, v *yaml.Node) { *into = v } }
	p.mapping(doc, "a policy", field{"groups", keep(&groups)}, field{"roles", keep(&roles)}, field{"rules", keep(&rules)})
	if groups != nil {
		p.readGroups(groups)
	}
	if roles != nil {
		p.readRoles(roles)
	}
	switch {
	case rules != nil:
		p.readRules(rules)
	case len(p.list) == 0:
		p.add(doc.Line, "there are no rules: write 'rules: []' if nobody but the local admin may do anything")
	}
}

// document returns the only document of a text, nil after a mistake.
func (p *parser) document(b []byte) *yaml.Node {
	if len(b) > MaxBytes {
		p.add(1, "the file is larger than %d bytes", MaxBytes)
		return nil
	}
	var doc, next yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(b))
	err := dec.Decode(&doc)
	switch {
	case errors.Is(err, io.EOF) || err == nil && (len(doc.Content) == 0 || missing(doc.Content[0])):
		p.add(1, "the file is empty: write rules, or 'rules: []' if nobody but the local admin may do anything")
		return nil
	case err != nil:
		p.syntax(err)
		return nil
	}
	if err := dec.Decode(&next); err == nil {
		p.add(next.Line, "a second document begins here: write one")
		return nil
	} else if !errors.Is(err, io.EOF) {
		p.syntax(err)
		return nil
	}
	if !p.plain(&doc) {
		return nil
	}
	return doc.Content[0]
}

func (p *parser) readRoles(n *yaml.Node) {
	p.pairs(n, "roles", func(k, v *yaml.Node) {
		name := p.name(k, "role")
		if _, ok := p.roles[name]; ok {
			p.add(k.Line, "the role %q is built in: give another name", name)
			return
		}
		var grants []grant
		p.items(v, "permissions, each with resources and actions", func(item *yaml.Node) {
			var perm permission
			p.mapping(item, "a permission", perm.fields(p)...)
			grants = append(grants, perm.grants(p, item)...)
		})
		if v.Kind == yaml.SequenceNode && len(v.Content) == 0 {
			p.add(k.Line, "the role %q allows nothing", name)
		}
		p.roles[name] = grants
	})
}

func (p *parser) readRules(n *yaml.Node) {
	names := map[string]bool{}
	p.items(n, "rules", func(item *yaml.Node) {
		r := &rule{Number: len(p.rules) + 1, Line: item.Line}
		p.rules = append(p.rules, r)
		if len(p.rules) == maxRules+1 {
			p.add(item.Line, "there are more than %d rules", maxRules)
		}
		if len(p.rules) > maxRules {
			return
		}
		var roles []*yaml.Node
		var perm permission
		fields := []field{
			{"name", func(_, v *yaml.Node) { r.Name = p.name(v, "rule") }},
			{"subjects", func(_, v *yaml.Node) {
				p.texts(v, "subjects", func(text *yaml.Node) { r.subjects = append(r.subjects, p.subject(text)) })
			}},
			{"role", func(_, v *yaml.Node) { p.texts(v, "role", func(text *yaml.Node) { roles = append(roles, text) }) }},
			{"approval", func(_, v *yaml.Node) { r.approval = p.readApproval(v) }},
			{"record", func(_, v *yaml.Node) { r.record = p.record(v) }},
		}
		before := len(p.list)
		p.mapping(item, "a rule", append(fields, perm.fields(p)...)...)
		if names[r.Name] {
			p.add(item.Line, "a rule before has the name %q, too", r.Name)
		}
		names[r.Name] = r.Name != ""
		switch {
		case len(p.list) > before:
		case len(r.subjects) == 0:
			p.add(item.Line, "the rule has no subjects: write 'subjects: [user:NAME, group:NAME]'")
		case (len(roles) > 0) == (perm.resources != nil || perm.actions != nil):
			p.add(item.Line, "write either role, or resources and actions, in each rule")
		case len(roles) > 0:
			r.grants = p.ofRoles(roles, perm.where, r.approval != nil, item)
		default:
			r.grants = perm.grants(p, item)
			if r.approval != nil {
				p.checkApproval(r.grants, item)
			}
		}
		if r.record != "" && len(p.list) == before && !slices.ContainsFunc(r.grants, grant.recordable) {
			p.add(item.Line, "record: the rule allows nobody to start a command in a container: leave it out")
		}
	})
}

// ofRoles returns the permissions of roles, narrowed by a rule's where. With an approval they
// are those that open sessions.
func (p *parser) ofRoles(names []*yaml.Node, where []condition, approval bool, rule *yaml.Node) (all []grant) {
	for _, n := range names {
		grants, ok := p.roles[n.Value]
		if !ok {
			p.add(n.Line, "there is no role %q: use %s", n.Value, strings.Join(slices.Sorted(maps.Keys(p.roles)), ", "))
			return nil
		}
		left := 0
		for _, g := range grants {
			if table[g.resource].takes(where) == nil && (!approval || table[g.resource].Opens) {
				g.where = append(slices.Clip(g.where), where...)
				all = append(all, g)
				left++
			}
		}
		switch {
		case left > 0 || len(grants) == 0:
		case approval:
			p.add(rule.Line, "nothing is left of role %q: none of its resources opens a session, which alone can wait for an "+
				"approval, and can be narrowed by this where", n.Value)
		default:
			p.add(rule.Line, "nothing is left of role %q: none of its resources can be narrowed by this where", n.Value)
		}
	}
	return all
}

// name reads a name of a rule, a role or a group.
func (p *parser) name(n *yaml.Node, of string) string {
	switch {
	case n.Kind != yaml.ScalarNode || n.Value == "" || strings.TrimSpace(n.Value) != n.Value:
		p.add(n.Line, "the name of a %s is text, without spaces around it", of)
	case len(n.Value) > maxLabel:
		p.add(n.Line, "the name of a %s has at most %d bytes", of, maxLabel)
	case strings.ContainsFunc(n.Value, func(r rune) bool { return !unicode.IsPrint(r) }):
		p.add(n.Line, "the name %q has characters that cannot be printed", n.Value)
	}
	return n.Value
}
