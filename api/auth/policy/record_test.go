package policy

import "testing"

// The rule that decides says whether a session is recorded.
func TestRecord(t *testing.T) {
	const sessions = "dcos:mesos:agent:nested_container_session"
	p, err := Parse([]byte(`rules:
  - {subjects: user:ann, resources: `+sessions+`, actions: create, where: {task: free}}
  - {subjects: user:ann, resources: `+sessions+`, actions: create, record: true}
  - {subjects: user:bob, role: operator, record: input}
  - {subjects: user:eve, role: operator, record: false}
`), "p")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		who, task string
		want      Record
	}{{"ann", "free", RecordNone}, {"ann", "web", RecordOutput}, {"bob", "web", RecordInput}, {"eve", "web", RecordNone}} {
		d := p.Decide(user(t, c.who), Create, NestedSession, tagged(t, "task", c.task))
		if !d.Allowed || d.Record != c.want {
			t.Errorf("%+v: %+v", c, d)
		}
	}
	for _, c := range []struct{ a, b, want Record }{{RecordNone, RecordOutput, RecordOutput},
		{RecordInput, RecordOutput, RecordInput}, {RecordOutput, RecordInput, RecordInput},
		{RecordOutput, RecordNone, RecordOutput}} {
		if got := c.a.Most(c.b); got != c.want {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
