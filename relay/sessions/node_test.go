package sessions

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/bench/rig"
)

// A command on a node itself needs its own right, and a grant that names no container.
func TestOpenOnNode(t *testing.T) {
	f := newFixture(t)
	var err error
	f.rules, err = policy.Parse([]byte(`rules:
- {name: nodes, subjects: user:ops, resources: daytwo:node-shell, actions: create,
   where: {agent: 'node*', command: 'ls *'}}
- {subjects: user:vic, resources: dcos:adminrouter:ops:system-metrics, actions: read}
- {subjects: user:all, resources: dcos:mesos:agent:nested_container_session, actions: create}
`), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	open := func(who string, r broker.Request) error {
		r.Node, r.Client = true, "c"
		opened, err := f.Open(context.Background(), f.asker(who), &r)
		if err == nil {
			opened.Conn.Close()
		}
		return err
	}
	ls := session.Command{Args: []string{"ls", "/"}}
	rig.Eventually(t, 10*time.Second, func() error { // the node has just started
		return open("ops", broker.Request{Agent: "node1", Command: ls})
	})
	g := f.grants[0]
	if len(g.Rights) != 1 || !g.Has(session.Node) || g.Container.ID != "" || g.Agent != "node1" ||
		!strings.Contains(g.Rule, "nodes") {
		t.Errorf("%+v", g)
	}
	for _, c := range []struct {
		who string
		r   broker.Request
		as  any
	}{
		{"ops", broker.Request{Agent: "node1", Command: session.Command{Args: []string{"rm", "-r", "/"}}},
			new(*broker.NoNodeError)}, // who may know of no node is not told of one
		{"vic", broker.Request{Agent: "node1", Command: ls}, new(*broker.DeniedError)},
		{"all", broker.Request{Agent: "node1", Command: ls}, new(*broker.NoNodeError)},
		{"ops", broker.Request{Agent: "node2", Command: ls}, new(*broker.NoNodeError)},
		{"ops", broker.Request{Command: ls}, new(*broker.NoNodeError)},
		{"ops", broker.Request{Agent: "node1", Container: "web", Command: ls}, nil},
		{"ops", broker.Request{Agent: "node1", Command: session.Command{Args: ls.Args, Privileged: true}}, nil},
	} {
		err := open(c.who, c.r)
		if err == nil || c.as == nil && !errors.Is(err, broker.ErrBad) || c.as != nil && !errors.As(err, c.as) {
			t.Errorf("%s, %+v: %v", c.who, c.r, err)
		}
	}
	if len(f.grants) != 1 {
		t.Errorf("%d grants", len(f.grants))
	}
	refused := 0
	for _, r := range f.records {
		if r.Decision == audit.Refused {
			refused++
		}
	}
	if refused != 5 {
		t.Errorf("%d of 5 refusals are in the audit log: %+v", refused, f.records)
	}
}
