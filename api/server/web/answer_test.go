package web

import (
	"bytes"
	"net/http/httptest"
	"testing"
)

// Every body, compressed or not, says that it depends on Accept-Encoding, so that no cache
// gives one client's form to another.
func TestBodiesVary(t *testing.T) {
	for _, size := range []int{0, 10, gzipFrom, 10 * gzipFrom} {
		for _, encoding := range []string{"", "gzip"} {
			r := httptest.NewRequest("GET", "/", nil)
			r.Header.Set("Accept-Encoding", encoding)
			w := httptest.NewRecorder()
			WriteBody(w, r, "text/plain", bytes.Repeat([]byte("a"), size))
			if got := w.Header().Values("Vary"); len(got) != 1 || got[0] != "Accept-Encoding" {
				t.Errorf("%d bytes, accepted %q: Vary %q", size, encoding, got)
			}
			if want := encoding == "gzip" && size >= gzipFrom; (w.Header().Get("Content-Encoding") == "gzip") != want {
				t.Errorf("%d bytes, accepted %q: Content-Encoding %q", size, encoding, w.Header().Get("Content-Encoding"))
			}
		}
	}
}
