package policy

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

func row(pairs ...string) *frame.Row {
	r := &frame.Row{ID: 1}
	for i := 0; i < len(pairs); i += 2 {
		r.Labels = append(r.Labels, frame.Label{Name: pairs[i], Value: pairs[i+1]})
	}
	return r
}

// Rows are seen by the true tags: those of the container, not those that a task sends.
func TestViewOfRows(t *testing.T) {
	p := parse(t, "rules: [{subjects: user:a, role: viewer, where: {application: /shop, agent: n*}}]")
	v := p.View(user(t, "a"), Read, SystemMetrics)
	shop, pay := row("application_name", "/shop"), row("application_name", "/pay")
	orphan := row("application_name", "/shop")
	orphan.Parent = 7
	for i, c := range []struct {
		agent       string
		row, parent *frame.Row
		want        bool
	}{
		{"n1", shop, nil, true},
		{"n1", pay, nil, false},
		{"x", shop, nil, false},
		{"", shop, nil, false},
		{"n1", row(), nil, false},
		{"n1", nil, nil, false},
		{"n1", row("device", "sda"), shop, true},
		{"n1", row("application_name", "/shop"), pay, false}, // it says so itself
		{"n1", row("tag.application_name", "/shop"), nil, false},
		{"n1", row("label.application_name", "/shop"), nil, false},
		{"n1", row("application_name", ""), nil, false},
		{"n1", orphan, nil, false}, // its container is unknown
	} {
		if got := v.AllowsRow(c.agent, c.row, c.parent); got != c.want {
			t.Errorf("%d: %v", i, got)
		}
		if got := v.AllowsOrigin(c.agent, c.row); c.parent == nil && got != c.want {
			t.Errorf("%d as an origin: %v", i, got)
		}
	}
	if p.View(user(t, "b"), Read, SystemMetrics).AllowsRow("n1", shop, nil) || v.Everything() || v.Nothing() {
		t.Error("a view is another's")
	}
}

// A view that allows everything filters nothing, and one that allows nothing all.
func TestWholeViews(t *testing.T) {
	p := parse(t, "rules: [{subjects: user:a, role: viewer}]")
	all, none := p.View(user(t, "a"), Read, SystemLogs), p.View(user(t, "b"), Read, SystemLogs)
	if all.LogScope() != nil || !all.AllowsRow("", nil, nil) || !all.Allows(&Tags{}) {
		t.Error("everything is filtered")
	}
	if none.AllowsRow("n", row("image", "x"), nil) || len(none.LogScope().Selectors) != 0 {
		t.Error("nothing is not filtered")
	}
	if none.LogScope().Filter()(&entry.Origin{"n1"}, nil) {
		t.Error("an entry is allowed")
	}
	if !none.Nothing() || all.Nothing() || none.Everything() || p.View(user(t, "a"), Full, SystemLogs) != nothing {
		t.Error("views do not say what they are")
	}
	// Nobody can be in no group and see what is of a group.
	p = parse(t, "rules: [{subjects: user:a, role: viewer, where: {application: '/${group}'}}]")
	if !p.View(user(t, "a"), Read, SystemLogs).Nothing() || p.View(user(t, "a", "g"), Read, SystemLogs).Nothing() {
		t.Error("the groups of the user do not count")
	}
}

func TestViewOfLogs(t *testing.T) {
	p := parse(t, `
rules:
  - {subjects: user:a, role: viewer, where: {application: [/shop, '/${user}/*'], label.team: x}}
  - {subjects: user:a, role: viewer, where: {agent: n1}}
`)
	got := p.View(user(t, "a"), Read, SystemLogs).LogScope()
	want := [][]query.LogCondition{
		{{Tag: "application_name", Patterns: []string{"/shop", "/a/*"}}, {Tag: "label.team", Patterns: []string{"x"}}},
		{{Tag: "agent_id", Patterns: []string{"n1"}}},
	}
	if d := cmp.Diff(want, got.Selectors); d != "" {
		t.Error(d)
	}
}
