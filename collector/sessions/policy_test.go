package sessions

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/access"
	"github.com/daytwo/daytwo/api/session/client"
	"github.com/daytwo/daytwo/api/session/grant"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/bench/rig"
)

// putPolicy writes a node's own policy.
func putPolicy(t testing.TB, path, rules string) {
	t.Helper()
	if err := os.WriteFile(path+".new", []byte(rules), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}

// Each right needs a rule of the node's policy, too, whatever else the policy allows, and the
// admin of a relay is nobody special.
func TestNodePolicyCoversEveryRight(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	for _, right := range session.Rights {
		n := access.Of(right)
		putPolicy(t, path, fmt.Sprintf("rules: [{subjects: user:ann, resources: '%s', actions: %s}]", n.Resource, n.Action))
		file, err := policy.Open(policy.FileOptions{Path: path, FailClosed: true})
		if err != nil {
			t.Fatal(err)
		}
		m := &Manager{o: Options{Agent: agent, Policy: file}}
		for _, asked := range session.Rights {
			// Of the ports that are forwarded each is decided by itself.
			g := &grant.Grant{Principal: "ann", Rights: []session.Right{asked},
				Command: &session.Command{Args: []string{session.ToolConnect, "80"}}}
			tags := m.tagsOfGrant(g)
			if _, err := m.allowed(g, g.Rights, &tags); (err == nil) != (asked == right) {
				t.Errorf("a policy that allows %q: %q: %v", right, asked, err)
			}
			g.Principal, g.Method = auth.AdminName, string(auth.MethodToken)
			if _, err := m.allowed(g, g.Rights, &tags); err == nil {
				t.Errorf("the admin of a relay has %q on a node whose policy does not say so", asked)
			}
		}
	}
}

const nodeRules = `
rules:
  - name: shells
    subjects: user:alice
    where: {task: web, command: "/bin/sh *"}
    resources: dcos:mesos:agent:nested_container_session
    actions: create
  - name: watchers
    subjects: group:ops
    where: {task: web}
    resources: dcos:mesos:agent:container
    actions: read
`

// What a relay allows happens only if the node's own policy allows it, too; the client is told
// by which rules, and the audit log, too. The policy decides by what the node knows of the
// container, not by what the relay says of it.
func TestNodePolicyNarrows(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	putPolicy(t, path, nodeRules)
	f := newFixture(t, false, func(f *fixture) {
		f.Policy, f.Labels = path, []frame.Label{{Name: "task_name", Value: "web"}}
	})
	open := func(g grant.Grant) error {
		conn, err := sessionrpc.Open(t.Context(), f.rpc, agent, &sessionrpc.Request{Grant: f.sign(g), Client: "c"})
		if err == nil {
			conn.Close()
		}
		return err
	}
	other, asRoot, eve, admin := f.exec(session.Command{Args: []string{"/bin/true"}}), f.exec(sh("true")),
		f.exec(sh("true")), f.exec(sh("true"))
	asRoot.Command.User, asRoot.Rights = "root", append(asRoot.Rights, session.ExecAs)
	eve.Principal, eve.Tags = "eve", map[string]string{"task_name": "other"}
	admin.Principal, admin.Method = "admin", "socket"
	tagged := other
	tagged.Tags = map[string]string{"command": "/bin/sh x"}
	for name, c := range map[string]struct {
		g    grant.Grant
		want string
	}{
		"another command":    {other, "rule 1 shells: command must match /bin/sh *, and it is /bin/true"},
		"another user":       {asRoot, "alice create daytwo:exec-as here: rule 1 shells: it does not name the resource"},
		"who has no rule":    {eve, "no rule is for this user"},
		"the relay's admin":  {admin, "no rule is for this user"},
		"tags of the relay?": {tagged, "rule 1"},
	} {
		err := open(c.g)
		if rpc.CodeOf(err) != rpc.Denied || !strings.Contains(fmt.Sprint(err), "policy of its own (--session-policy)") ||
			!strings.Contains(fmt.Sprint(err), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	if got := f.manager.Stats(); got.Denied != 5 || got.Opened != 0 || got.Failed != 0 || got.Broken {
		t.Errorf("%+v", got)
	}
	if out, _, exit := f.run(sh("echo yes"), ""); out != "yes\n" || !exit.Success() {
		t.Errorf("what is allowed: %q, %+v", out, exit)
	}
	f.Labels[0].Value = "db" // as if it were another container
	if err := open(f.exec(sh("true"))); rpc.CodeOf(err) != rpc.Denied || !strings.Contains(err.Error(), "it is db") {
		t.Errorf("in another container: %v", err)
	}
	f.nothingLeft()
	f.stop()
	lines := f.auditLines()
	if n := strings.Count(lines, `"decision":"refused"`); n != 6 {
		t.Errorf("%d refusals in the audit log, want 6", n)
	}
	if !strings.Contains(lines, `"rule":"this node's rule 1 shells"`) {
		t.Errorf("no line with the node's rule: %s", lines)
	}
}

// Attaching, ending and listing need rules of the node, too, but for one's own sessions; a
// connection ends within seconds after the policy has changed, and while the file is broken
// nothing is allowed.
func TestNodePolicyChanges(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	putPolicy(t, path, nodeRules)
	f := newFixture(t, false, func(f *fixture) {
		f.Policy, f.Labels = path, []frame.Label{{Name: "task_name", Value: "web"}}
		f.Limits.Detached = 8 * time.Second // how long the exit is kept for who was disconnected
	})
	g := f.exec(session.Command{Args: []string{"/bin/sh", "-c", "echo ready; cat"}, Stdin: true})
	var out buffer
	dial := f.dial(g, 0, 0)
	untilDenied := func(ctx context.Context, r client.Resume) (client.Conn, error) {
		conn, err := dial(ctx, r)
		if rpc.CodeOf(err) == rpc.Denied && err != nil {
			err = &client.FinalError{Err: err}
		}
		return conn, err
	}
	alice := client.New(client.Options{Stdout: &out, Dial: untilDenied})
	ended := make(chan error, 1)
	go func() {
		_, err := alice.Run(t.Context())
		ended <- err
	}()
	out.until(t, "ready")
	attach := func(who string, groups []string, rights ...session.Right) error {
		conn, err := sessionrpc.Attach(t.Context(), f.rpc, agent, sessionrpc.NewRequest(f.sign(grant.Grant{
			Session: g.Session, Principal: who, Groups: groups, Rights: rights}), client.Resume{}))
		if err == nil {
			conn.Close()
		}
		return err
	}
	kill := func(who string) error {
		return sessionrpc.Kill(t.Context(), f.rpc, agent,
			f.sign(grant.Grant{Session: g.Session, Principal: who, Rights: []session.Right{session.Kill}}))
	}
	list := func(who string, groups []string, rights ...session.Right) (int, error) {
		all, err := sessionrpc.List(t.Context(), f.rpc, agent, f.sign(grant.Grant{Principal: who, Groups: groups,
			Rights: append([]session.Right{session.List}, rights...)}))
		return len(all), err
	}
	denied := func(what string, err error) {
		t.Helper()
		if rpc.CodeOf(err) != rpc.Denied {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := attach("vic", []string{"ops"}, session.AttachRead); err != nil {
		t.Errorf("watching: %v", err)
	}
	denied("writing", attach("vic", []string{"ops"}, session.AttachRead, session.AttachWrite))
	denied("watching without a rule", attach("eve", nil, session.AttachRead))
	denied("ending another one's session", kill("vic"))
	for _, c := range []struct {
		who    string
		groups []string
		right  []session.Right
		want   int
	}{{"alice", nil, nil, 1}, {"vic", []string{"ops"}, nil, 0},
		{"vic", []string{"ops"}, []session.Right{session.AttachRead}, 1},
		{"eve", nil, []session.Right{session.AttachRead}, 0}} {
		if n, err := list(c.who, c.groups, c.right...); n != c.want || err != nil {
			t.Errorf("%s sees %d sessions by %v, want %d: %v", c.who, n, c.right, c.want, err)
		}
	}

	putPolicy(t, path, "rules: [{subjects: user:alice, role: operater}]")
	select {
	case err := <-ended:
		if err == nil || !strings.Contains(err.Error(), "is broken") {
			t.Errorf("the connection ended with %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Fatal("the connection does not end")
	}
	denied("attaching while the policy is broken", attach("alice", nil, session.AttachRead))
	denied("ending while the policy is broken", kill("alice"))
	_, err := list("alice", nil)
	denied("listing while the policy is broken", err)
	if s := f.manager.Stats(); !s.Broken || s.Sessions != 1 {
		t.Errorf("%+v", s)
	}
	if c := checkPolicy(path); c.State != health.Fail || !strings.Contains(c.Detail, `"operater"`) {
		t.Errorf("doctor: %+v", c)
	}

	// Who may not run the command any more does not come back to it, even with a right to attach.
	putPolicy(t, path, "rules: [{subjects: user:alice, resources: 'dcos:mesos:agent:container', actions: full}]")
	rig.Eventually(t, 5*time.Second, func() error {
		if err := attach("alice", nil, session.AttachRead); err == nil || !strings.Contains(err.Error(),
			"create dcos:mesos:agent:nested_container_session here: rule 1: it does not name the resource") {
			return fmt.Errorf("alice attaches without a right to the command: %v", err)
		}
		return nil
	})

	putPolicy(t, path, nodeRules)
	rig.Eventually(t, 5*time.Second, func() error { return attach("alice", nil, session.AttachRead, session.AttachWrite) })
	if err := kill("alice"); err != nil {
		t.Errorf("ending the own session: %v", err)
	}
	f.nothingLeft()
	f.stop()
	if lines := f.auditLines(); !strings.Contains(lines, `"what":"session-connection: /bin/sh`) {
		t.Errorf("that the connection was ended is not in the audit log: %s", lines)
	}
}

// A node whose policy is missing at the start takes no sessions until the file is there.
func TestNodePolicyMissingAtStart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	var log buffer
	file, err := policy.Open(policy.FileOptions{Path: path, FailClosed: true,
		Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() { defer close(done); file.Run(ctx) }()
	defer func() { cancel(); <-done }()
	m := &Manager{o: Options{Agent: agent, Policy: file}}
	g := &grant.Grant{Principal: "alice", Rights: []session.Right{session.List}}
	tags := m.tagsOfGrant(g)
	if _, err := m.allowed(g, g.Rights, &tags); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without the file: %v", err)
	}
	if !strings.Contains(log.String(), "nothing is allowed until it is corrected") {
		t.Errorf("the log has %q", log.String())
	}
	putPolicy(t, path, "rules: [{subjects: user:alice, role: operator}]")
	rig.Eventually(t, 5*time.Second, func() error { _, err := m.allowed(g, g.Rights, &tags); return err })
	if err := os.Chmod(path, 0o666); err != nil { // whoever may write it decides
		t.Fatal(err)
	}
	putPolicy(t, path, "")
	rig.Eventually(t, 5*time.Second, func() error {
		if _, err := m.allowed(g, g.Rights, &tags); err == nil {
			return errors.New("an empty file allows something")
		}
		return nil
	})
}

// A container that is started again while it is looked up is not entered, whether the runtime
// knows it before or after its first process was found.
func TestRestartDuringLookUp(t *testing.T) {
	var steps []Container
	f := newFixture(t, false, func(f *fixture) {
		f.Containers = func(string) (Container, error) {
			c := f.Container
			if len(steps) > 0 {
				c, steps = steps[0], steps[1:]
			}
			return c, nil
		}
	})
	same, again, elsewhere := f.Container, f.Container, f.Container
	again.Started += int64(3 * time.Second)
	elsewhere.PID = os.Getpid()
	for name, seen := range map[string][]Container{
		"started again before":       {again, again},
		"started again meanwhile":    {same, again},
		"another process meanwhile":  {same, elsewhere},
		"another process than found": {elsewhere, same},
	} {
		steps = slices.Clone(seen)
		g := f.exec(sh("true"))
		conn, err := sessionrpc.Open(t.Context(), f.rpc, agent, &sessionrpc.Request{Grant: f.sign(g), Client: "c"})
		if err == nil { // as it must not be
			conn.Close()
			_ = sessionrpc.Kill(t.Context(), f.rpc, agent,
				f.sign(grant.Grant{Session: g.Session, Rights: []session.Right{session.Kill}}))
		}
		if rpc.CodeOf(err) != rpc.NotFound || !strings.Contains(fmt.Sprint(err), "started again") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A node's own policy may demand that another person has approved a session, whatever the relays
// do; both names are in its audit log then, and an approval serves once.
func TestNodeDemandsApproval(t *testing.T) {
	path := filepath.Join(t.TempDir(), "p.yaml")
	putPolicy(t, path, `
groups: {seniors: [user:sam]}
rules:
  - name: two
    subjects: user:*
    resources: dcos:mesos:agent:nested_container_session
    actions: create
    approval: group:seniors
`)
	f := newFixture(t, false, func(f *fixture) { f.Policy = path })
	approve := func(g grant.Grant, who string) grant.Grant {
		g.Agent, g.Principal = agent, "alice"
		token, err := f.signer.Approve(grant.Approval{Principal: who, Deadline: time.Now().Add(time.Minute)}, g.Request())
		if err != nil {
			t.Fatal(err)
		}
		g.Approval = token
		return g
	}
	run := func(g grant.Grant) error {
		_, err := client.New(client.Options{Dial: f.dial(g, 0, 0)}).Run(t.Context())
		return err
	}
	good := approve(f.exec(sh("true")), "sam")
	forged := approve(f.exec(sh("true")), "sam")
	forged.Approval = strings.Replace(forged.Approval, ".", ".AAAA", 1)
	other := approve(f.exec(sh("true")), "sam")
	other.Command = &session.Command{Args: []string{"/bin/false"}}
	for _, c := range []struct {
		name string
		g    grant.Grant
		want string // "" is allowed
	}{
		{"none", f.exec(sh("true")), "rule 1 two this needs the approval of group:seniors, for which"},
		{"of another person", approve(f.exec(sh("true")), "bob"), "group:seniors, and bob has approved it"},
		{"forged", forged, "altered"},
		{"of something else", other, "of another request"},
		{"good", good, ""},
		{"used", good, "used before"},
	} {
		err := run(c.g)
		if c.want == "" && err != nil || c.want != "" && (rpc.CodeOf(err) != rpc.Denied ||
			!strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	f.nothingLeft()
	f.stop()
	lines := f.auditLines()
	if !strings.Contains(lines, `"decision":"allowed","rule":"approved by sam; this node's rule 1 two"`) {
		t.Errorf("the audit log does not name both: %s", lines)
	}
}
