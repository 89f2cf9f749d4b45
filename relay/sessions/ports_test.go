package sessions

import (
	"errors"
	"slices"
	"testing"

	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
)

// A rule for a port allows no other one, alone or beside it, and no command.
func TestPorts(t *testing.T) {
	f := newFixture(t)
	var err error
	f.rules, err = policy.Parse([]byte(`rules:
- {subjects: user:sue, resources: daytwo:port-forward, actions: create, where: {command: ['connect 80', 'connect 9*']}}
- {subjects: user:vic, resources: dcos:mesos:agent:nested_container_session, actions: create}
- {subjects: [user:sue, user:vic], resources: dcos:adminrouter:ops:system-metrics, actions: read}
`), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who   string
		ports []string
		may   bool
	}{
		{"sue", []string{"80"}, true}, {"sue", []string{"80", "90", "91"}, true}, {"sue", []string{"81"}, false},
		{"sue", []string{"80", "81"}, false}, {"sue", []string{"81", "80"}, false}, {"sue", nil, false},
		{"sue", []string{"80 81"}, false}, {"sue", []string{"connect 80"}, false}, {"vic", []string{"80"}, false},
	} {
		command := session.Command{Tool: session.ToolConnect, Args: append([]string{session.ToolConnect}, c.ports...)}
		o, err := f.open(c.who, "web", command)
		if err == nil {
			o.Conn.Close()
		}
		if c.may && err != nil || !c.may && !errors.As(err, new(*broker.DeniedError)) {
			t.Errorf("%s, %q: %v", c.who, c.ports, err)
		}
	}
	if o, err := f.open("sue", "web", session.Command{Args: []string{"connect", "80"}}); err == nil {
		o.Conn.Close()
		t.Error("who may forward a port may run a command of that name")
	}
	if g := f.grants[0]; !slices.Equal(g.Rights, []session.Right{session.PortForward}) {
		t.Errorf("%+v", g)
	}
}
