package query

import (
	"fmt"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/frame"
)

func TestLogScope(t *testing.T) {
	var o entry.Origin
	o.SetTag("task_id", "web.1")
	o.SetTag("framework_name", "marathon")
	labels := []frame.Label{{Name: "image", Value: "nginx:1"}, {Name: "label.team", Value: "shop"},
		{Name: "application_name", Value: "forged"}}
	is := func(tag string, patterns ...string) LogCondition { return LogCondition{tag, patterns} }
	scope := func(selectors ...[]LogCondition) *LogScope { return &LogScope{selectors} }
	type all = []LogCondition
	for _, c := range []struct {
		name  string
		scope *LogScope
		want  bool
	}{
		{"nil", nil, true},
		{"no selector", scope(), false},
		{"empty selector", scope(all{}), true},
		{"no pattern", scope(all{is("task_id")}), false},
		{"glob", scope(all{is("task_id", "web.*")}), true},
		{"another", scope(all{is("task_id", "db.*")}), false},
		{"any pattern", scope(all{is("task_id", "db.*", "web.*")}), true},
		{"any of two", scope(all{is("task_id", "db.*")}, all{is("framework_name", "marathon")}), true},
		{"both of one", scope(all{is("task_id", "db.*"), is("framework_name", "marathon")}), false},
		{"a tag twice", scope(all{is("task_id", "web.*"), is("task_id", "*.2")}), false},
		{"unknown tag of the entry", scope(all{is("executor_id", "*")}), false},
		{"label", scope(all{is("image", "nginx:*"), is("label.team", "shop")}), true},
		{"another label", scope(all{is("label.team", "pay")}), false},
		{"unknown label", scope(all{is("label.x", "*")}), false},
		{"no name", scope(all{is("", "*")}), false},
		{"an origin tag is no label", scope(all{is("application_name", "*")}), false},
	} {
		if got := c.scope.Filter()(&o, labels); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
		if c.scope == nil {
			continue
		}
		for range 2 * fewPatterns { // the same with answers that are kept
			c.scope.Selectors = append(c.scope.Selectors, all{is("task_id", "never")})
		}
		filter := c.scope.Filter()
		for range 2 {
			if got := filter(&o, labels); got != c.want {
				t.Errorf("%s and many more: %v, want %v", c.name, got, c.want)
			}
		}
	}
}

// Kept answers are of one origin and its labels, and bounded.
func TestLogScopeMemo(t *testing.T) {
	scope := &LogScope{}
	for i := range 50 {
		is := LogCondition{Tag: "label.app", Patterns: []string{fmt.Sprint("a", 2*i)}}
		scope.Selectors = append(scope.Selectors, []LogCondition{is, {Tag: "agent_id", Patterns: []string{"n1"}}})
	}
	filter := scope.Filter()
	var labels [2 * maxAnswers][]frame.Label
	for i := range labels {
		labels[i] = []frame.Label{{Name: "label.app", Value: fmt.Sprint("a", i)}}
	}
	for range 2 {
		for i := range labels {
			if got, want := filter(&entry.Origin{"n1"}, labels[i]), i%2 == 0 && i < 100; got != want {
				t.Fatalf("%d: %v", i, got)
			}
		}
	}
	if filter(&entry.Origin{"n2"}, labels[0]) || filter(&entry.Origin{"n1"}, nil) {
		t.Error("an answer is another's")
	}
	m := memo{filter: func(*entry.Origin, []frame.Label) bool { return true }}
	for i := range 2 * maxAnswers {
		m.allows(&entry.Origin{fmt.Sprint(i)}, nil)
		if len(m.answers) > maxAnswers {
			t.Fatal(len(m.answers), "answers are kept")
		}
	}
}

func BenchmarkLogScope1000(b *testing.B) {
	scope := &LogScope{}
	for i := range 1000 {
		app := fmt.Sprint("/app", i)
		is := LogCondition{Tag: "application_name", Patterns: []string{app, app + "/*"}}
		scope.Selectors = append(scope.Selectors, []LogCondition{is})
	}
	filter := scope.Filter()
	var o entry.Origin
	o.SetTag("agent_id", "n1")
	o.SetTag("application_name", "/app999/web")
	o.SetTag("container_id", "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
	b.ReportAllocs()
	for b.Loop() {
		filter(&o, nil)
	}
}
