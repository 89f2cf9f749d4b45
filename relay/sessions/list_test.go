package sessions

import (
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/grant"
)

// A node that does not know the relay's key is among those that did not tell their sessions, with
// what it said: else its sessions would seem to have ended.
func TestListNamesNodesThatRefuse(t *testing.T) {
	f := newFixture(t)
	if o, err := f.open("sue", "web", session.Command{Args: []string{"ls"}}); err != nil { // the node answers now
		t.Fatal(err)
	} else {
		o.Conn.Close()
	}
	if _, missing, err := f.List(t.Context(), f.asker("sue")); err != nil || len(missing) != 0 {
		t.Errorf("%+v, %v", missing, err)
	}
	key, err := grant.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	f.o.Signer = grant.NewSigner("relay2", key)
	_, missing, err := f.List(t.Context(), f.asker("sue"))
	if err != nil || len(missing) != 1 || missing[0].Agent != "node1" ||
		!strings.Contains(missing[0].Reason, "which this node does not know") {
		t.Errorf("%+v, %v", missing, err)
	}
	err = f.Kill(t.Context(), f.asker("sue"), "", session.NewID())
	if rpc.CodeOf(err) != rpc.Unavailable || !strings.Contains(err.Error(), "node1: the grant of the session is refused") {
		t.Errorf("ending a session of that node: %v", err)
	}
}
