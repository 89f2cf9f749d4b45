package console

import (
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/v1"
)

func TestPage(t *testing.T) {
	w := httptest.NewRecorder()
	Handler.ServeHTTP(w, httptest.NewRequest("GET", "/?token=x", nil))
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	csp := w.Header().Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("policy %q", csp)
	}
	if w.Header().Get("Referrer-Policy") != "no-referrer" {
		t.Error("the address, which may hold the token, is sent to others")
	}
}

// The page works where nothing but the relay can be reached, and its policy
// allows nothing inline but the one script and the one style.
func TestPageIsSelfContained(t *testing.T) {
	html := string(page)
	if m := regexp.MustCompile(`(?i)(https?:)?//[a-z0-9-]+\.[a-z]`).FindString(html); m != "" {
		t.Errorf("the page names another server: %q", m)
	}
	for _, bad := range []string{" src=", "@import", "url(", "innerHTML", "style=\"", " onclick=", "eval("} {
		if strings.Contains(html, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
	for _, element := range []string{"<script", "<style"} {
		if n := strings.Count(html, element); n != 1 {
			t.Errorf("%d of %s>, want 1", n, element)
		}
	}
}

// The page calls an agent's state what the command line calls it.
func TestPageUsesTheWordsOfTheCommandLine(t *testing.T) {
	for _, stale := range []bool{false, true} {
		if word := (&v1.Agent{Stale: stale}).State(); !strings.Contains(string(page), `"`+word) {
			t.Errorf("the page lacks the state %q", word)
		}
	}
	for _, other := range []string{"silent", `"up"]`, "Lost"} {
		if strings.Contains(string(page), other) {
			t.Errorf("the page has a word of its own: %q", other)
		}
	}
}
