package bus

import (
	"strings"
	"testing"
)

func TestToken(t *testing.T) {
	for in, want := range map[string]string{
		"node-1_A": "node-1_A", "": "=", "a.b": "a=2Eb", "*": "=2A", ">": "=3E",
		"a b": "a=20b", "=": "=3D", "\xff": "=FF", "é": "=C3=A9",
	} {
		if got := Token(in); got != want {
			t.Errorf("Token(%q) = %q, want %q", in, got, want)
		}
	}
	for _, bad := range []string{"", "=2", "=2e", "=41", "a.b", "==", "a=ZZ"} {
		if s, ok := ParseToken(bad); ok {
			t.Errorf("ParseToken(%q) = %q", bad, s)
		}
	}
}

func FuzzToken(f *testing.F) {
	for _, s := range []string{"", "a", "a.b", "=41", "\x00", "daytwo.v1.>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tok := Token(s)
		if tok == "" || strings.ContainsAny(tok, ".*> \t\r\n\x00/\\") {
			t.Fatalf("Token(%q) = %q is no token", s, tok)
		}
		if back, ok := ParseToken(tok); !ok || back != s {
			t.Fatalf("%q came back as %q, %v", s, back, ok)
		}
		if back, ok := ParseToken(s); ok && Token(back) != s {
			t.Fatalf("ParseToken(%q) = %q, which is Token %q", s, back, Token(back))
		}
	})
}

func TestSubjects(t *testing.T) {
	if got := Frames("prod", "a.b", 16); !strings.HasPrefix(got, "daytwo.v1.prod.frames.") ||
		!strings.HasSuffix(got, ".a=2Eb") {
		t.Error(got)
	}
	if a, ok := FramesAgent(Frames("prod", "a.b", 16)); !ok || a != "a.b" {
		t.Error(a, ok)
	}
	if _, ok := FramesAgent(RPC("prod", "a", "logs")); ok {
		t.Error("an rpc subject taken for one of frames")
	}
	if got := RPC("c", "n", "exec"); got != "daytwo.v1.c.rpc.n.exec" {
		t.Error(got)
	}
	if a, ok := LogsAgent(Logs("prod", "a.b", 16)); !ok || a != "a.b" {
		t.Error(a, ok)
	}
	if _, ok := LogsAgent(Frames("prod", "a", 16)); ok {
		t.Error("a subject of frames taken for one of logs")
	}
	if got := LogsStream("c"); got != "daytwo_c_logs" {
		t.Error(got)
	}
	if got := FramesStream("my cluster"); got != "daytwo_my=20cluster_frames" {
		t.Error(got)
	}
}

// The shard of an agent is part of the protocol: these values never change.
func TestShard(t *testing.T) {
	for agent, want := range map[string]int{"": 5, "node-1": 3, "node-2": 6} {
		if got := Shard(agent, 16); got != want {
			t.Errorf("Shard(%q, 16) = %d, want %d", agent, got, want)
		}
	}
	if Shard("x", 1) != 0 || Shard("x", 0) != 0 {
		t.Error("one shard is shard 0")
	}
	seen := map[int]int{}
	for i := range 1600 {
		seen[Shard(strings.Repeat("n", i%7)+string(rune('a'+i%26))+string(rune(i)), 16)]++
	}
	if len(seen) != 16 {
		t.Errorf("1600 agents fall on %d of 16 shards", len(seen))
	}
}
