package series

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/metric"
)

const mappings = `
defaults:
  observer_type: histogram
mappings:
- match: "api.*.*.time"
  name: api_time
  help: how long it takes
  labels:
    method: "$1"
    path: "p_${2}_x"
- match: "debug.*"
  action: drop
- match: "typed.*"
  match_metric_type: gauge
  name: "gauges.$1"
- match: "old.*"
  name: "new.$1"
- match: "new.*"
  name: "newest.$1"
- match: "disk.sd[a-c]?.*"
  name: "disk.part.$1"
- match: "pre*fix.x*y"
  name: "$1-$2"
  labels: {env: ""}
`

func TestRules(t *testing.T) {
	rules, err := ReadRules(strings.NewReader(mappings))
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, Options{Rules: rules, Budget: 50})
	for range 3 {
		r.send(1, "api.get.users.time:5|ms\napi.get.users.time:6|ms|#env:prod\napi.get.users.time.more:1|ms")
		r.send(1, "debug.x:1|c\ndebug.y:1|g\ndebug.x.y:1|c")
		r.send(1, "typed.a:1|g\ntyped.a:1|c")
		r.send(1, "old.a:1|c\nnew.a:1|c")
		r.send(1, "disk.sdb1.reads:1|c\ndisk.sdd1.reads:1|c\ndisk.sda.1:1|c")
		r.send(1, "preABfix.x12y:1|c|#env:prod,z:1\npreABfix.x12:1|c")
	}
	r.flush()
	for row, want := range map[string]float64{
		"api_time tag.method=get tag.path=p_users_x type=ms":              3,
		"api_time tag.env=prod tag.method=get tag.path=p_users_x type=ms": 3,
		"api.get.users.time.more type=ms":                                 3,
		"debug.x.y type=c":                                                3,
		"gauges.a type=g":                                                 3,
		"typed.a type=c":                                                  3,
		"new.a type=c":                                                    3,
		"newest.a type=c":                                                 3,
		"AB-12 tag.z=1 type=c":                                            3,
		"disk.part.reads type=c":                                          3,
		"disk.sdd1.reads type=c":                                          3,
		"disk.sda.1 type=c":                                               3,
		"preABfix.x12 type=c":                                             3,
	} {
		r.value(row, metric.AppSamples, want)
	}
	if len(r.app.Rows) != 13 {
		t.Errorf("%d rows", len(r.app.Rows))
	}
	r.counted("1", metric.StatsdFiltered, 6)
	r.counted("1", metric.StatsdAccepted, 45)
}

func TestRuleErrors(t *testing.T) {
	check := func(text, want string) {
		t.Helper()
		if _, err := ReadRules(strings.NewReader(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	check(`mappings: [{match: "a.*", name: "$2"}]`, "no * number 2")
	check(`mappings: [{match: "a.*"}]`, "name is missing")
	check(`mappings: [{name: a}]`, "match is missing")
	check(`mappings: [{match: a, name: b, action: keep}]`, "neither map nor drop")
	check(`mappings: [{match: a, name: b, match_type: regex}]`, "only glob")
	check(`mappings: [{match: a, name: b, match_metric_type: x}]`, "none of")
	check(`mappings: [{match: a, name: b, labels: {"1": x}}]`, "label")
	check(`mappings: [{match: a, name: b, ttl: 5m}]`, "ttl")
	if _, err := ReadRules(strings.NewReader("")); err != nil {
		t.Error(err)
	}
}
