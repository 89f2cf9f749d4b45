package policy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/glob"
)

// twin decides by reading the text of a policy from the beginning, each time: it compiles
// and keeps nothing.
type twin struct{ doc, roles *yaml.Node }

func newTwin(text string) *twin {
	node := func(text string) *yaml.Node {
		var n yaml.Node
		if err := yaml.Unmarshal([]byte(text), &n); err != nil {
			panic(err)
		}
		return n.Content[0]
	}
	return &twin{node(text), node(RolesYAML())}
}

// at returns the value of a key, nil if there is none.
func at(n *yaml.Node, key string) *yaml.Node {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1]
		}
	}
	return nil
}

// words returns a text, or the texts of a list.
func words(n *yaml.Node) (all []string) {
	switch {
	case n == nil:
	case n.Kind == yaml.SequenceNode:
		for _, c := range n.Content {
			all = append(all, c.Value)
		}
	default:
		all = append(all, n.Value)
	}
	return all
}

func matches(pattern, s string) bool {
	p := glob.Compile(pattern)
	return p.Match(s)
}

func (w *twin) isOne(subjects []string, user string, groups []string) bool {
	for _, s := range subjects {
		if name, ok := strings.CutPrefix(s, "user:"); ok && matches(name, user) {
			return true
		}
		if name, ok := strings.CutPrefix(s, "group:"); ok {
			for _, g := range groups {
				if matches(name, g) {
					return true
				}
			}
		}
	}
	return false
}

func (w *twin) groups(user string, groups []string) []string {
	groups = slices.Clone(groups)
	local := at(w.doc, "groups")
	for range 100 { // groups in groups
		for i := 0; local != nil && i+1 < len(local.Content); i += 2 {
			name, members := local.Content[i].Value, words(local.Content[i+1])
			if !slices.Contains(groups, name) && w.isOne(members, user, groups) {
				groups = append(groups, name)
			}
		}
	}
	return groups
}

// decide returns the number of the first rule that allows something, 0 if none does.
func (w *twin) decide(user string, groups []string, action, resource string, tags map[string]string) int {
	groups = w.groups(user, groups)
	for i, rule := range at(w.doc, "rules").Content {
		if !w.isOne(words(at(rule, "subjects")), user, groups) {
			continue
		}
		if w.permits(rule, nil, user, groups, action, resource, tags) {
			return i + 1
		}
		for _, role := range words(at(rule, "role")) {
			perms := at(w.roles, role)
			if perms == nil {
				perms = at(at(w.doc, "roles"), role)
			}
			for _, perm := range perms.Content {
				if w.permits(perm, at(rule, "where"), user, groups, action, resource, tags) {
					return i + 1
				}
			}
		}
	}
	return 0
}

func (w *twin) permits(
	perm, also *yaml.Node, user string, groups []string, action, resource string, tags map[string]string,
) bool {
	if do := words(at(perm, "actions")); !slices.Contains(do, action) && !slices.Contains(do, "full") {
		return false
	}
	for _, id := range []string{"dcos:superuser", resource} {
		var apps, users []string
		named := false
		for _, r := range words(at(perm, "resources")) {
			if r != id && !strings.HasPrefix(r, id+":") {
				continue
			}
			named = true
			if app, ok := strings.CutPrefix(r, id+":app_id:"); ok {
				apps = append(apps, app)
			}
			if u, ok := strings.CutPrefix(r, id+":user:"); ok {
				users = append(users, u)
			}
		}
		r, _, _, _ := ParseResource(id)
		has := func(app string) bool { return within(app, tags["application_name"]) }
		if named && (apps == nil || slices.ContainsFunc(apps, has)) &&
			(users == nil || tags["user"] != "" && slices.Contains(users, tags["user"])) &&
			w.where(at(perm, "where"), r, user, groups, tags) && w.where(also, r, user, groups, tags) {
			return true
		}
	}
	return false
}

// within reports whether an application is that of a path, or below it.
func within(path, application string) bool {
	if application != "" && application[0] != '/' {
		application = "/" + application
	}
	return application != "" && (path == "/" || application == path || strings.HasPrefix(application, path+"/"))
}

