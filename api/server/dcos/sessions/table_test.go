package sessions

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/client"
)

// Nested containers belong to who opened them: their ids are nobody else's.
func TestTable(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	table := &Table{now: func() time.Time { return now }}
	mine := key{"sue", "n1", "c1", "u1"}
	n, err := table.add(mine, true)
	if err != nil || !session.ValidID(n.id) {
		t.Fatal(n, err)
	}
	if table.find(mine) != nil {
		t.Error("it is there before it was opened")
	}
	n.runs(client.New(client.Options{}))
	if table.find(mine) != n {
		t.Error("it is not there")
	}
	if _, err := table.add(mine, true); !errors.Is(err, errExists) {
		t.Errorf("a second one: %v", err)
	}
	ids := map[string]bool{n.id: true}
	for _, other := range []key{{"eve", "n1", "c1", "u1"}, {"sue", "n2", "c1", "u1"}, {"sue", "n1", "c2", "u1"},
		{"sue", "n1", "c1", "u2"}, {"suen", "1", "c1", "u1"}, {"sue", "n1c", "1", "u1"}} {
		if table.find(other) != nil {
			t.Errorf("%+v is there", other)
		}
		if ids[other.session()] {
			t.Errorf("%+v has the session of another one", other)
		}
		ids[other.session()] = true
	}
	n.end(session.Exit{Code: 7}, now)
	n.end(session.Exit{Code: 8}, now)
	now = now.Add(30 * time.Second)
	if got := table.find(mine); got != n || got.status() != 7<<8 {
		t.Errorf("30 s after its end: %+v", got)
	}
	now = now.Add(keepEnded)
	if table.find(mine) != nil {
		t.Error("it is there for ever")
	}
	if _, err := table.add(mine, false); err != nil {
		t.Errorf("again, long after its end: %v", err)
	}
}

// The table is bounded, and nobody can push out what others have.
func TestTableIsBounded(t *testing.T) {
	now := time.Unix(1_700_000_000, 0)
	const most = 50
	table := &Table{now: func() time.Time { return now }, one: most}
	add := func(who string, i int) (*nested, error) { return table.add(key{who, "n", "c", fmt.Sprint(i)}, false) }
	hers, err := add("sue", 0)
	if err != nil {
		t.Fatal(err)
	}
	hers.end(session.Exit{}, now)
	for i := range most + 100 {
		n, err := add("eve", i)
		if err != nil {
			t.Fatal(i, err)
		}
		n.end(session.Exit{}, now.Add(time.Duration(i)))
	}
	if len(table.all) != most+1 || table.find(hers.key) == nil {
		t.Errorf("%d of them, %v", len(table.all), table.find(hers.key))
	}
	if table.find(key{"eve", "n", "c", "99"}) != nil || table.find(key{"eve", "n", "c", "100"}) == nil {
		t.Error("the oldest ones were not pushed out")
	}
	for i := range most { // those that run are not
		if _, err := add("tom", i); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := add("tom", most); !errors.Is(err, errFull) {
		t.Errorf("too many: %v", err)
	}
}

func TestOneWriter(t *testing.T) {
	n := &nested{ended: make(chan struct{})}
	n.runs(client.New(client.Options{}))
	_, release, ok := n.write()
	if _, _, again := n.write(); !ok || again {
		t.Errorf("the first one: %v, the second one: %v", ok, again)
	}
	release()
	s, release, ok := n.write()
	if s == nil || !ok {
		t.Error("not after the release")
	}
	n.end(session.Exit{}, time.Now())
	for range 2 { // after the end everybody may, to nobody
		if s, _, ok := n.write(); s != nil || !ok {
			t.Errorf("after the end: %v, %v", s, ok)
		}
	}
	release()
	release()
}
