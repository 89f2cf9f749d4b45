package access

import (
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/session"
)

// Each right has an action of its own, and no right comes with another one.
func TestEveryRightIsDecidedAlone(t *testing.T) {
	ann, err := auth.NewPrincipal("ann", nil, auth.MethodJWT, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	tags := policy.Tags{Agent: "node1", User: "nobody", Command: "ls"}
	seen := map[Need]session.Right{}
	for _, right := range session.Rights {
		n := Of(right)
		if n.Resource == policy.Superuser {
			t.Errorf("the right %q needs nothing of its own", right)
			continue
		}
		if other, was := seen[n]; was {
			t.Errorf("the rights %q and %q need the same", right, other)
		}
		seen[n] = right
		p, err := policy.Parse([]byte("rules: [{subjects: user:ann, resources: '"+n.Resource.String()+"', actions: "+
			n.Action.String()+"}]"), "p.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for _, other := range session.Rights {
			if got := Decide(p, ann, other, &tags).Allowed; got != (other == right) {
				t.Errorf("a policy that allows %q: %q is %v", right, other, got)
			}
		}
		if Decide(p, nil, right, &tags).Allowed {
			t.Errorf("nobody has the right %q", right)
		}
	}
	most, err := policy.Parse([]byte("rules: [{subjects: user:ann, role: admin}]"), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if Decide(most, ann, "everything", &tags).Allowed {
		t.Error("an unknown right is allowed")
	}
}
