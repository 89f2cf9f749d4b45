package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/daytwo/daytwo/api/auth/policy"
	"github.com/daytwo/daytwo/api/server"
	"github.com/daytwo/daytwo/bench/rig/history"
)

const testPolicy = `groups:
  shop-team: [user:ann, group:oncall]
rules:
  - name: the shop sees its own
    subjects: group:shop-team
    role: viewer
    where: {application: [/shop, /shop/*]}
  - subjects: group:ops
    role: operator
`

// policyFile writes a policy into a file.
func policyFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "policy.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// authRun runs 'daytwo auth', and returns what it prints.
func authRun(t *testing.T, exit int, args ...string) string {
	t.Helper()
	var out bytes.Buffer
	if got := run(t.Context(), append([]string{"auth"}, args...), Programs{}, &out, &out); got != exit {
		t.Errorf("%q: exit %d, want %d: %s", args, got, exit, out.String())
	}
	return out.String()
}

func TestPolicyCheck(t *testing.T) {
	path := policyFile(t, testPolicy)
	if got, want := authRun(t, 0, "policy", "check", path), path+" is valid: 2 rules, 1 group, 0 roles\n"; got != want {
		t.Error(cmp.Diff(want, got))
	}
	bad := policyFile(t, "rules:\n  - subjects: user:a\n    role: vewer\n  - subjects: b\n    role: own\n")
	want := fmt.Sprintf("%s:3: there is no role \"vewer\": use admin, operator, own, viewer\n"+
		"%s:4: \"b\" is neither user:NAME nor group:NAME\n", bad, bad)
	if got := authRun(t, 1, "policy", "check", bad); got != want {
		t.Error(cmp.Diff(want, got))
	}
	var c checkedPolicy
	if err := json.Unmarshal([]byte(authRun(t, 1, "policy", "check", bad, "-o", "json")), &c); err != nil || c.Valid ||
		len(c.Errors) != 2 || c.Errors[0].Line != 3 || c.Errors[0].File != bad {
		t.Errorf("%+v, %v", c, err)
	}
	if got := authRun(t, 0, "policy", "check", path, "--json"); !strings.Contains(got, `"errors": []`) {
		t.Error(got)
	}
	if err := os.Chmod(path, 0o666); err != nil {
		t.Fatal(err)
	}
	if got := authRun(t, 1, "policy", "check", path); !strings.Contains(got, "chmod go-w "+path) {
		t.Error(got)
	}
	authRun(t, 1, "policy", "check", path+".none")
	authRun(t, 2, "policy", "check")
}

func TestCanI(t *testing.T) {
	path := policyFile(t, testPolicy)
	ask := func(exit int, want string, args ...string) {
		t.Helper()
		args = append([]string{"can-i", "--policy", path}, args...)
		if got := authRun(t, exit, args...); !strings.HasPrefix(got, want) {
			t.Errorf("%q: %q, want %q", args, got, want)
		}
	}
	const logs, sandbox = "dcos:adminrouter:ops:system-logs", "dcos:mesos:agent:sandbox"
	shop := "yes: rule 1 (the shop sees its own, line 4) allows it\n"
	ask(0, shop, "read", logs, "--as", "ann", "--tag", "application=/shop/web")
	ask(0, shop, "read", logs, "--as", "bob", "--groups", "x,oncall", "--tag", "application=/shop")
	ask(0, shop, "read", sandbox+":app_id:/shop/web", "--as", "ann")
	ask(0, "yes: rule 2 (line 8) allows it\n", "full", "daytwo:sinks", "--as", "bob", "--groups", "ops")
	ask(1, "no: no rule that is for this user allows it\n", "read", sandbox, "--as", "ann")
	ask(1, "no: no rule that is for this user allows it\n", "read", sandbox+":app_id:/pay", "--as", "ann")
	ask(1, "no: no rule is for this user\n", "read", logs, "--as", "admin")
	ask(2, `daytwo: unknown action "write"`, "write", logs, "--as", "ann")
	ask(2, `daytwo: unknown resource "logs"`, "read", "logs", "--as", "ann")
	ask(2, "daytwo: dcos:adminrouter:ops:system-logs has no action delete", "delete", logs, "--as", "ann")
	ask(2, "daytwo: give the user that the file is asked about: --as NAME", "read", logs)
	ask(2, "daytwo: give ACTION and RESOURCE, not 1 arguments", "read", "--as", "ann")
	ask(2, `daytwo: tag app=x: unknown key "app"`, "read", logs, "--as", "ann", "--tag", "app=x")
	ask(2, "daytwo: tag agent: give KEY=VALUE", "read", logs, "--as", "ann", "--tag", "agent")
	ask(2, "daytwo: tag application=/shop: give KEY=VALUE, each key once",
		"read", sandbox+":app_id:/shop", "--as", "ann", "--tag", "application=/pay")
	ask(2, "daytwo: name of a user", "read", logs, "--as", "a\nb")
	args := []string{"can-i", "read", logs, "--as", "ann", "--tag", "application=/shop"}
	var d policy.Decision
	text := authRun(t, 0, append(args, "--policy", path, "-o", "json")...)
	want := policy.Decision{Allowed: true, Rule: 1, Name: "the shop sees its own", Line: 4}
	if err := json.Unmarshal([]byte(text), &d); err != nil || d != want {
		t.Errorf("%s: %v", text, err)
	}
}

