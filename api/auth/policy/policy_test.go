package policy

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
)

// parse parses a policy that must be valid.
func parse(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := Parse([]byte(text), "policy.yaml")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// user returns a principal.
func user(t testing.TB, name string, groups ...string) *auth.Principal {
	t.Helper()
	p, err := auth.NewPrincipal(name, groups, auth.MethodJWT, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// tagged returns tags of pairs of keys and values.
func tagged(t testing.TB, pairs ...string) *Tags {
	t.Helper()
	tags := new(Tags)
	for i := 0; i < len(pairs); i += 2 {
		if err := tags.SetTag(pairs[i], pairs[i+1]); err != nil {
			t.Fatal(err)
		}
	}
	return tags
}

// example has everything that a policy can have.
const example = `
groups:
  oncall: [user:ann, user:bob]
  shop-team: ["user:sue", "group:oncall", "group:ext-shop*"]
roles:
  debugger:
    - resources: [dcos:mesos:agent:nested_container_session]
      actions: create
      where: {user: [nobody, www-*]}
    - resources: dcos:mesos:agent:container
      actions: [update]
rules:
  - name: root
    subjects: [group:admins]
    role: admin
  - name: shop sees its own
    subjects: group:shop-team
    role: viewer
    where: {application: [/shop, /shop/*]}
  - subjects: [user:ci, "user:bot-*"]
    resources: dcos:adminrouter:ops:system-metrics
    actions: read
    where:
      agent: node-*
      label.team: [pay, shop]
  - subjects: user:*
    role: own
  - subjects: user:bob
    role: debugger
    where: {application: /shop/*}
  - subjects: user:dan
    resources: [dcos:mesos:agent:sandbox:app_id:/shop, dcos:mesos:agent:sandbox:app_id:/a*b]
    actions: full
  - subjects: user:eve
    resources:
      - dcos:mesos:agent:nested_container_session:app_id:/test-group
      - dcos:mesos:agent:nested_container_session:user:root
    actions: create
  - subjects: user:ops
    role: [operator]
`

func TestDecide(t *testing.T) {
	p := parse(t, example)
	type q struct {
		who  *auth.Principal
		a    Action
		r    Resource
		tags []string
		rule int // that allows it, 0 if it is denied
	}
	for i, q := range []q{
		{user(t, "zoe", "admins"), Full, Superuser, nil, 1},
		{user(t, "zoe", "admins"), Delete, Users, nil, 1},
		{user(t, "zoe", "admins"), Delete, SystemLogs, nil, 0}, // there is no such action
		{user(t, "zoe", "admin"), Full, Superuser, nil, 0},
		{user(t, "admin"), Read, Audit, nil, 0}, // the local admin is another one

		{user(t, "ann"), Read, SystemMetrics, []string{"application", "/shop/web"}, 2}, // by a group in a group
		{user(t, "ann"), Read, SystemMetrics, []string{"application", "/shop"}, 2},
		{user(t, "ann"), Read, SystemMetrics, []string{"application", "/shopping"}, 0},
		{user(t, "ann"), Read, SystemMetrics, nil, 0},
		{user(t, "ann"), Read, SystemMetrics, []string{"task", "/shop"}, 0},
		{user(t, "zed", "ext-shop-1"), Read, SystemLogs, []string{"application", "/shop"}, 2},
		{user(t, "zed", "ext"), Read, SystemLogs, []string{"application", "/shop"}, 0},
		{user(t, "ann"), Read, RelayMetrics, []string{"application", "/shop"}, 0}, // not of a container
		{user(t, "ann"), Update, Sinks, nil, 0},

		{user(t, "ci"), Read, SystemMetrics, []string{"agent", "node-1", "label.team", "pay"}, 3},
		{user(t, "bot-7"), Read, SystemMetrics, []string{"agent", "node-1", "label.team", "shop"}, 3},
		{user(t, "ci"), Read, SystemMetrics, []string{"agent", "node-", "label.team", "pay"}, 3}, // * may be nothing
		{user(t, "ci"), Read, SystemMetrics, []string{"agent", "node-1"}, 0},
		{user(t, "ci"), Read, SystemMetrics, []string{"agent", "x", "label.team", "pay"}, 0},
		{user(t, "ci"), Read, SystemLogs, []string{"agent", "node-1", "label.team", "pay"}, 0},

		{user(t, "mia"), Read, SystemLogs, []string{"application", "/mia/db"}, 4},
		{user(t, "mia"), Read, SystemLogs, []string{"application", "mia"}, 4},
		{user(t, "mia"), Read, SystemLogs, []string{"framework", "mia"}, 4},
		{user(t, "mia", "pay"), Read, SystemLogs, []string{"application", "/pay"}, 4},
		{user(t, "mia", "pay"), Read, SystemLogs, []string{"application", "/pay2"}, 0},
		{user(t, "*"), Read, SystemLogs, []string{"application", "/pay"}, 0}, // a name is no pattern
		{user(t, "mia", "*"), Read, SystemLogs, []string{"application", "/pay"}, 0},
		{user(t, "[a-z]"), Read, SystemLogs, []string{"framework", "m"}, 0},
		{user(t, "?"), Read, SystemLogs, []string{"framework", "?"}, 4},

		{user(t, "bob"), Create, NestedSession, []string{"application", "/shop/web", "user", "www-data"}, 5},
		{user(t, "bob"), Create, NestedSession, []string{"application", "/shop/web", "user", "root"}, 0},
		{user(t, "bob"), Create, NestedSession, []string{"application", "/pay", "user", "nobody"}, 0},
		{user(t, "bob"), Update, Container, []string{"application", "/shop/web"}, 5},
		{user(t, "bob"), Read, Container, []string{"application", "/shop/web"}, 0},

		{user(t, "dan"), Read, Sandbox, []string{"application", "/shop"}, 6},
		{user(t, "dan"), Read, Sandbox, []string{"application", "/shop/web/x"}, 6},
		{user(t, "dan"), Read, Sandbox, []string{"application", "shop"}, 6},
		{user(t, "dan"), Read, Sandbox, []string{"application", "/shop2"}, 0},
		{user(t, "dan"), Read, Sandbox, []string{"application", "/a*b"}, 6},
		{user(t, "dan"), Read, Sandbox, []string{"application", "/axb"}, 0},

		{user(t, "eve"), Create, NestedSession, []string{"application", "/test-group/a", "user", "root"}, 7},
		{user(t, "eve"), Create, NestedSession, []string{"application", "/other", "user", "root"}, 0},
		{user(t, "eve"), Create, NestedSession, []string{"application", "/test-group/a", "user", "nobody"}, 0},

		{user(t, "ops"), Full, Sinks, nil, 8},
		{user(t, "ops"), Full, Users, nil, 0},
		{user(t, "ops"), Read, Audit, nil, 0},
		{user(t, "ops"), Read, SystemLogs, []string{"application", "ops"}, 4}, // the first of two
		{nil, Read, SystemLogs, nil, 0},
		{user(t, "ops"), Read, numResources, nil, 0},
		{user(t, "ops"), 77, SystemLogs, nil, 0},
	} {
		d := p.Decide(q.who, q.a, q.r, tagged(t, q.tags...))
		if d.Rule != q.rule || d.Allowed != (q.rule > 0) {
			t.Errorf("%d: %s %s %s %v: %+v, want rule %d", i, q.who.Name(), q.a, q.r, q.tags, d, q.rule)
		}
	}
	d := p.Decide(user(t, "ann"), Read, SystemMetrics, tagged(t, "application", "/shop"))
	if want := (Decision{Allowed: true, Rule: 2, Name: "shop sees its own", Line: 16}); d != want {
		t.Errorf("%+v, want %+v", d, want)
	}
}

// The local admin may do everything, also without a policy, and nobody else may then.
func TestLocalAdmin(t *testing.T) {
	for m, is := range map[auth.Method]bool{
		auth.MethodToken: true, auth.MethodSocket: true,
		auth.MethodJWT: false, auth.MethodCertificate: false, auth.MethodAssumed: false, "": false,
	} {
		who, err := auth.NewPrincipal("admin", nil, m, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []*Policy{AdminOnly(), parse(t, example)} {
			if d := p.Decide(who, Delete, Users, &Tags{}); d.Allowed != is || is && d.Name != LocalAdmin {
				t.Errorf("%s: %+v", m, d)
			}
		}
	}
}

// A principal may do nothing from the moment on when its proof expires.
func TestExpired(t *testing.T) {
	p := parse(t, "rules: [{subjects: user:a, role: admin}]")
	who, err := auth.NewPrincipal("a", nil, auth.MethodJWT, time.Now().Add(200*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	v := p.View(who, Read, Audit)
	if !v.Everything() {
		t.Error("denied before it expires")
	}
	time.Sleep(250 * time.Millisecond)
	if p.Decide(who, Read, Audit, &Tags{}).Allowed || !p.View(who, Read, Audit).Nothing() {
		t.Error("allowed after it expired")
	}
	if p.Explain(who, Read, Audit, &Tags{}).Reason != "the proof of who it is has expired" {
		t.Error("the explanation does not say so")
	}
}

// What a policy keeps for principals is bounded, and decisions are the same after that.
func TestCacheIsBounded(t *testing.T) {
	p := parse(t, example)
	for i := range 100 {
		name := fmt.Sprint("u", i)
		if !p.Decide(user(t, name), Read, SystemLogs, tagged(t, "application", name)).Allowed {
			t.Errorf("%s is denied", name)
		}
		if p.Decide(user(t, name), Read, SystemLogs, tagged(t, "application", "mia")).Allowed {
			t.Errorf("%s is allowed", name)
		}
		if cost := p.cache.cost.Load(); cost < int64(i%10) {
			t.Fatalf("the cost of %d principals is %d", i, cost)
		}
		if i%10 == 9 {
			p.cache.cost.Add(maxCost)
		}
		if n := p.cache.principals(); n != i%10+1 {
			t.Errorf("%d principals are kept after %d", n, i+1)
		}
	}
}

func TestExplain(t *testing.T) {
	p := parse(t, example)
	e := p.Explain(user(t, "bob", "x"), Create, NestedSession, tagged(t, "application", "/shop/web", "user", "root"))
	if e.Allowed || e.Others != 5 || strings.Join(e.Groups, " ") != "oncall shop-team x" || len(e.Rules) != 3 ||
		e.Reason != "no rule that is for this user allows it" {
		t.Errorf("%+v", e)
	}
	for i, want := range []string{
		"it does not name the resource", "it does not name the resource",
		"user must match nobody or www-*, and it is root",
	} {
		if e.Rules[i].Reason != want || e.Rules[i].Allows || e.Rules[i].Decides {
			t.Errorf("%+v, want %q", e.Rules[i], want)
		}
	}
	e = p.Explain(user(t, "ops"), Read, SystemLogs, tagged(t, "application", "ops"))
	if !e.Allowed || e.Rule != 4 || !e.Rules[0].Decides || !e.Rules[1].Allows || e.Rules[1].Decides ||
		e.Reason != "rule 4 allows it" {
		t.Errorf("%+v", e)
	}
	reason := func(want string, who *auth.Principal, a Action, r Resource) {
		t.Helper()
		if e := p.Explain(who, a, r, &Tags{}); !strings.Contains(e.Reason+e.rule(0), want) {
			t.Errorf("%q and %q, want %q", e.Reason, e.rule(0), want)
		}
	}
	reason("nobody is signed in", nil, Read, SystemLogs)
	reason("has no action delete: it has read", user(t, "ops"), Delete, SystemLogs)
	reason("application must match", user(t, "mia"), Read, SystemLogs)
	reason("and there is none", user(t, "mia"), Read, SystemLogs)
	reason("it does not allow update", user(t, "mia"), Update, SystemLogs)
	admin, _ := auth.NewPrincipal("admin", nil, auth.MethodToken, time.Time{})
	reason("the local admin may do everything", admin, Read, Audit)
}

// rule returns the reason of a rule that was considered.
func (e *Explanation) rule(i int) string {
	if i >= len(e.Rules) {
		return ""
	}
	return e.Rules[i].Reason
}
