package policy

import (
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
)

const approvals = `
groups:
  seniors: [user:sam, group:leads]
rules:
  - name: bank
    subjects: user:*
    where: {application: /bank}
    resources: [dcos:mesos:agent:nested_container_session, daytwo:exec-as]
    actions: create
    approval: {subjects: [group:seniors, user:zoe], within: 90s}
  - name: short
    subjects: user:ann
    role: operator
    approval: user:bob
  - name: all
    subjects: user:ann
    role: operator
`

func TestApprovals(t *testing.T) {
	p, err := Parse([]byte(approvals), "p")
	if err != nil {
		t.Fatal(err)
	}
	ann := user(t, "ann")
	// The first rule that allows it decides, also about the approval.
	d := p.Decide(ann, Create, NestedSession, tagged(t, "application", "/bank"))
	if !d.Allowed || d.Name != "bank" || d.Approval == nil || d.Approval.Within != 90*time.Second ||
		strings.Join(d.Approval.By, " ") != "group:seniors user:zoe" {
		t.Errorf("%+v, %+v", d, d.Approval)
	}
	if d = p.Decide(ann, Create, NestedSession, tagged(t)); d.Name != "short" || d.Approval == nil ||
		d.Approval.Within != defaultWithin {
		t.Errorf("%+v", d)
	}
	// Of a role an approval takes what opens sessions, and leaves the rest to other rules.
	if d = p.Decide(ann, Read, Container, tagged(t)); d.Name != "all" || d.Approval != nil {
		t.Errorf("%+v", d)
	}
	if d = p.Decide(user(t, "eve"), Create, NestedSession, tagged(t)); d.Allowed {
		t.Errorf("%+v", d)
	}
	e := p.Explain(ann, Create, ExecAs, tagged(t, "application", "/bank"))
	if e.Reason != "rule 1 allows it with the approval of group:seniors or user:zoe" || e.Rules[0].Reason !=
		"it allows it with the approval of group:seniors or user:zoe" {
		t.Errorf("%+v", e)
	}
	by := []string{"group:seniors", "user:zoe"}
	for _, c := range []struct {
		who  *auth.Principal
		want bool
	}{{user(t, "sam"), true}, {user(t, "zoe"), true}, {user(t, "lea", "leads"), true}, {user(t, "ann"), false},
		{user(t, "x", "seniors"), true}, {nil, false}} {
		if got := p.Is(c.who, by); got != c.want {
			t.Errorf("%s: %v", c.who.Name(), got)
		}
	}
	if p.Is(user(t, "sam"), []string{"seniors", "all:*", ""}) {
		t.Error("texts that are no subjects match")
	}
}

func TestApprovalMistakes(t *testing.T) {
	rule := func(s string) string { return "rules:\n  - subjects: user:*\n" + s }
	exec := func(approval string) string {
		return rule("    resources: daytwo:exec-as\n    actions: create\n    approval: " + approval)
	}
	of := func(what string) string { return rule("    " + what + "\n    actions: full\n    approval: user:a") }
	for text, want := range map[string]string{
		exec("seniors"):                                `"seniors" is neither user:NAME nor group:NAME`,
		exec("[]"):                                     "the list of who may approve is empty",
		exec("{within: 5m}"):                           "the approval has no subjects",
		exec("{subjects: user:a, in: 5m}"):             `unknown key "in": an approval has subjects, within`,
		exec("{subjects: user:a, within: 1s}"):         "from 10s to 1h",
		exec("{subjects: user:a, within: 2h}"):         "from 10s to 1h",
		rule("    role: viewer\n    approval: u"):      `"u" is neither`,
		rule("    role: viewer\n    approval: user:a"): "none of its resources opens a session",
		rule("    role: admin\n    approval: user:a"):  "none of its resources opens a session",
		of("resources: daytwo:sinks"):                  "daytwo:sinks cannot wait for an approval",
		of("resources: dcos:superuser"):                "dcos:superuser cannot wait",
		of("resources: daytwo:sessions"):               "daytwo:sessions cannot wait",
		of("resources: dcos:mesos:agent:container"):    "dcos:mesos:agent:container cannot wait",
	} {
		if _, err := Parse([]byte(text), "p"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n%v, want %q", text, err, want)
		}
	}
}