func TestAuthExplain(t *testing.T) {
	path := policyFile(t, testPolicy)
	args := []string{"explain", "read", "dcos:adminrouter:ops:system-logs", "--policy", path, "--as", "ann",
		"--groups", "ops"}
	want := `User    ann
Groups  ops, shop-team
Wants   read dcos:adminrouter:ops:system-logs
Answer  yes: rule 2 (line 8) allows it

RULE                     LINE  ALLOWS   WHY
1 the shop sees its own     4  no       application must match /shop or /shop/*, and there is none
2                           8  decides  it allows it

2 of 2 rules are for this user.
`
	if got := authRun(t, 0, args...); got != want {
		t.Error(cmp.Diff(want, got))
	}
	var e policy.Explanation
	err := json.Unmarshal([]byte(authRun(t, 0, append(args, "--json")...)), &e)
	if err != nil || e.Rule != 2 || len(e.Rules) != 2 || e.User != "ann" || e.Policy != path {
		t.Errorf("%+v, %v", e, err)
	}
	got := authRun(t, 1, "explain", "full", "daytwo:users", "--policy", path, "--as", "zoe")
	if !strings.Contains(got, "0 of 2 rules") {
		t.Error(got)
	}
}

// Without --policy a relay is asked, by its policy, about the asker or another.
func TestCanIAsksRelay(t *testing.T) {
	rules, err := policy.Parse([]byte("rules:\n- {subjects: group:ops, role: operator, name: the ops}\n"), "p.yaml")
	if err != nil {
		t.Fatal(err)
	}
	h := history.New(t)
	serveRoutes(t, server.Options{Fleet: h.Fleet, Policy: func() *policy.Policy { return rules }})
	for _, c := range []struct {
		exit int
		want string
		args []string
	}{
		{0, "yes: the local admin may do everything\n", []string{"can-i", "update", "daytwo:sinks"}},
		{0, "yes: rule 1 (the ops, line 2) allows it\n",
			[]string{"can-i", "update", "daytwo:sinks", "--as", "ann", "--groups", "ops,x"}},
		{1, "no: no rule is for this user\n", []string{"can-i", "update", "daytwo:sinks", "--as", "admin"}},
		{0, "Answer  yes: rule 1 (the ops, line 2) allows it\n",
			[]string{"explain", "update", "daytwo:sinks", "--as", "ann", "--groups", "ops"}},
		{2, "daytwo: unknown resource", []string{"can-i", "read", "fence"}},
	} {
		if got := authRun(t, c.exit, c.args...); !strings.Contains(got, c.want) {
			t.Errorf("%q: %s", c.args, got)
		}
	}
	t.Setenv("DAYTWO_TOKEN", testToken+"x")
	if got := authRun(t, 1, "can-i", "update", "daytwo:sinks"); !strings.Contains(got, "daytwo login") {
		t.Error(got)
	}
}
