package policy

import (
	"cmp"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/glob"
)

// permission is what a rule or an entry of a role says it allows.
type permission struct {
	resources []idAt
	actions   []actionAt
	where     []condition
}

// idAt is a resource id, and where it stands.
type idAt struct {
	resource   Resource
	key, value string // what the id narrows the resource to; key is "" for nothing
	line       int
}

type actionAt struct {
	action Action
	line   int
}

// fields read the keys of a permission.
func (m *permission) fields(p *parser) []field {
	return []field{
		{"resources", func(_, v *yaml.Node) {
			p.texts(v, "resources", func(text *yaml.Node) {
				r, key, value, err := ParseResource(text.Value)
				if err != nil {
					p.add(text.Line, "%v", err)
				}
				m.resources = append(m.resources, idAt{r, key, value, text.Line})
			})
		}},
		{"actions", func(_, v *yaml.Node) {
			p.texts(v, "actions", func(text *yaml.Node) {
				a, err := ParseAction(text.Value)
				if err != nil {
					p.add(text.Line, "%v", err)
				}
				m.actions = append(m.actions, actionAt{a, text.Line})
			})
		}},
		{"where", func(_, v *yaml.Node) { m.where = p.conditions(v) }},
	}
}

// conditions reads a where.
func (p *parser) conditions(n *yaml.Node) (where []condition) {
	p.pairs(n, "where", func(k, v *yaml.Node) {
		c := condition{name: k.Value}
		var err error
		if c.key, err = parseKey(k.Value); err != nil {
			p.add(k.Line, "where: %v", err)
		}
		for i := range where {
			if where[i].key == c.key && err == nil {
				p.add(k.Line, "where: %s and %s are the same", where[i].name, k.Value)
			}
		}
		p.texts(v, "the patterns of "+k.Value, func(text *yaml.Node) {
			t, err := parseTemplate(text.Value)
			if err != nil {
				p.add(text.Line, "where: %s: %v", k.Value, err)
			}
			c.texts = append(c.texts, t)
		})
		where = append(where, c)
	})
	if n.Kind == yaml.MappingNode && len(n.Content) == 0 {
		p.add(n.Line, "where is empty: leave it out to allow everything")
	}
	return where
}

// takes returns an error unless a where can narrow the resource.
func (i *ResourceInfo) takes(where []condition) error {
	for _, c := range where {
		switch {
		case !i.Tagged:
			return fmt.Errorf("%s is not of an agent or a container: where cannot narrow it", i.ID)
		case (c.key.label == userKey || c.key.label == commandKey) && !i.Command:
			return fmt.Errorf("%s has no %s: where cannot narrow it by that", i.ID, c.key.label)
		case c.key.label == pathKey && !i.Path:
			return fmt.Errorf("%s has no path: where cannot narrow it by that", i.ID)
		}
	}
	return nil
}

// grants returns what a permission allows, one grant a resource.
func (m *permission) grants(p *parser, n *yaml.Node) (all []grant) {
	before := len(p.list)
	if len(m.resources) == 0 || len(m.actions) == 0 {
		p.add(n.Line, "write resources and actions")
		return nil
	}
	ids := slices.Clone(m.resources)
	slices.SortStableFunc(ids, func(a, b idAt) int { return cmp.Compare(a.resource, b.resource) })
	used := make([]bool, len(m.actions))
	for len(ids) > 0 {
		n := 1
		for n < len(ids) && ids[n].resource == ids[0].resource {
			n++
		}
		g := grant{resource: ids[0].resource, actions: m.actionsOn(p, ids[0], used)}
		g.where = append(narrow(p, ids[:n]), m.where...)
		if err := table[g.resource].takes(m.where); err != nil {
			p.add(ids[0].line, "%v", err)
		}
		all, ids = append(all, g), ids[n:]
	}
	for i, a := range m.actions {
		if !used[i] && len(p.list) == before {
			p.add(a.line, "none of the resources has the action %s", a.action)
		}
	}
	return all
}

// actionsOn returns the actions of a permission that a resource has.
func (m *permission) actionsOn(p *parser, id idAt, used []bool) (s actions) {
	info := &table[id.resource]
	for i, a := range m.actions {
		switch {
		case a.action == Full:
			s |= info.all()
			used[i] = true
		case id.resource == Superuser:
			p.add(a.line, "%s has one action: full", info.ID)
			used[i] = true
		case info.has(a.action):
			s |= set(a.action)
			used[i] = true
		}
	}
	if s == 0 {
		p.add(id.line, "%s has none of these actions: it has %s, full", info.ID, info.all().words())
	}
	return s
}

// narrow returns what the ids of one resource narrow it to. Several applications add up,
// and so do several users; of both kinds, one of each must hold, as in DC/OS.
func narrow(p *parser, ids []idAt) (where []condition) {
	info := &table[ids[0].resource]
	var whole, byUser *idAt
	var apps, users []template
	for i := range ids {
		switch id := &ids[i]; {
		case id.key == "application":
			apps = append(apps, applicationPatterns(id.value)...)
		case id.key == userKey:
			byUser = id
			if id.value != "" {
				users = append(users, template{parts: []string{glob.Quote(id.value)}})
			}
		case whole != nil:
			p.add(id.line, "%s appears twice in this rule", info.ID)
		default:
			whole = id
		}
	}
	switch {
	case whole != nil && apps != nil:
		p.add(whole.line, "%s appears as a whole and narrowed to applications in this rule: write one", info.ID)
	case whole == nil && apps == nil:
		p.add(byUser.line, "%s:user alone would mean all containers: name %s:app_id:/group/app in the same rule, too",
			info.ID, info.ID)
	}
	if apps != nil {
		k, _ := parseKey("application")
		where = append(where, condition{"application", k, apps})
	}
	if users != nil {
		k, _ := parseKey(userKey)
		where = append(where, condition{userKey, k, users})
	}
	return where
}
