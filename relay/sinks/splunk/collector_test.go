package splunk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig/testlog"
	"github.com/daytwo/daytwo/relay/sinks/sink"
)

// hec answers as Splunk documents for its HTTP Event Collector: it refuses a request with a
// blank event, or one that refuse names, and says which.
type hec struct {
	t        *testing.T
	refuse   string
	requests []string // bodies
	events   []map[string]any
	acks     map[string]int // requests for an id until it is acknowledged
	lastID   int
}

func (h *hec) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if r.Header.Get("Authorization") != "Splunk secret" {
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"text":"Invalid token","code":4}`)
		return
	}
	switch r.URL.Path {
	case "/services/collector/ack":
		var ask struct{ Acks []int }
		if err := json.Unmarshal(body, &ask); err != nil || r.URL.Query().Get("channel") == "" {
			h.t.Errorf("ack %s: %v", body, err)
		}
		id := fmt.Sprint(ask.Acks[0])
		h.acks[id]--
		fmt.Fprintf(w, `{"acks":{"%s":%v}}`, id, h.acks[id] == 0)
		return
	case "/services/collector/event", "/services/collector/raw":
	default:
		h.t.Errorf("path %s", r.URL.Path)
	}
	h.requests = append(h.requests, string(body))
	if len(body) == 0 {
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprint(w, `{"text":"No data","code":5}`)
		return
	}
	var events []map[string]any
	dec := json.NewDecoder(bytes.NewReader(body))
	for n := 0; ; n++ {
		var e map[string]any
		if dec.Decode(&e) != nil {
			break
		}
		if e["event"] == "" || h.refuse != "" && e["event"] == h.refuse {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprintf(w, `{"text":"Event field cannot be blank","code":13,"invalid-event-number":%d}`, n)
			return
		}
		events = append(events, e)
	}
	h.events = append(h.events, events...)
	h.lastID++
	fmt.Fprintf(w, `{"text":"Success","code":0,"ackId":%d}`, h.lastID)
}

func open(t *testing.T, c Config) (sink.Sink, *hec) {
	t.Helper()
	h := &hec{t: t, acks: map[string]int{}}
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	secret := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(secret, []byte("secret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.URL, c.Token, c.NoGzip = srv.URL, sink.File(secret), true
	if err := c.Check(); err != nil {
		t.Fatal(err)
	}
	s, err := c.Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s, h
}

// L-A15: blank lines arrive as a space; an event that is refused all the same is isolated by
// its number, and no refused request is repeated as it is.
func TestLA15BlankLines(t *testing.T) {
	s, h := open(t, Config{})
	batch := testlog.Records(0, 97)
	for i, m := range []string{"", "   ", "\x00"} {
		batch = append(batch, testlog.Record(200+i, m))
	}
	if res := s.Write(t.Context(), batch); res.Err != nil || len(res.Refused) > 0 || len(h.events) != 100 {
		t.Fatalf("%+v, %d events", res, len(h.events))
	}
	for _, e := range h.events[97:] {
		if e["event"] != " " {
			t.Errorf("a blank line is %q", e["event"])
		}
	}
	h.events, h.requests, h.refuse = nil, nil, "line 5"
	res := s.Write(t.Context(), testlog.Records(0, 10))
	if res.Err != nil || len(res.Retry) > 0 || len(res.Refused) != 1 || res.Refused[0].Index != 5 ||
		res.Refused[0].Reason != "code_13" || len(h.events) != 9 || len(h.requests) != 2 || h.requests[0] == h.requests[1] {
		t.Errorf("%+v, %d events in %d requests", res, len(h.events), len(h.requests))
	}
}

func TestAcknowledgement(t *testing.T) {
	s, h := open(t, Config{Ack: true, AckTimeout: sink.Duration(time.Second)})
	h.acks["1"] = 3 // true at the third question
	if res := s.Write(t.Context(), testlog.Records(0, 5)); res.Err != nil || len(res.Retry) > 0 {
		t.Errorf("%+v", res)
	}
	res := s.Write(t.Context(), testlog.Records(5, 5)) // never acknowledged
	if len(res.Retry) != 5 || !strings.Contains(res.Err.Error(), "acknowledgement") {
		t.Errorf("%+v", res)
	}
	h.acks["3"] = 1
	if res := s.Write(t.Context(), testlog.Records(5, 5)); res.Err != nil || len(h.events) != 15 {
		t.Errorf("sent again: %+v, %d events", res, len(h.events))
	}
}

func TestEvent(t *testing.T) {
	s, h := open(t, Config{Index: "main"})
	r := testlog.Record(1, "hi \xff", "MESSAGE=two")
	if res := s.Write(t.Context(), []*sink.Record{r, testlog.Event()}); res.Err != nil || len(h.events) != 2 {
		t.Fatalf("%+v", res)
	}
	e, fields := h.events[0], h.events[0]["fields"].(map[string]any)
	if e["event"] != "hi \uFFFD\ntwo" || e["index"] != "main" || e["source"] != "web.service" || e["host"] != "host-1" ||
		fields["id"] != r.ID || fields["task_name"] != "web-1" || fields["message_base64"] != "aGkg/wp0d28=" ||
		int64(e["time"].(float64)*1e6+0.5) != r.Time().UnixMicro() {
		t.Errorf("%v", e)
	}
	if f := h.events[1]["fields"].(map[string]any); f["event"] != "suppressed" || f["count"] != "5" {
		t.Errorf("%v", h.events[1])
	}
	if err := s.Test(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestRaw(t *testing.T) {
	s, h := open(t, Config{Raw: true})
	if res := s.Write(t.Context(), testlog.Odd()); res.Err != nil {
		t.Fatalf("%+v", res)
	}
	if n := strings.Count(h.requests[0], "\n"); n != len(testlog.Odd()) {
		t.Errorf("%d lines", n)
	}
}

func TestWrongToken(t *testing.T) {
	s, _ := open(t, Config{})
	c := s.(*collector)
	if err := os.WriteFile(string(c.cfg.Token), []byte("other"), 0o600); err != nil {
		t.Fatal(err)
	}
	if res := s.Write(t.Context(), testlog.Records(0, 3)); len(res.Retry) != 3 || s.Test(t.Context()) == nil {
		t.Errorf("%+v", res)
	}
	if err := os.WriteFile(string(c.cfg.Token), []byte("secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if res := s.Write(t.Context(), testlog.Records(0, 3)); res.Err != nil {
		t.Errorf("after the token was corrected: %+v", res)
	}
}
