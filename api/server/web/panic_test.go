package web

import (
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/bench/rig"
)

// serve starts a server on a real listener, and returns its URL and its log.
func serve(t *testing.T, h http.Handler) (url string, logged *rig.Buffer) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	logged = new(rig.Buffer)
	srv := NewHTTPServer(h, slog.New(slog.NewTextHandler(logged, nil)))
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		<-done
	})
	return "http://" + l.Addr().String(), logged
}

func panicking(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/late" {
		w.Header().Set("Content-Length", "100")
		_, _ = io.WriteString(w, "some")
	}
	if r.URL.Path == "/abort" {
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Encoding", "gzip") // of an answer that is never written
	var nothing map[string]int
	//lint:ignore SA5000 it is to panic
	nothing["x"] = 1
}

func TestPanicIsAnsweredCountedAndLogged(t *testing.T) {
	url, logged := serve(t, http.HandlerFunc(panicking))
	before := Panics()
	for range 2 { // the server lives
		resp, err := http.Get(url + "/early")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusInternalServerError ||
			!strings.HasPrefix(string(body), `{"error":"internal error`) {
			t.Errorf("%d %q, %v", resp.StatusCode, body, err)
		}
	}
	if n := Panics() - before; n != 2 {
		t.Errorf("%d panics are counted, want 2", n)
	}
	for _, want := range []string{"level=ERROR", "path=/early", "assignment to entry in nil map", "web.panicking"} {
		if !strings.Contains(logged.String(), want) {
			t.Errorf("the log lacks %q: %s", want, logged)
		}
	}
}

// An answer that had begun must not look whole.
func TestPanicCutsAnAnswerThatHadBegun(t *testing.T) {
	url, logged := serve(t, http.HandlerFunc(panicking))
	resp, err := http.Get(url + "/late")
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		resp.Body.Close()
	}
	if err == nil {
		t.Error("the answer looks whole")
	}
	if !strings.Contains(logged.String(), "level=ERROR") {
		t.Errorf("not logged: %s", logged)
	}
}

func TestAbortIsNoPanic(t *testing.T) {
	url, logged := serve(t, http.HandlerFunc(panicking))
	before := Panics()
	if resp, err := http.Get(url + "/abort"); err == nil {
		resp.Body.Close()
		t.Errorf("%d, want a connection that is cut", resp.StatusCode)
	}
	if Panics() != before || logged.String() != "" {
		t.Errorf("counted or logged: %s", logged)
	}
}
