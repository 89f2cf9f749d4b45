package grant

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
)

// approved returns a grant with an approval of what it opens.
func approved(t testing.TB, s *Signer, g Grant, who string, until time.Time) Grant {
	t.Helper()
	token, err := s.Approve(Approval{Principal: who, Deadline: until}, g.Request())
	if err != nil {
		t.Fatal(err)
	}
	g.Approval = token
	return g
}

func TestApproval(t *testing.T) {
	here, there := newSigner(t), newSigner(t)
	v := newVerifier(t, "", here.Public(), there.Public())
	soon := time.Now().Add(time.Minute)
	g, err := v.Verify(sign(t, here, approved(t, there, shell(), "bob", soon))) // given at another relay
	if err != nil {
		t.Fatal(err)
	}
	if a := g.Approver(); a == nil || a.Principal != "bob" || !a.Deadline.Equal(soon) || a.Given.IsZero() {
		t.Errorf("%+v", a)
	}
	if g, err := v.Verify(sign(t, here, shell())); err != nil || g.Approver() != nil {
		t.Errorf("without an approval: %+v, %v", g.Approver(), err)
	}
	for _, own := range []string{shell().Principal, strings.ToUpper(shell().Principal)} {
		g := shell()
		if _, err := here.Approve(Approval{Principal: own, Deadline: soon}, g.Request()); !errors.Is(err, errSame) {
			t.Errorf("%s approves the own request: %v", own, err)
		}
	}
	if token, err := ReadApproval(approved(t, here, shell(), "bob", soon).Approval, new(Grant).Request()); err == nil {
		t.Errorf("the approval of another request is read: %+v", token)
	}
}

// An approval opens what was approved and nothing else: each thing that differs is refused.
func TestApprovalOfSomethingElse(t *testing.T) {
	s := newSigner(t)
	v := newVerifier(t, "", s.Public())
	base := shell()
	base.Rights = append(base.Rights, session.ExecAs, session.Privileged)
	base.Reason = "broken"
	token := approved(t, s, base, "bob", time.Now().Add(time.Minute)).Approval
	for name, change := range map[string]func(*Grant){
		"session":     func(g *Grant) { g.Session = session.NewID() },
		"principal":   func(g *Grant) { g.Principal = "mallory" },
		"container":   func(g *Grant) { g.Container.ID += "0" },
		"start":       func(g *Grant) { g.Container.Started++ },
		"arguments":   func(g *Grant) { g.Command.Args = append(g.Command.Args, "x") },
		"user":        func(g *Grant) { g.Command.User = "root" },
		"directory":   func(g *Grant) { g.Command.Workdir = "/root" },
		"environment": func(g *Grant) { g.Command.Env = append(g.Command.Env, "LD_PRELOAD=/tmp/x.so") },
		"terminal":    func(g *Grant) { g.Command.TTY = !g.Command.TTY },
		"privileged":  func(g *Grant) { g.Command.Privileged = !g.Command.Privileged },
		"rights":      func(g *Grant) { g.Rights = append(g.Rights, session.CopyIn) },
		"limits":      func(g *Grant) { g.Limits.Total += time.Hour },
		"more":        func(g *Grant) { g.Arguments = map[string]string{"path": "/etc"} },
		"reason":      func(g *Grant) { g.Reason = "none" },
	} {
		g := base
		command := *base.Command
		g.Command = &command
		change(&g)
		g.Approval = token
		if _, err := v.Verify(sign(t, s, g)); err == nil || !strings.Contains(err.Error(), "it is of another request") {
			t.Errorf("another %s: %v", name, err)
		}
	}
	g := base
	g.Approval = token
	if _, err := v.Verify(sign(t, s, g)); err != nil {
		t.Errorf("what was approved: %v", err)
	}
}

// An approval is refused that was used, altered, is late, is signed with an unknown key, or is
// something else that a relay has signed. NATS alone can do nothing with those that it carries.
func TestApprovalRefused(t *testing.T) {
	s, stranger := newSigner(t), newSigner(t)
	path := filepath.Join(t.TempDir(), "grants")
	v := newVerifier(t, path, s.Public())
	soon := time.Now().Add(time.Minute)
	used := approved(t, s, shell(), "bob", soon)
	if _, err := v.Verify(sign(t, s, used)); err != nil {
		t.Fatal(err)
	}
	with := func(token string) Grant { g := shell(); g.Approval = token; return g }
	fresh := approved(t, s, shell(), "bob", soon).Approval
	altered := []byte(fresh)
	altered[len(altered)/2]++
	for name, c := range map[string]struct {
		g    Grant
		want string
	}{
		"used":          {used, "used before"},
		"altered":       {with(string(altered)), "altered"},
		"an own one":    {approved(t, stranger, shell(), "bob", soon), "which this node does not know"},
		"a grant":       {with(sign(t, s, shell())), "altered"},
		"no token":      {with("bob says yes"), "no grant"},
		"without a dot": {with("x"), "no grant"},
	} {
		if _, err := v.Verify(sign(t, s, c.g)); !errors.Is(err, ErrRefused) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	late := approved(t, s, shell(), "bob", time.Now().Add(20*time.Millisecond))
	time.Sleep(30 * time.Millisecond)
	if _, err := v.Verify(sign(t, s, late)); err == nil || !strings.Contains(err.Error(), "it was valid until") {
		t.Errorf("late: %v", err)
	}
	v.Close()
	v = newVerifier(t, path, s.Public()) // the node was started again
	if _, err := v.Verify(sign(t, s, used)); err == nil || !strings.Contains(err.Error(), "used before") {
		t.Errorf("used before the node was started again: %v", err)
	}
	if _, err := s.Approve(Approval{Principal: "bob", Deadline: time.Now().Add(3 * time.Hour)},
		new(Grant).Request()); err == nil {
		t.Error("an approval for three hours is signed")
	}
}

func FuzzApproval(f *testing.F) {
	s := newSigner(f)
	g := shell()
	f.Add(approved(f, s, g, "bob", time.Now().Add(time.Minute)).Approval)
	f.Add("")
	f.Add("a.b.c")
	v, err := NewVerifier(g.Agent, "", s.Public())
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, token string) {
		g := shell()
		if a, err := ReadApproval(token, g.Request()); (a == nil) == (err == nil) {
			t.Errorf("%+v, %v", a, err)
		}
		g.Approval = token
		if len(token) > MaxToken/2 {
			return
		}
		if got, err := v.Verify(sign(t, s, g)); err == nil && token != "" && got.Approver() == nil {
			t.Error("a grant is taken whose approval is none")
		}
	})
}
