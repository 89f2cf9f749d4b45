package sessions

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/rpc"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/broker"
	"github.com/daytwo/daytwo/api/sessionrpc"
	"github.com/daytwo/daytwo/api/v1"
)

func send(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(b)
}

// The list has what each session runs, and the nodes that did not tell theirs, with the reason.
func TestList(t *testing.T) {
	url := serve(t, &sessionsOf{
		list: []sessionrpc.Info{{Session: "s1", Agent: "n1", Principal: "sue",
			Command: &session.Command{Args: []string{"sh"}}}, {Session: "s2"}},
		missing: []broker.Missing{{Agent: "n2", Reason: "it does not know the key"}},
	}, nil)
	code, body := send(t, "GET", url+"/api/v1/sessions", "")
	var doc v1.Sessions
	if err := json.Unmarshal([]byte(body), &doc); err != nil || code != 200 || len(doc.Sessions) != 2 ||
		doc.Sessions[0].User != "sue" || doc.Sessions[0].Command.Args[0] != "sh" || len(doc.Missing) != 1 ||
		doc.Missing[0] != (v1.SessionsMissing{Agent: "n2", Reason: "it does not know the key"}) {
		t.Errorf("%d %s, %v", code, body, err)
	}
}

func TestKill(t *testing.T) {
	var killed string
	url := serve(t, &sessionsOf{kill: func(agent, id string) error { killed = agent + "/" + id; return nil }}, nil)
	code, body := send(t, "DELETE", url+"/api/v1/sessions/abc?agent=n1", "")
	if code != 204 || body != "" || killed != "n1/abc" {
		t.Errorf("%d %q, %q", code, body, killed)
	}
}

// A relay without sessions says so on each route.
func TestOff(t *testing.T) {
	url := serve(t, nil, nil)
	for _, route := range []string{"GET /api/v1/sessions", "DELETE /api/v1/sessions/abc", "GET /api/v1/session-requests",
		"POST /api/v1/session-requests/abc/approve", "POST /api/v1/session-requests/abc/deny"} {
		method, path, _ := strings.Cut(route, " ")
		if code, body := send(t, method, url+path, ""); code != 501 || !strings.Contains(body, "--data DIR") {
			t.Errorf("%s: %d %s", route, code, body)
		}
	}
}

// approvalsOf answers for requests as a test says. relay/sessions is tested with real ones.
type approvalsOf struct {
	list    []broker.Pending
	decided string
	err     error
}

func (a *approvalsOf) Requests(context.Context, *broker.Asker) ([]broker.Pending, error) {
	return a.list, a.err
}

func (a *approvalsOf) Approve(_ context.Context, _ *broker.Asker, id string) error {
	a.decided = "approve " + id
	return a.err
}

func (a *approvalsOf) Deny(_ context.Context, _ *broker.Asker, id, why string) error {
	a.decided = "deny " + id + " " + why
	return a.err
}

func TestRequests(t *testing.T) {
	a := &approvalsOf{list: []broker.Pending{{Session: "s1", Agent: "n1", Principal: "ben", Reason: "broken",
		Container: session.Container{ID: "cc33", Started: 5e9}, Command: session.Command{Args: []string{"vi"}}, Yours: true}}}
	url := serve(t, nil, a) + "/api/v1/session-requests"
	code, body := send(t, "GET", url, "")
	var doc v1.SessionPending
	if err := json.Unmarshal([]byte(body), &doc); err != nil || code != 200 || len(doc.Requests) != 1 ||
		doc.Requests[0].User != "ben" || !doc.Requests[0].Yours || doc.Requests[0].ContainerID != "cc33" ||
		!doc.Requests[0].Started.Equal(time.Unix(5, 0)) {
		t.Errorf("%d %s, %v", code, body, err)
	}
	for _, c := range []struct{ path, body, want string }{
		{"/s1/approve", "", "approve s1"}, {"/s1/deny", `{"reason":"no"}`, "deny s1 no"}, {"/s1/deny", "", "deny s1 "},
	} {
		if code, _ := send(t, "POST", url+c.path, c.body); code != 204 || a.decided != c.want {
			t.Errorf("%s: %d, %q", c.path, code, a.decided)
		}
	}
	a.decided = ""
	for _, body := range []string{"{", `{"reason":1}`, `{"reason":"` + strings.Repeat("x", maxReason) + `"}`} {
		if code, text := send(t, "POST", url+"/s1/deny", body); code != 400 || a.decided != "" {
			t.Errorf("%.20s: %d %s", body, code, text)
		}
	}
	for status, err := range map[int]error{404: broker.ErrNoRequest, 409: fmt.Errorf("%w: x", broker.ErrConflict),
		403: rpc.Errorf(rpc.Denied, "nobody approves their own request"), 502: errors.New("odd")} {
		a.err = err
		if code, text := send(t, "POST", url+"/s1/approve", ""); code != status || !strings.Contains(text, err.Error()) {
			t.Errorf("%v: %d %s", err, code, text)
		}
	}
}

// While a session waits for an approval its client hears so; one that is gone, or that may do
// nothing any more, waits no longer.
func TestWaiting(t *testing.T) {
	until := time.Now().Add(time.Minute).UTC()
	ended := make(chan error, 1)
	s := &sessionsOf{open: func(ctx context.Context, r *broker.Request) (broker.Conn, error) {
		for range 1000 {
			if err := r.Waiting(&broker.Waiting{Session: r.Session, For: "group:seniors", Until: until}); err != nil {
				ended <- err
				return nil, err
			}
			if r.Reason == "short" {
				return newEcho(), nil
			}
			time.Sleep(10 * time.Millisecond)
		}
		return nil, errors.New("the client is still there")
	}}
	url := serve(t, s, nil)
	ws := dial(t, url, websocket.MessageText, strings.TrimSuffix(shell, "}")+`,"reason":"short"}`)
	if a, err := read(t, ws); err != nil || a.Waiting == nil || a.Waiting.For != "group:seniors" ||
		!a.Waiting.Until.Equal(until) || a.Session != "abcdefghijklmnop" {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err := read(t, ws); err != nil || a.Waiting != nil || a.Agent != "node1" {
		t.Errorf("%+v, %v", a, err)
	}
	ws = dial(t, url, websocket.MessageText, shell)
	if a, err := read(t, ws); err != nil || a.Waiting == nil {
		t.Errorf("%+v, %v", a, err)
	}
	ws.CloseNow()
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Error("it waits for a client that is gone")
	}
	expired := errors.New("expired")
	url = serveAPI(t, &API{Sessions: s, Proof: func(*http.Request) error { return expired }})
	a, err := read(t, dial(t, url, websocket.MessageText, shell))
	if err != nil || a.Status != 401 || a.Error != accessEnded {
		t.Errorf("without a proof: %+v, %v", a, err)
	}
}
