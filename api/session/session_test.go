package session

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestReasons(t *testing.T) {
	for r := Exited; r <= KeeperLost; r++ {
		b, err := json.Marshal(Exit{Reason: r, Code: 1})
		if err != nil {
			t.Fatal(err)
		}
		var e Exit
		if err := json.Unmarshal(b, &e); err != nil || e.Reason != r {
			t.Errorf("%s is read as %v, %v", b, e.Reason, err)
		}
	}
	var e Exit
	if err := json.Unmarshal([]byte(`{"reason":"of a later version"}`), &e); err != nil || e.Success() {
		t.Errorf("an unknown reason: %+v, %v", e, err)
	}
	for _, c := range []struct {
		e    Exit
		want string
	}{
		{Exit{Code: 7}, "the program ended with code 7"},
		{Exit{Code: 137, Signal: 9}, "signal 9 ended the program"},
		{Exit{Code: 137, Signal: 9, Reason: Killed, Detail: "by alice"}, "the session was ended: by alice"},
		{Exit{Reason: 99}, "the session ended (reason-99)"},
	} {
		if got := c.e.String(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.e, got, c.want)
		}
	}
}

func TestCommandCheck(t *testing.T) {
	ok := Command{Args: []string{"sh"}, Env: []string{"A=b", "C="}, Workdir: "/tmp", User: "1000:1000"}
	if err := ok.Check(); err != nil {
		t.Error(err)
	}
	for name, c := range map[string]Command{
		"no program":    {},
		"empty program": {Args: []string{""}},
		"zero byte":     {Args: []string{"a\x00b"}},
		"no name":       {Args: []string{"a"}, Env: []string{"=b"}},
		"no such tool":  {Tool: "hammer", Args: []string{"hammer"}},
		"other tool":    {Tool: ToolDebug, Args: []string{"sh"}},
		"no value":      {Args: []string{"a"}, Env: []string{"b"}},
		"relative":      {Args: []string{"a"}, Workdir: "tmp"},
		"zero user":     {Args: []string{"a"}, User: "\x00"},
		"long user":     {Args: []string{"a"}, User: strings.Repeat("u", MaxText+1)},
		"long":          {Args: []string{strings.Repeat("a", MaxArgs)}},
	} {
		if c.Check() == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestToolRights(t *testing.T) {
	for _, name := range Tools() {
		c := Command{Tool: name, Args: []string{name, "/etc"}, User: "root", Privileged: true}
		if err := c.Check(); err != nil {
			t.Error(err)
		}
		r := c.Rights()
		if len(r) != 3 || !r[0].Known() || r[1] != ExecAs || r[2] != Privileged {
			t.Errorf("%s needs %v", name, r)
		}
	}
	if r := (&Command{Tool: "hammer"}).Rights(); len(r) != 1 || r[0].Known() {
		t.Errorf("a tool that is not known needs %v", r)
	}
}

func TestIDs(t *testing.T) {
	if id := NewID(); !ValidID(id) || id == NewID() {
		t.Errorf("%q", id)
	}
	for _, id := range []string{"", "short", "../../../../../etc/passwd",
		strings.Repeat("a", 65), "ABCDEFGHIJKLMNOPQRST"} {
		if ValidID(id) {
			t.Errorf("%q is taken for an id", id)
		}
	}
}

func TestRights(t *testing.T) {
	for _, r := range Rights {
		if !r.Known() {
			t.Errorf("%q", r)
		}
	}
	if Right("everything").Known() {
		t.Error("an unknown right is known")
	}
}
