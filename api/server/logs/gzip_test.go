package logs

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/daytwo/daytwo/api/server/web"
)

// A download is compressed for a client on another machine that accepts it.
func TestCompressed(t *testing.T) {
	s := serve(t)
	mux := web.Mux(s.api.Routes(), "none", slog.New(slog.DiscardHandler))
	r := httptest.NewRequest("GET", "/api/v1/logs?download=1&format=json", nil)
	r.RemoteAddr = "10.0.0.9:1234"
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	mux.ServeHTTP(w, r)
	h := w.Header()
	if h.Get("Content-Encoding") != "gzip" || h.Get("Content-Disposition") != `attachment; filename="logs.jsonl"` {
		t.Fatalf("%v", h)
	}
	z, err := gzip.NewReader(w.Body)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(z)
	if err != nil || strings.Count(string(b), "\n") != 100 {
		t.Errorf("%d lines, %v", strings.Count(string(b), "\n"), err)
	}
}
