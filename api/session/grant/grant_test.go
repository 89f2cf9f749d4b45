package grant

import (
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

func newSigner(t testing.TB) *Signer {
	t.Helper()
	key, err := NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return NewSigner("relay1", key)
}

func newVerifier(t testing.TB, path string, keys ...ed25519.PublicKey) *Verifier {
	t.Helper()
	v, err := NewVerifier("node1", path, keys...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { v.Close() })
	return v
}

func shell() Grant {
	return Grant{Agent: "node1", Principal: "alice", Groups: []string{"ops"}, Method: "jwt", From: "10.0.0.1",
		Rule: "rule 3", Rights: []session.Right{session.Exec}, Session: session.NewID(),
		Container: session.Container{ID: "3fa9", Started: 1}, Command: &session.Command{Args: []string{"sh"}, TTY: true},
		Limits: session.Limits{Total: time.Hour}, Tags: map[string]string{"task_id": "t1"}}
}

func sign(t testing.TB, s *Signer, g Grant) string {
	t.Helper()
	token, err := s.Sign(g, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestVerify(t *testing.T) {
	s := newSigner(t)
	v := newVerifier(t, "", newSigner(t).Public(), s.Public())
	want := shell()
	token := sign(t, s, want)
	got, err := v.Verify(token)
	if err != nil {
		t.Fatal(err)
	}
	want.Version, want.Relay, want.Nonce, want.Deadline = version, "relay1", got.Nonce, got.Deadline
	if !reflect.DeepEqual(*got, want) {
		t.Errorf("%+v, want %+v", *got, want)
	}
	if got, err = v.Verify(token); !errors.Is(err, ErrRefused) || got == nil || got.Principal != "alice" {
		t.Errorf("a grant was taken twice: %+v, %v", got, err)
	}
}

func TestEveryAlteredByteIsRefused(t *testing.T) {
	s := newSigner(t)
	v := newVerifier(t, "", s.Public())
	token := sign(t, s, shell())
	for i := range token {
		for _, c := range []byte{token[i] ^ 1, 'A', '.'} {
			if c == token[i] {
				continue
			}
			if _, err := v.Verify(token[:i] + string(c) + token[i+1:]); !errors.Is(err, ErrRefused) {
				t.Fatalf("taken with %q instead of byte %d, %q: %v", c, i, token[i], err)
			}
		}
	}
	for _, bad := range []string{"", ".", "..", "a.b.c", token + "A", token[:len(token)-1],
		strings.Repeat("a", MaxToken+1)} {
		if _, err := v.Verify(bad); !errors.Is(err, ErrRefused) {
			t.Errorf("%.40q is taken: %v", bad, err)
		}
	}
	if _, err := v.Verify(token); err != nil {
		t.Errorf("the grant itself: %v", err) // the refused ones have not used it up
	}
}

func TestRefused(t *testing.T) {
	s := newSigner(t)
	other := shell()
	other.Agent = "node2"
	for name, c := range map[string]struct {
		token string
		after time.Duration
		want  string
	}{
		"another node":     {sign(t, s, other), 0, `it is for the node "node2"`},
		"another relay":    {sign(t, newSigner(t), shell()), 0, "--session-keys"},
		"late":             {sign(t, s, shell()), time.Minute, "it was valid until"},
		"from far away":    {sign(t, s, shell()), -time.Hour, "too far away"},
		"a signed session": {signDocument(s, `{"v":1,"something":"else"}`), 0, "older than the relay"},
		"a later version":  {signDocument(s, `{"v":2}`), 0, "version 2"},
	} {
		v := newVerifier(t, "", s.Public())
		v.now = func() time.Time { return time.Now().Add(c.after) }
		if _, err := v.Verify(c.token); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func signDocument(s *Signer, document string) string {
	signed := s.id + "." + encoding.EncodeToString([]byte(document))
	return signed + "." + encoding.EncodeToString(ed25519.Sign(s.key, []byte(grantContext+signed)))
}

// A relay cannot sign what its rights do not cover, and a node does not take it either.
func TestRightsCoverTheCommand(t *testing.T) {
	s := newSigner(t)
	for name, change := range map[string]func(g *Grant){
		"no right":         func(g *Grant) { g.Rights = nil },
		"an unknown right": func(g *Grant) { g.Rights = append(g.Rights, "everything") },
		"exec":             func(g *Grant) { g.Rights = []session.Right{session.AttachRead} },
		"a user":           func(g *Grant) { g.Command.User = "root" },
		"privileged":       func(g *Grant) { g.Command.Privileged = true },
		"no container":     func(g *Grant) { g.Container.ID = "" },
		"no start":         func(g *Grant) { g.Container.Started = 0 },
		"an unknown tool":  func(g *Grant) { g.Command.Tool, g.Command.Args[0] = "hammer", "hammer" },
		"another program":  func(g *Grant) { g.Command.Tool = session.ToolDebug },
		"a tool on the node": func(g *Grant) {
			g.Rights, g.Container = []session.Right{session.Node}, session.Container{}
			g.Command.Tool, g.Command.Args = session.ToolDebug, []string{session.ToolDebug}
		},
		"a tool": func(g *Grant) {
			g.Rights = []session.Right{session.CopyIn}
			g.Command.Tool, g.Command.Args = session.ToolDebug, []string{session.ToolDebug}
		},
		"the node":            func(g *Grant) { g.Rights = []session.Right{session.Node} },
		"no command":          func(g *Grant) { g.Command.Args = nil },
		"no session":          func(g *Grant) { g.Session = "" },
		"a session of a path": func(g *Grant) { g.Session = "../../../../../../x" },
		"nobody":              func(g *Grant) { g.Principal = "" },
		"no node":             func(g *Grant) { g.Agent = "" },
		"a negative limit":    func(g *Grant) { g.Limits.Idle = -1 },
	} {
		g := shell()
		change(&g)
		if _, err := s.Sign(g, time.Minute); err == nil {
			t.Errorf("%s: signed", name)
		}
		g.Version, g.Nonce, g.Deadline = version, session.NewID(), time.Now().Add(time.Minute)
		b, err := json.Marshal(g)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := newVerifier(t, "", s.Public()).Verify(signDocument(s, string(b))); !errors.Is(err, ErrRefused) {
			t.Errorf("%s: taken: %v", name, err)
		}
	}
	for _, life := range []time.Duration{0, -1, MaxLife + 1} {
		if _, err := s.Sign(shell(), life); err == nil {
			t.Errorf("signed for %v", life)
		}
	}
}

func TestUsedGrantsSurviveRestart(t *testing.T) {
	s := newSigner(t)
	path := filepath.Join(t.TempDir(), "grants")
	v := newVerifier(t, path, s.Public())
	tokens := []string{sign(t, s, shell()), sign(t, s, shell())}
	for _, token := range tokens {
		if _, err := v.Verify(token); err != nil {
			t.Fatal(err)
		}
	}
	again := newVerifier(t, path, s.Public()) // v is not closed, as if it was killed
	for _, token := range tokens {
		if _, err := again.Verify(token); err == nil || !strings.Contains(err.Error(), "used before") {
			t.Errorf("after a restart: %v", err)
		}
	}
	v.now = func() time.Time { return time.Now().Add(time.Hour) }
	v.mu.Lock()
	v.forget(v.now())
	left := len(v.used)
	v.mu.Unlock()
	if left != 0 {
		t.Errorf("%d nonces are remembered after an hour", left)
	}
	v.now = time.Now // the clock is set back
	for _, token := range append(tokens, sign(t, s, shell())) {
		if _, err := v.Verify(token); err == nil {
			t.Error("a grant that may have been used before is taken")
		}
	}
}

func TestNoncesFileStaysSmall(t *testing.T) {
	s := newSigner(t)
	path := filepath.Join(t.TempDir(), "grants")
	v := newVerifier(t, path, s.Public())
	at := time.Now()
	v.now = func() time.Time { return at }
	for range 3 * keepNonces {
		g := shell()
		g.Nonce, g.Deadline = session.NewID(), at.Add(time.Minute)
		if err := v.use(g.Nonce, g.Deadline, 2*MaxLife); err != nil {
			t.Fatal(err)
		}
		at = at.Add(time.Second)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if lines := strings.Count(string(b), "\n"); lines > 2*keepNonces {
		t.Errorf("%d lines", lines)
	}
}

func TestKeys(t *testing.T) {
	dir := t.TempDir()
	write := func(name string, b []byte, mode os.FileMode) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, b, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	a, b := newSigner(t), newSigner(t)
	key, err := LoadKey(write("key", MarshalKey(a.key), 0o600))
	if err != nil || !key.Equal(a.key) {
		t.Errorf("a key is read as another one: %v", err)
	}
	both := append(MarshalPublic(a.Public()), MarshalPublic(b.Public())...)
	keys, err := LoadPublic(write("keys", both, 0o644))
	if err != nil || len(keys) != 2 || !keys[0].Equal(a.Public()) || !keys[1].Equal(b.Public()) {
		t.Errorf("%d public keys, %v", len(keys), err)
	}
	for name, path := range map[string]string{
		"others read it": write("open", MarshalKey(a.key), 0o640), "a public key": write("public", both, 0o600),
		"nothing": write("empty", nil, 0o600), "missing": filepath.Join(dir, "missing"),
	} {
		if _, err := LoadKey(path); err == nil {
			t.Errorf("key, %s: no error", name)
		}
	}
	for name, path := range map[string]string{
		"others write it": write("writable", both, 0o664), "a private key": write("private", MarshalKey(a.key), 0o600),
		"nothing": write("empty2", nil, 0o644), "missing": filepath.Join(dir, "missing"),
	} {
		if _, err := LoadPublic(path); err == nil {
			t.Errorf("public keys, %s: no error", name)
		}
	}
}

func FuzzVerify(f *testing.F) {
	s := newSigner(f)
	f.Add(sign(f, s, shell()))
	f.Add(signDocument(s, `{"v":1}`))
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, token string) {
		g, err := newVerifier(t, "", s.Public()).Verify(token)
		if err == nil && (g.Agent != "node1" || g.check() != nil) {
			t.Fatalf("%+v is taken", g)
		}
	})
}
