package main

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/casbin/casbin/v2"
	"github.com/casbin/casbin/v2/model"
	"github.com/cedar-policy/cedar-go"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
)

const (
	accessRules      = 1000
	accessContainers = 10_000
)

// benchAccess decides whether a user may see containers, by rules that are all for that
// user: each allows the containers of one application, and of what is below it, on some
// nodes.
func benchAccess(r *report) error {
	r.printf("%d rules in one policy, all for the user who asks: each allows reading what is of one application or below "+
		"it, on nodes with names that begin alike. A container that the last of them allows, and one that none does; "+
		"then a list of %d containers of which half are visible. CPU time.\n\n", accessRules, accessContainers)
	r.printf("| engine | the last rule allows | none does | allocations | a list of %d |\n|---|---:|---:|---:|---:|\n",
		accessContainers)
	for _, engine := range []struct {
		name string
		make func() (decide, error)
	}{{"daytwo", accessDaytwo}, {"Cedar (cedar-go)", accessCedar}, {"Casbin, keyMatch", accessCasbin}} {
		may, err := engine.make()
		if err != nil {
			return fmt.Errorf("%s: %w", engine.name, err)
		}
		last, none := containerOf(accessRules-1), containerOf(2*accessRules)
		if !may(last) || may(none) {
			return fmt.Errorf("%s decides otherwise than the others", engine.name)
		}
		list := make([]*seen, accessContainers)
		for i := range list {
			list[i] = containerOf(i % (2 * accessRules))
		}
		visible, runs := 0, 0
		whole := cpuTimeOf(func() {
			runs++
			for _, c := range list {
				if may(c) {
					visible++
				}
			}
		})
		if visible != runs*accessContainers/2 {
			return fmt.Errorf("%s: %d containers are visible in %d lists", engine.name, visible, runs)
		}
		allowed, denied := cpuTimeOf(func() { may(last) }), cpuTimeOf(func() { may(none) })
		r.printf("| %s | %.2f µs | %.2f µs | %.0f | %.2f ms |\n", engine.name, allowed.Seconds()*1e6, denied.Seconds()*1e6,
			testing.AllocsPerRun(100, func() { may(last) }), whole.Seconds()*1e3)
	}
	return nil
}

// cpuTimeOf returns the CPU time of one call, which other work on the machine changes less
// than the time on the clock.
func cpuTimeOf(fn func()) time.Duration {
	runtime.GC()
	for n := 1; ; n *= 2 {
		began := cpuTime()
		for range n {
			fn()
		}
		if took := cpuTime() - began; took > 300*time.Millisecond {
			return took / time.Duration(n)
		}
	}
}

// decide reports whether the user may see a container.
type decide func(*seen) bool

// seen is a container, as each engine wants it.
type seen struct {
	row    *frame.Row
	app    string
	entity cedar.Entity
}

const accessNode = "node-7"

func containerOf(i int) *seen {
	c := &seen{app: fmt.Sprintf("/app%d/web", i)}
	c.row = &frame.Row{ID: 1, Labels: []frame.Label{{Name: "application_name", Value: c.app},
		{Name: "container_id", Value: fmt.Sprintf("%064x", i)}, {Name: "framework_name", Value: "marathon"},
		{Name: "image", Value: "nginx:1.27"}, {Name: "label.team", Value: "shop"}, {Name: "name", Value: "web"},
		{Name: "runtime", Value: "docker"}, {Name: "task_id", Value: fmt.Sprintf("app%d.1", i)},
		{Name: "task_name", Value: "web"}}}
	c.entity = cedar.Entity{UID: cedar.NewEntityUID("Container", cedar.String(fmt.Sprint(i))),
		Attributes: cedar.NewRecord(cedar.RecordMap{"app": cedar.String(c.app), "agent": cedar.String(accessNode)})}
	return c
}

func accessDaytwo() (decide, error) {
	var text strings.Builder
	text.WriteString("rules:\n")
	for i := range accessRules {
		fmt.Fprintf(&text, "  - subjects: user:ann\n    resources: %s\n    actions: read\n", policy.SystemMetrics)
		fmt.Fprintf(&text, "    where: {application: [/app%d, /app%d/*], agent: node-*}\n", i, i)
	}
	p, err := policy.Parse([]byte(text.String()), "policy.yaml")
	if err != nil {
		return nil, err
	}
	ann, err := auth.NewPrincipal("ann", []string{"dev"}, auth.MethodJWT, time.Time{})
	if err != nil {
		return nil, err
	}
	return func(c *seen) bool {
		tags := policy.RowTags(accessNode, c.row, nil)
		return p.Decide(ann, policy.Read, policy.SystemMetrics, &tags).Allowed
	}, nil
}

func accessCedar() (decide, error) {
	var text strings.Builder
	for i := range accessRules {
		fmt.Fprintf(&text, `permit(principal == User::"ann", action == Action::"read", resource is Container) `+
			`when { (resource.app == "/app%d" || resource.app like "/app%d/*") && resource.agent like "node-*" };`+"\n", i, i)
	}
	set, err := cedar.NewPolicySetFromBytes("policy.cedar", []byte(text.String()))
	if err != nil {
		return nil, err
	}
	return func(c *seen) bool {
		ok, _ := cedar.Authorize(set, cedar.EntityMap{c.entity.UID: c.entity}, cedar.Request{
			Principal: cedar.NewEntityUID("User", "ann"), Action: cedar.NewEntityUID("Action", "read"), Resource: c.entity.UID})
		return ok == cedar.Allow
	}, nil
}

func accessCasbin() (decide, error) {
	m, err := model.NewModelFromString(`
[request_definition]
r = sub, app, agent, act
[policy_definition]
p = sub, app, agent, act
[policy_effect]
e = some(where (p.eft == allow))
[matchers]
m = r.sub == p.sub && r.act == p.act && (r.app == p.app || keyMatch(r.app, p.app + "/*")) && keyMatch(r.agent, p.agent)
`)
	if err != nil {
		return nil, err
	}
	e, err := casbin.NewEnforcer(m)
	if err != nil {
		return nil, err
	}
	var rules [][]string
	for i := range accessRules {
		rules = append(rules, []string{"ann", fmt.Sprint("/app", i), "node-*", "read"})
	}
	if _, err := e.AddPolicies(rules); err != nil {
		return nil, err
	}
	return func(c *seen) bool {
		ok, err := e.Enforce("ann", c.app, accessNode, "read")
		return ok && err == nil
	}, nil
}
