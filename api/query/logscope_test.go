package query

import (
	"testing"

	"github.com/daytwo/daytwo/api/entry"
)

func TestLogScope(t *testing.T) {
	var o entry.Origin
	o.SetTag("task_id", "web.1")
	o.SetTag("framework_name", "marathon")
	for _, c := range []struct {
		name  string
		scope *LogScope
		want  bool
	}{
		{"nil", nil, true},
		{"no selector", &LogScope{}, false},
		{"empty selector", &LogScope{[]map[string]string{{}}}, true},
		{"glob", &LogScope{[]map[string]string{{"task_id": "web.*"}}}, true},
		{"another", &LogScope{[]map[string]string{{"task_id": "db.*"}}}, false},
		{"any of two", &LogScope{[]map[string]string{{"task_id": "db.*"}, {"framework_name": "marathon"}}}, true},
		{"both of one", &LogScope{[]map[string]string{{"task_id": "db.*", "framework_name": "marathon"}}}, false},
		{"unknown tag of the entry", &LogScope{[]map[string]string{{"application_name": "*"}}}, false},
		{"no origin tag", &LogScope{[]map[string]string{{"image": "*"}}}, false},
	} {
		if got := c.scope.Filter()(&o); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