func (w *twin) where(n *yaml.Node, r Resource, user string, groups []string, tags map[string]string) bool {
	for i := 0; n != nil && i+1 < len(n.Content); i += 2 {
		key := n.Content[i].Value
		if !table[r].Tagged || key == "user" && !table[r].Command {
			return false
		}
		switch key {
		case "agent", "container", "executor":
			key += "_id"
		case "application", "framework", "task":
			key += "_name"
		}
		ok := false
		for _, text := range words(n.Content[i+1]) {
			of := []string{""}
			if strings.Contains(text, "${group}") {
				of = groups
			}
			for _, g := range of {
				filled := strings.NewReplacer("${user}", glob.Quote(user), "${group}", glob.Quote(g)).Replace(text)
				ok = ok || tags[key] != "" && matches(filled, tags[key])
			}
		}
		if !ok {
			return false
		}
	}
	return true
}

// question is one that is asked of both.
type question struct {
	user   string
	groups []string
	action Action
	of     Resource
	tags   map[string]string
}

// compare asks a policy and its twin.
func compare(t *testing.T, p *Policy, w *twin, q question) {
	t.Helper()
	want := 0
	if table[q.of].has(q.action) {
		want = w.decide(q.user, q.groups, q.action.String(), q.of.String(), q.tags)
	}
	who := user(t, q.user, q.groups...)
	var pairs []string
	for k, v := range q.tags {
		pairs = append(pairs, k, v)
	}
	tags := tagged(t, pairs...)
	d := p.Decide(who, q.action, q.of, tags)
	if d.Rule != want || d.Allowed != (want > 0) {
		t.Errorf("%+v: %+v, the twin says %d", q, d, want)
	}
	e := p.Explain(who, q.action, q.of, tags)
	decides, allows := 0, 0
	for _, r := range e.Rules {
		if r.Decides {
			decides = r.Rule
		}
		if r.Allows && allows == 0 && table[q.of].has(q.action) {
			allows = r.Rule
		}
	}
	if e.Decision != d || decides != want || allows != want {
		t.Errorf("%+v: the explanation %+v differs from %+v", q, e, d)
	}
	v := p.View(who, q.action, q.of)
	if v.Allows(tags) != d.Allowed || v.Everything() && !d.Allowed || v.Nothing() && d.Allowed {
		t.Errorf("%+v: the view differs from %+v", q, d)
	}
	if table[q.of].Command {
		return // log entries have no user
	}
	var o entry.Origin
	for k, v := range q.tags {
		o.SetTag(k, v)
	}
	if got := v.LogScope().Filter()(&o, tags.Labels); got != d.Allowed {
		t.Errorf("%+v: the scope of logs differs from %+v", q, d)
	}
	if got := v.Decide(&Tags{Labels: tags.Labels, Origin: &o, User: tags.User}); got != d {
		t.Errorf("%+v: of a log entry %+v, else %+v", q, got, d)
	}
}

// ask asks questions that have many different answers.
func ask(t *testing.T, r *rand.Rand, p *Policy, w *twin, n int) {
	t.Helper()
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	for range n {
		q := question{user: pick("ann", "bob", "shop", "*", "a b"), action: Action(r.IntN(int(numActions))),
			of: Resource(r.IntN(int(numResources))), tags: map[string]string{}}
		for range r.IntN(3) {
			q.groups = append(q.groups, pick("dev", "ops", "shop", "x*", "g1"))
		}
		for _, k := range []string{
			"application_name", "agent_id", "framework_name", "label.team", "image", "user", "task_name",
		} {
			if r.IntN(2) == 0 {
				q.tags[k] = pick("/shop", "/shop/web", "shop", "/shopping", "n1", "n12", "ann", "/ann/x", "dev", "root", "/", "*")
			}
		}
		compare(t, p, w, q)
	}
}

