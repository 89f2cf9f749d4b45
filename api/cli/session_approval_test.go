package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/session"
	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

// approvalRelay is a relay at which sessions wait. It keeps what was asked of it.
type approvalRelay struct {
	t    *testing.T
	runs chan string // what it does with each connection: "away", "go" or "stay"
	mu   sync.Mutex
	seen []string
}

func (a *approvalRelay) note(s string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.seen = append(a.seen, s)
}

func (a *approvalRelay) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == "POST" {
		b, _ := io.ReadAll(r.Body)
		a.note(r.URL.Path + " " + string(b))
		w.WriteHeader(http.StatusNoContent)
		return
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{v1.SessionProtocol}})
	if err != nil {
		a.t.Error(err)
		return
	}
	defer ws.CloseNow()
	_, b, err := ws.Read(r.Context())
	var q v1.SessionRequest
	if err == nil {
		err = json.Unmarshal(b, &q)
	}
	if err != nil || q.Command == nil {
		a.t.Errorf("%s: %v", b, err)
		return
	}
	a.note(q.Session + " " + q.Reason)
	say := func(s *v1.SessionAnswer) {
		b, _ := json.Marshal(s)
		_ = ws.Write(context.Background(), websocket.MessageText, b)
	}
	say(&v1.SessionAnswer{Session: q.Session, Waiting: &v1.SessionWaiting{For: "group:seniors", Until: time.Now()}})
	switch <-a.runs {
	case "away": // without a word
	case "stay":
		_, _, _ = ws.Read(context.Background())
	case "go":
		say(&v1.SessionAnswer{Session: q.Session, Agent: "node1"})
		b := wire.AppendStarted(nil, &wire.Start{Session: q.Session})
		b = wire.AppendExit(b, &session.Exit{Code: 7})
		_ = ws.Write(context.Background(), websocket.MessageBinary, b)
		_, _, _ = ws.Read(context.Background())
	}
}

func approvalRun(t *testing.T, steps ...string) (*approvalRelay, *sessionRun, *bytes.Buffer) {
	t.Helper()
	a := &approvalRelay{t: t, runs: make(chan string, 10)}
	for _, s := range steps {
		a.runs <- s
	}
	srv := httptest.NewServer(a)
	t.Cleanup(srv.Close)
	relay, err := client.New(srv.URL, "")
	if err != nil {
		t.Fatal(err)
	}
	errs := new(bytes.Buffer)
	return a, &sessionRun{relay: relay, out: io.Discard, errs: errs, request: v1.SessionRequest{Session: "s1",
		Container: "web", Reason: "broken", Command: &session.Command{Args: []string{"sh"}}, Write: true}}, errs
}

// The client says for whom it waits, goes on waiting when its relay goes away, and goes on by
// itself once it is approved.
func TestClientWaitsForApproval(t *testing.T) {
	a, r, errs := approvalRun(t, "away", "go")
	err := r.run(t.Context())
	var end taskEnd
	if !errors.As(err, &end) || end.status != 7 {
		t.Errorf("%v", err)
	}
	said := errs.String()
	if n := strings.Count(said, "this waits for the approval of group:seniors"); n != 1 {
		t.Errorf("it says %d times that it waits: %q", n, said)
	}
	if !strings.Contains(said, "'daytwo session approve s1'") || !strings.Contains(said, "daytwo: approved") {
		t.Errorf("it says %q", said)
	}
	if got := strings.Join(a.seen, "; "); got != "s1 broken; s1 broken" {
		t.Errorf("the relay was asked %q", got)
	}
}

// Who interrupts the waiting withdraws the request, also on a terminal in raw mode, where Ctrl-C is
// a byte.
func TestWaitingIsInterrupted(t *testing.T) {
	a, r, errs := approvalRun(t, "stay")
	in, keys, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	defer keys.Close()
	r.in, r.stdin = in, true
	ctx, cancel := context.WithCancelCause(t.Context())
	r.cancel = cancel
	reads := make(chan struct{})
	go func() {
		defer close(reads)
		for {
			if _, err := (&interruptible{r}).Read(make([]byte, 16)); err != nil {
				return
			}
		}
	}()
	if _, err := keys.Write([]byte{'x', ctrlC}); err != nil { // before it waits it is a byte like others
		t.Fatal(err)
	}
	time.Sleep(20 * time.Millisecond)
	if ctx.Err() != nil {
		t.Fatal("Ctrl-C ends a session that does not wait")
	}
	r.waits.Store(true)
	if _, err := keys.Write([]byte{ctrlC}); err != nil {
		t.Fatal(err)
	}
	<-ctx.Done()
	keys.Close()
	<-reads
	if !errors.Is(context.Cause(ctx), errWithdrawn) {
		t.Error(context.Cause(ctx))
	}

	r.waits.Store(false)
	r.stdin = false
	ended := make(chan error, 1)
	go func() { ended <- r.run(t.Context()) }()
	for !r.waits.Load() {
		time.Sleep(time.Millisecond)
	}
	r.cancel(&signalError{})
	var end taskEnd
	if err := <-ended; !errors.As(err, &end) || end.status == 0 || !errors.Is(end.err, errWithdrawn) {
		t.Errorf("%v: %v", err, end.err)
	}
	if got := a.seen[len(a.seen)-1]; got != `/api/v1/session-requests/s1/deny {"reason":"withdrawn"}` {
		t.Errorf("the relay was asked %q; it says %q", got, errs)
	}
}
