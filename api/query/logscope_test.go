package query

import (
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
	}
}
