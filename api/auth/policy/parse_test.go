package policy

import (
	"errors"
	"fmt"
	"strings"
	"testing"
)

// Each mistake is an error that names the file, the line and what is allowed.
func TestMistakes(t *testing.T) {
	rule := func(rest string) string { return "rules:\n  - subjects: user:a\n    " + rest + "\n" }
	logs := "resources: dcos:adminrouter:ops:system-logs\n    actions: "
	for _, c := range []struct{ text, want string }{
		{"", "p:1: the file is empty: write rules"},
		{"# nothing\n", "p:1: the file is empty"},
		{"---\n", "p:1: the file is empty"},
		{"{}", "p:1: there are no rules: write 'rules: []'"},
		{"groups: {}", "p:1: there are no rules"},
		{"rules:", "p:1: rules has no value"},
		{"rules: {}", "p:1: write a list of rules"},
		{"rules: [a]", "p:1: write a rule with name, subjects, role, approval, record, resources, actions, where, as " +
			"a mapping"},
		{"rules: []\n---\nrules: []", "p:2: a second document"},
		{"rules: [", "p:1: this is no YAML"},
		{"rules: []\n\t- x", "p:2: this is no YAML"},
		{"rules: []\nrulse: []", `p:2: unknown key "rulse": a policy has groups, roles, rules`},
		{"rules: []\nrules: []", `p:2: the key "rules" appears twice`},
		{"- rules", "p:1: write a policy with groups, roles, rules, as a mapping"},
		{"rules: &a []\ngroups: {x: *a}", "p:1: anchors and aliases are not allowed"},
		{"rules:\n  - {<<: {role: admin}, subjects: user:a}", "p:2: a key of a rule"},
		{rule("effect: alow"), `p:3: unknown key "effect": a rule has name, subjects`},
		{rule("role: admin\n    deny: true"), `p:4: unknown key "deny"`},
		{rule("role: admim"), `p:3: there is no role "admim": use admin, operator, own, viewer`},
		{rule("role: [viewer, nobody]"), `p:3: there is no role "nobody"`},
		{rule("role: []"), "p:3: the list of role is empty"},
		{rule("role: admin\n    actions: full"), "p:2: write either role, or resources and actions"},
		{rule("name: x"), "p:2: write either role, or resources and actions"},
		{rule("actions: read"), "p:2: write resources and actions"},
		{rule("resources: daytwo:audit"), "p:2: write resources and actions"},
		{"rules:\n  - role: admin\n", "p:2: the rule has no subjects: write 'subjects: [user:NAME, group:NAME]'"},
		{"rules:\n  - subjects: ann\n    role: admin", `p:2: "ann" is neither user:NAME nor group:NAME`},
		{"rules:\n  - subjects: ['user:']\n    role: admin", `p:2: "user:" is neither`},
		{"rules:\n  - subjects: ['role:x']\n    role: admin", `p:2: "role:x" is neither`},
		{"rules:\n  - subjects: ['user:${user}']\n    role: admin", `p:2: "user:${user}": variables are for`},
		{"rules:\n  - subjects: [[user:a]]\n    role: admin", `p:2: write subjects as text`},
		{"rules:\n  - subjects: [~]\n    role: admin", `p:2: write subjects as text`},
		{rule("name: [x]\n    role: admin"), "p:3: the name of a rule is text"},
		{rule("name: ''\n    role: admin"), "p:3: the name of a rule is text"},
		{rule(`name: "a\x1b[0m"` + "\n    role: admin"), "cannot be printed"},
		{rule("name: " + strings.Repeat("x", 300) + "\n    role: admin"), "has at most 256 bytes"},
		{rule("name: x\n    role: admin\n  - subjects: user:b\n    name: x\n    role: admin"),
			`p:5: a rule before has the name "x"`},

		{rule(logs + "alow"), `p:4: unknown action "alow": use create, read, update, delete, full`},
		{rule(logs + "Read"), `p:4: unknown action "Read"`},
		{rule(logs + "delete"), "p:3: dcos:adminrouter:ops:system-logs has none of these actions: it has read, full"},
		{rule(logs + "[read, delete]"), "p:4: none of the resources has the action delete"},
		{rule("resources: dcos:superuser\n    actions: read"), "p:4: dcos:superuser has one action: full"},
		{rule("resources: dcos:adminrouter:ops:sytem-logs\n    actions: read"),
			`p:3: unknown resource "dcos:adminrouter:ops:sytem-logs": use one of dcos:superuser, dcos:adminrouter:`},
		{rule("resources: dcos:adminrouter:ops:system-logs:app_id:/a\n    actions: read"), "p:3: unknown resource"},
		{rule("resources: daytwo:*\n    actions: read"), "p:3: unknown resource"},
		{rule("resources: DCOS:superuser\n    actions: full"), "p:3: unknown resource"},
		{rule("resources: dcos:mesos:agent:sandbox:app_id:shop\n    actions: read"),
			"malformed: write dcos:mesos:agent:sandbox:app_id:/group/app"},
		{rule("resources: 'dcos:mesos:agent:sandbox:app_id:'\n    actions: read"), "malformed"},
		{rule("resources: dcos:mesos:agent:sandbox:app_id:/a:b\n    actions: read"), "malformed"},
		{rule("resources: dcos:mesos:agent:sandbox:app_id:/a//b\n    actions: read"), "malformed"},
		{rule("resources: dcos:mesos:agent:sandbox:app_id:/a/\n    actions: read"), "malformed"},
		{rule("resources: dcos:mesos:agent:sandbox:user:root\n    actions: read"),
			`p:3: dcos:mesos:agent:sandbox:user:root: unknown "user"`},
		{rule("resources: dcos:mesos:agent:container:role:x\n    actions: update"), "does not know the roles of Mesos"},
		{rule("resources: dcos:mesos:agent:nested_container_session:user:root\n    actions: create"),
			"p:3: dcos:mesos:agent:nested_container_session:user alone would mean all containers"},
		{rule("resources: [dcos:mesos:agent:sandbox, dcos:mesos:agent:sandbox:app_id:/a]\n    actions: read"),
			"p:3: dcos:mesos:agent:sandbox appears as a whole and narrowed"},
		{rule("resources: [daytwo:audit, daytwo:audit]\n    actions: read"), "p:3: daytwo:audit appears twice"},

		{rule("role: viewer\n    record: true"), "p:2: record: the rule allows nobody to start a command"},
		{rule("role: operator\n    record: yess"), "p:4: record: write true, or input"},

		{rule("role: admin\n    where: {agent: x}"), `p:2: nothing is left of role "admin"`},
		{rule("role: viewer\n    where: {user: x}"), `p:2: nothing is left of role "viewer"`},
		{rule("role: viewer\n    where: {app: x}"), `p:4: where: unknown key "app": use agent, application`},
		{rule("role: viewer\n    where: {label.: x}"), `p:4: where: unknown key "label."`},
		{rule("role: viewer\n    where: {agent_id: x, agent: x}"), "p:4: where: agent_id and agent are the same"},
		{rule("role: viewer\n    where: {agent: []}"), "p:4: the list of the patterns of agent is empty"},
		{rule("role: viewer\n    where: {agent: ''}"), "p:4: where: agent: an empty pattern matches nothing"},
		{rule("role: viewer\n    where: {agent: {a: b}}"), "p:4: write the patterns of agent as text"},
		{rule("role: viewer\n    where: {agent: '${name}'}"), "p:4: where: agent: unknown variable"},
		{rule("role: viewer\n    where: {agent: 'x${user'}"), "p:4: where: agent: unknown variable"},
		{rule("role: viewer\n    where: {}"), "p:4: where is empty"},
		{rule("role: viewer\n    where: [agent]"), "p:4: write where, as a mapping"},
		{rule("role: viewer\n    where: {1: x, [a]: y}"), "p:4: a key of where is no text"},
		{rule("resources: daytwo:audit\n    actions: read\n    where: {agent: x}"),
			"p:3: daytwo:audit is not of an agent or a container: where cannot narrow it"},
		{rule(logs + "read\n    where: {user: x}"), "p:3: dcos:adminrouter:ops:system-logs has no user"},
		{rule(logs + "read\n    where: {path: x}"), "p:3: dcos:adminrouter:ops:system-logs has no path"},

		{"rules: []\nroles: {viewer: []}", `p:2: the role "viewer" is built in`},
		{"rules: []\nroles: {x: []}", `p:2: the role "x" allows nothing`},
		{"rules: []\nroles: {x: [{resources: daytwo:audit}]}", `p:2: write resources and actions`},
		{"rules: []\nroles: {x: [{resources: daytwo:audit, actions: read, role: admin}]}", `p:2: unknown key "role"`},
		{"rules: []\nroles: {x: y}", "p:2: write a list of permissions"},
		{"rules: []\ngroups: {a: group:a}", "p:2: the group a is a member of itself: a has a"},
		{"rules: []\ngroups:\n  a: group:b\n  b: [user:x, group:c]\n  c: group:a",
			"p:3: the group a is a member of itself: a has b has c has a"},
		{"rules: []\ngroups: {ab: 'group:a*'}", "p:2: the group ab is a member of itself"},
		{"rules: []\ngroups: {a: [user]}", `p:2: "user" is neither`},
		{"rules: []\ngroups: {a: []}", "p:2: the list of members is empty"},
		{"rules: []\ngroups: [a]", "p:2: write groups, as a mapping"},
		{strings.Repeat("#", MaxBytes+1), "p:1: the file is larger than"},
		{"rules:\n" + strings.Repeat("- {subjects: user:a, role: own}\n", maxRules+1),
			"p:10002: there are more than 10000 rules"},
	} {
		p, err := Parse([]byte(c.text), "p")
		if err == nil || !strings.Contains(err.Error(), c.want) || p != nil {
			t.Errorf("%.200q gives %v, want %q", c.text, err, c.want)
		}
		var list Errors
		if err != nil && (!errors.As(err, &list) || len(list) == 0 || list[0].File != "p" || list[0].Line < 1) {
			t.Errorf("%.200q gives %#v", c.text, err)
		}
	}
}

