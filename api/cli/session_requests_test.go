package cli

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/v1"
)

// Who approves sees all that is approved, and nothing in it moves the cursor.
func TestRequestsShowAll(t *testing.T) {
	list := []v1.SessionPendingRequest{{Session: "s1", Agent: "n1", ContainerID: "cc33", User: "ben", From: "10.0.0.1:5",
		Tags: map[string]string{"task_name": "bank"}, Rights: []session.Right{session.Exec, session.ExecAs},
		Command: session.Command{Args: []string{"vi", "my ledger"}, User: "root", Workdir: "/srv", Privileged: true,
			Env: []string{"LD_PRELOAD=/tmp/x.so"}}, Reason: "broken\x1b[2J", For: "group:seniors",
		Until: time.Now().Add(time.Minute)}, {Session: "s2", Agent: "n2", Command: session.Command{Args: []string{"ls"}}}}
	var wide, short bytes.Buffer
	if err := describeRequests(&wide, list); err != nil {
		t.Fatal(err)
	}
	if err := requestTable(list, time.Now()).print(&short); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`["vi" "my ledger"]`, "ben from 10.0.0.1:5", "cc33 on n1", "task_name=bank", "root",
		"/srv", "LD_PRELOAD=/tmp/x.so", "exec, exec-as", "broken?[2J", "group:seniors", "the container's own user"} {
		if !strings.Contains(wide.String(), want) {
			t.Errorf("no %q in\n%s", want, &wide)
		}
	}
	for _, want := range []string{"[as root] [privileged] [in /srv] [LD_PRELOAD=/tmp/x.so] vi my ledger", "(the node)"} {
		if !strings.Contains(short.String(), want) {
			t.Errorf("no %q in\n%s", want, &short)
		}
	}
	if strings.ContainsRune(wide.String()+short.String(), '\x1b') {
		t.Errorf("an escape sequence of the asker's: %q", wide.String())
	}
}