// random returns the text of a valid policy.
func random(r *rand.Rand) string {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	subject := func() string {
		return pick("user:ann", "user:bob", "'user:*'", "'user:[a-b]*'", "group:dev", "group:local0", "group:local1",
			"'group:*'", "group:shop")
	}
	where := func() string {
		text := "where: {"
		for i, k := range []string{"agent", "application", "framework", "label.team", "image", "task"} {
			if r.IntN(4) == 0 || i == 5 && strings.HasSuffix(text, "{") {
				text += fmt.Sprintf("%s: ['%s', '%s'], ", k, pick("n1", "n*", "/shop*", "/shop", "/shop/*", "*", "?1*"),
					pick("${user}", "/${user}/*", "${group}", "/${group}", "root", "*op*"))
			}
		}
		return text + "}"
	}
	perm := func() string {
		switch r.IntN(6) {
		case 0:
			return "resources: dcos:superuser, actions: full"
		case 1:
			return "resources: [daytwo:sinks, daytwo:users], actions: [read, " + pick("update", "full") + "]"
		case 2:
			return fmt.Sprintf("resources: ['dcos:mesos:agent:nested_container_session:app_id:%s', %s], actions: %s, %s",
				pick("/shop", "/", "/ann"), pick("'dcos:mesos:agent:nested_container_session:user:root'", "daytwo:sessions"),
				pick("full", "[create, full]"),
				pick("where: {user: [r*, ann]}", where()))
		}
		return "resources: [" + pick("dcos:adminrouter:ops:system-logs", "dcos:adminrouter:ops:system-metrics",
			"'dcos:mesos:agent:sandbox:app_id:/shop'", "dcos:mesos:agent:container") +
			"], actions: " + pick("read", "full") + ", " + where()
	}
	text := "groups: {local0: [user:bob, group:local1], local1: [" + subject() + "]}\n"
	if strings.Contains(text, "group:local0]") || strings.Contains(text, "local1]}") || strings.Contains(text, "*'") {
		text = "groups: {local1: ['group:x*', user:ann]}\n" // what was chosen has a cycle
	}
	text += "roles: {mine: [{" + perm() + "}, {" + perm() + "}]}\nrules:\n"
	for range 1 + r.IntN(12) {
		text += "  - {subjects: [" + subject() + ", " + subject() + "], "
		switch r.IntN(3) {
		case 0:
			text += "role: [" + pick("viewer", "operator", "own") + ", " + pick("own", "viewer", "operator") + "], " + where()
		case 1:
			text += "role: " + pick("admin", "own", "mine", "mine", "mine")
		default:
			text += perm()
		}
		text += "}\n"
	}
	return text
}

func TestTwin(t *testing.T) {
	allowed := 0
	for seed := range uint64(120) {
		r := rand.New(rand.NewPCG(seed, 0))
		text := random(r)
		p, err := Parse([]byte(text), "p")
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		ask(t, r, p, newTwin(text), 100)
		if t.Failed() {
			t.Fatalf("of\n%s", text)
		}
		if p.Decide(user(t, "ann"), Read, SystemLogs, &Tags{Agent: "n1"}).Allowed {
			allowed++
		}
	}
	if allowed < 12 || allowed > 108 {
		t.Errorf("%d of 120 policies allow something: they are too much alike", allowed)
	}
}

// What is no policy is refused with its line, and what is one means what its twin says.
func FuzzPolicy(f *testing.F) {
	f.Add([]byte(example), uint64(0))
	for seed := range uint64(20) {
		f.Add([]byte(random(rand.New(rand.NewPCG(seed, 1)))), seed)
	}
	for _, bad := range []string{
		"", "rules: [", "rules: &a [*a]", "rules: [{subjects: user:a, role: b}]", "groups: {a: group:a}\nrules: []",
		"rules: !!binary x", "rules: [{subjects: 'user:${user}', role: own}]", "? [a]\n: b", "rules: []\n---\n", "\xff",
		"rules: [0x1, 1e3]",
	} {
		f.Add([]byte(bad), uint64(1))
	}
	f.Fuzz(func(t *testing.T, text []byte, seed uint64) {
		p, err := Parse(text, "p")
		if err != nil {
			if list, ok := err.(Errors); !ok || len(list) == 0 || list[0].Line < 1 || !strings.HasPrefix(err.Error(), "p:") {
				t.Errorf("the error %v has no place", err)
			}
			return
		}
		ask(t, rand.New(rand.NewPCG(seed, 2)), p, newTwin(string(text)), 20)
	})
}
