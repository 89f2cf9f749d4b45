package sessions

import (
	"errors"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
)

// Copying has rights of its own, which a rule can narrow to paths.
func TestCopyRights(t *testing.T) {
	f := newFixture(t)
	var err error
	f.rules, err = policy.Parse([]byte(`
rules:
  - subjects: user:sue
    where: {path: /srv/*}
    resources: daytwo:files
    actions: read
  - subjects: user:sue
    where: {path: [/srv/in, /srv/in/*]}
    resources: daytwo:files
    actions: update
  - subjects: user:vic
    resources: dcos:mesos:agent:nested_container_session
    actions: create
`), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, tool, path string
		may             bool
	}{
		{"sue", session.ToolCopyOut, "/srv/a", true}, {"sue", session.ToolCopyOut, "/srv/in/a/b", true},
		{"sue", session.ToolCopyOut, "/etc/passwd", false}, {"sue", session.ToolCopyOut, "/", false},
		{"sue", session.ToolCopyIn, "/srv/in", true}, {"sue", session.ToolCopyIn, "/srv/in/x", true},
		{"sue", session.ToolCopyIn, "/srv/a", false}, {"sue", session.ToolDebug, "/srv/a", false},
		{"vic", session.ToolCopyOut, "/srv/a", false}, {"vic", session.ToolCopyIn, "/srv/in", false},
	} {
		o, err := f.open(c.who, "web", session.Command{Tool: c.tool, Args: []string{c.tool, c.path, "-name=x"}})
		if c.may != (err == nil) {
			t.Errorf("%s %s %s: %v", c.who, c.tool, c.path, err)
		}
		if err == nil {
			o.Conn.Close()
		}
	}
	g := f.grants[0]
	if !slices.Equal(g.Rights, []session.Right{session.CopyOut}) {
		t.Errorf("the grant has %v", g.Rights)
	}
	// A path that is not what it looks like is no request.
	for _, path := range []string{"/srv/../etc/passwd", "srv/a", "/srv/./a", "/srv//a", "/srv/a/", ""} {
		_, err := f.open("sue", "web", session.Command{Tool: session.ToolCopyOut, Args: []string{session.ToolCopyOut, path}})
		if !errors.Is(err, broker.ErrBad) {
			t.Errorf("%q: %v", path, err)
		}
	}
}