// All mistakes of a file are named, in the order of its lines.
func TestAllMistakes(t *testing.T) {
	_, err := Parse([]byte("roles: {x: z}\nrules:\n- subjects: a\n  role: b\n- role: c\ngroups: {a: group:a}\n"), "p")
	var lines []string
	for _, l := range strings.Split(err.Error(), "\n") {
		lines = append(lines, l[:4])
	}
	if got := strings.Join(lines, " "); got != "p:1: p:3: p:5: p:6:" {
		t.Errorf("%s in\n%v", got, err)
	}
	_, err = Parse([]byte("rules:\n"+strings.Repeat("- x\n", 10*maxErrors)), "p")
	if n := strings.Count(err.Error(), "\n") + 1; n != maxErrors {
		t.Errorf("%d mistakes", n)
	}
}

func TestValid(t *testing.T) {
	for _, text := range []string{
		example, "rules: []", "{rules: [], groups: {}, roles: {}}",
		"rules: [{subjects: 'group:*', role: [viewer, own], where: {agent: '*'}}]",
		"rules: [{subjects: 'user:a:b', resources: dcos:superuser, actions: full}]",
		"rules: [{subjects: user:a, resources: dcos:mesos:agent:sandbox:app_id:/, actions: [read]}]",
		"rules: [{subjects: user:a, resources: [dcos:mesos:agent:nested_container_session:app_id, " +
			"dcos:mesos:agent:nested_container_session:user], actions: full}]",
		"rules: [{subjects: user:a, resources: [daytwo:users, dcos:adminrouter:ops:system-logs], actions: [create, read]}]",
	} {
		if _, err := Parse([]byte(text), "p"); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	rules, groups, roles := parse(t, example).Summary()
	if rules != 8 || groups != 2 || roles != 1 {
		t.Errorf("%d rules, %d groups, %d roles", rules, groups, roles)
	}
}

// Every resource that there is can be named in a file, with each of its actions, and what
// its id narrows it to.
func TestResources(t *testing.T) {
	for r, info := range Resources() {
		got, key, _, err := ParseResource(info.ID)
		if err != nil || got != Resource(r) || key != "" || got.String() != info.ID {
			t.Errorf("%s is %s, %v", info.ID, got, err)
		}
		if info.Meaning == "" || len(info.Actions) == 0 || info.Command && !info.Tagged {
			t.Errorf("%+v", info)
		}
		for _, a := range append(info.Actions, Full) {
			if Resource(r) == Superuser && a != Full {
				continue
			}
			text := fmt.Sprintf("rules: [{subjects: user:a, resources: %s, actions: %s}]", info.ID, a)
			if _, err := Parse([]byte(text), "p"); err != nil {
				t.Error(err)
			}
		}
	}
	for id, want := range map[string]string{
		"dcos:mesos:agent:sandbox:app_id":                        "",
		"dcos:mesos:agent:sandbox:app_id:/a/b":                   "application=/a/b",
		"dcos:mesos:agent:nested_container_session:user:nobody":  "user=nobody",
		"dcos:mesos:agent:nested_container_session:app_id:/":     "application=/",
		"dcos:mesos:agent:nested_container_session:app_id:/x:/y": "error",
	} {
		_, key, value, err := ParseResource(id)
		got := strings.TrimSuffix(key+"="+value, "=")
		if err != nil {
			got = "error"
		}
		if got != want {
			t.Errorf("%s: %q, %v, want %q", id, got, err, want)
		}
	}
}

func TestActions(t *testing.T) {
	for a := Create; a <= Full; a++ {
		if got, err := ParseAction(a.String()); got != a || err != nil {
			t.Errorf("%s is %s, %v", a, got, err)
		}
	}
	for _, bad := range []string{"", "READ", "write", "unknown action 9"} {
		if _, err := ParseAction(bad); err == nil {
			t.Errorf("%q is an action", bad)
		}
	}
}
