package bus

import (
	"strings"
	"testing"
)

func TestStreamSubjects(t *testing.T) {
	up, down := ToNode("my cluster", "a.b", "c1", "s1"), ToClient("my cluster", "a.b", "c1", "s1")
	if up != "daytwo.v1.my=20cluster.up.a=2Eb.c1.s1" || down != "daytwo.v1.my=20cluster.down.a=2Eb.c1.s1" {
		t.Errorf("%s and %s", up, down)
	}
	if got, ok := DownToUp(down, "my cluster"); !ok || got != up {
		t.Errorf("DownToUp: %s, %v", got, ok)
	}
	if got, ok := UpToDown(up, "my cluster", "a.b"); !ok || got != down {
		t.Errorf("UpToDown: %s, %v", got, ok)
	}
	if client, stream, ok := ParseToClient(down, "my cluster", "a.b"); !ok || client != "c1" || stream != "s1" {
		t.Errorf("ParseToClient: %s, %s, %v", client, stream, ok)
	}
	if _, ok := DownToUp(up, "my cluster"); ok {
		t.Error("DownToUp takes a subject of the other direction")
	}
	if _, ok := UpToDown(up, "my cluster", "a"); ok {
		t.Error("UpToDown takes a subject of another agent")
	}
}

// A subject may come from anybody: its last parts are names, or it is refused.
func TestParseToClientRefuses(t *testing.T) {
	const good = "daytwo.v1.c.down.n."
	for _, bad := range []string{
		"daytwo.v1.c.down.m.c1.s1", "daytwo.v1.d.down.n.c1.s1", "daytwo.v1.c.up.n.c1.s1",
		good, good + "c1", good + "c1.", good + ".s1", good + "c1.s1.x", good + "c1.*", good + ">", good + "C1.s1",
		good + "c1.s 1", good + "c1." + strings.Repeat("s", 65), good + strings.Repeat("c", 65) + ".s1",
	} {
		if client, stream, ok := ParseToClient(bad, "c", "n"); ok {
			t.Errorf("%q is of client %q, stream %q", bad, client, stream)
		}
	}
	if _, _, ok := ParseToClient(good+"c1."+strings.Repeat("s", 64), "c", "n"); !ok {
		t.Error("a name of 64 letters is refused")
	}
}
