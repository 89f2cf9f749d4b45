package sinks

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"github.com/daytwo/daytwo/bench/rig"
)

// receiver speaks enough of Elasticsearch's bulk API to record what is delivered.
type receiver struct {
	t    testing.TB
	addr string
	srv  *httptest.Server

	mu       sync.Mutex
	messages []string       // accepted, in order
	ids      map[string]int // times that a document with an id was accepted
	requests int
	answer   func(w http.ResponseWriter, ids []string) bool // true if it has answered itself
}

func newReceiver(t testing.TB) *receiver {
	r := &receiver{t: t, addr: "127.0.0.1:0", ids: map[string]int{}}
	r.start()
	t.Cleanup(func() { r.stop() })
	return r
}

func (r *receiver) start() {
	var l net.Listener
	rig.Eventually(r.t, 10*time.Second, func() (err error) {
		l, err = net.Listen("tcp", r.addr)
		return err
	})
	r.addr = l.Addr().String()
	r.srv = &httptest.Server{Listener: l, Config: &http.Server{Handler: r}}
	r.srv.Start()
}

// stop ends the receiver, with the requests that it has not answered.
func (r *receiver) stop() {
	if r.srv != nil {
		r.srv.CloseClientConnections()
		r.srv.Close()
		r.srv = nil
	}
}

// set makes the receiver answer otherwise.
func (r *receiver) set(answer func(w http.ResponseWriter, ids []string) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = answer
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	var body io.Reader = req.Body
	if req.Header.Get("Content-Encoding") == "gzip" {
		z, err := gzip.NewReader(req.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		body = z
	}
	var ids, messages []string
	in := bufio.NewReaderSize(body, 1<<20)
	for {
		action, err := in.ReadBytes('\n')
		if err != nil {
			break
		}
		document, err := in.ReadBytes('\n')
		if err != nil {
			return // cut off
		}
		var a struct {
			Create struct {
				ID string `json:"_id"`
			}
		}
		var d struct{ Message string }
		if json.Unmarshal(action, &a) != nil || json.Unmarshal(document, &d) != nil {
			r.t.Errorf("no action and document: %s %s", action, document)
		}
		ids, messages = append(ids, a.Create.ID), append(messages, d.Message)
	}
	r.mu.Lock()
	r.requests++
	answer := r.answer
	r.mu.Unlock()
	if answer != nil && answer(w, ids) {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	var items []string
	for i, id := range ids {
		if r.ids[id]++; r.ids[id] == 1 {
			r.messages = append(r.messages, messages[i])
			items = append(items, `{"create":{"status":201}}`)
		} else {
			items = append(items, `{"create":{"status":409,"error":{"type":"version_conflict_engine_exception"}}}`)
		}
	}
	fmt.Fprintf(w, `{"errors":false,"items":[`)
	for i, it := range items {
		if i > 0 {
			fmt.Fprint(w, ",")
		}
		fmt.Fprint(w, it)
	}
	fmt.Fprint(w, "]}")
}

// lines waits until n messages were accepted, and fails unless they are "line FIRST" and the
// following ones, in order, each once.
func (r *receiver) lines(first, n int) {
	r.t.Helper()
	rig.Eventually(r.t, 60*time.Second, func() error {
		r.mu.Lock()
		defer r.mu.Unlock()
		if len(r.messages) < n {
			return fmt.Errorf("%d messages of %d", len(r.messages), n)
		}
		return nil
	})
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.messages) != n {
		r.t.Errorf("%d messages, want %d", len(r.messages), n)
	}
	for i, m := range r.messages {
		if m != fmt.Sprint("line ", first+i) {
			r.t.Fatalf("message %d is %q", i, m)
		}
	}
}

// again returns how often documents came that had been accepted before.
func (r *receiver) again() (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, times := range r.ids {
		n += times - 1
	}
	return n
}

// config returns a configuration with one sink, "es", for the receiver. more is further
// settings of the sink, each line indented by four spaces.
func (r *receiver) config(more string) string {
	return fmt.Sprintf(`sinks:
  - name: es
    elasticsearch: {urls: ["http://%s"]}
    retry: {min: 20ms, max: 200ms}
    batch: {wait: 20ms, records: 100}
%s`, r.addr, more)
}
