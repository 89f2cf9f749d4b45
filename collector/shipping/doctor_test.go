package shipping

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/health"
)

func TestDoctor(t *testing.T) {
	b := newBroker(t).start()
	src := newSource()
	o := b.options(src)
	find := func(name string, state health.State, detail, rules string) {
		t.Helper()
		for _, c := range Doctor(t.Context(), b.nc, "c", o.Dir, rules) {
			if c.Name == name && (c.State != state || !strings.Contains(c.Detail, detail) ||
				(c.Fix == "") != (state == health.OK)) {
				t.Errorf("%+v, want %q", c, detail)
			}
		}
	}
	find("stream of logs", health.OK, "not there yet", "")
	find("shipping position", health.OK, "none yet", "")
	find("shipping rules", health.OK, "none", "")
	path := o.Dir + "/rules"
	if err := writeFile(path, "filter: [drop: {}]\njoin: [{start: x}]"); err != nil {
		t.Fatal(err)
	}
	find("shipping rules", health.OK, "1 filter, 1 join, 0 sample", path)
	if err := writeFile(path, "filter: 3"); err != nil {
		t.Fatal(err)
	}
	find("shipping rules", health.Fail, "line 1", path)
	b.stream()
	find("stream of logs", health.OK, "is there", "")
	if err := writePosition(PositionFile(o.Dir), &place{nil, firstTime}); err != nil {
		t.Fatal(err)
	}
	find("shipping position", health.OK, "after 2023-11-14T22:13:20Z", "")
	if err := writeFile(PositionFile(o.Dir), "{"); err != nil {
		t.Fatal(err)
	}
	find("shipping position", health.Fail, "unexpected end", "")
}
