package auth

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const secret = "correct-horse-battery"

func TestGuard(t *testing.T) {
	g, err := NewGuard(secret)
	if err != nil {
		t.Fatal(err)
	}
	denied := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	h := g.Handler(http.NotFoundHandler(), denied, func(r *http.Request) bool { return r.URL.Path == "/healthz" })
	try := func(want int, target string, set func(*http.Request)) {
		t.Helper()
		r := httptest.NewRequest("GET", target, nil)
		if set != nil {
			set(r)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != want {
			t.Errorf("%s %v: %d, want %d", target, r.Header, w.Code, want)
		}
		if got := w.Header().Get("WWW-Authenticate"); (want == 401) != strings.HasPrefix(got, "Bearer") {
			t.Errorf("%s: WWW-Authenticate %q", target, got)
		}
	}
	header := func(v ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header["Authorization"] = v }
	}
	const in, out = http.StatusNotFound, http.StatusUnauthorized
	try(in, "/healthz", nil)
	try(out, "/x", nil)
	try(in, "/x", header("Bearer "+secret))
	try(in, "/x", header("bearer  "+secret))
	try(in, "/x", header("token="+secret))
	try(in, "/x", header("Basic Zm9v", "token="+secret))
	try(out, "/x", header("Basic "+secret))
	try(out, "/x", header(secret))
	try(out, "/x", header("Bearer "))
	try(out, "/x", header("Bearer "+secret[:len(secret)-1]))
	try(out, "/x", header("token="+secret+"x"))
	try(in, "/x?token="+secret, nil)
	try(out, "/x?token=", nil)
	try(out, "/x?nottoken="+secret, nil)
	try(in, "/x", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: Cookie, Value: secret}) })
	try(out, "/x", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "other", Value: secret}) })
	try(out, "/x?"+strings.Repeat("token=x&", 1000)+"token="+secret, nil)
}

func TestGuardRefusesWeakTokens(t *testing.T) {
	for _, tok := range []string{"", "x", "with space in the middle"} {
		if _, err := NewGuard(tok); err == nil {
			t.Errorf("%q is accepted", tok)
		}
	}
}

func FuzzGuard(f *testing.F) {
	g, err := NewGuard(secret)
	if err != nil {
		f.Fatal(err)
	}
	f.Add("Bearer x", "token=y", "dcos-acs-auth-cookie=z")
	f.Add("token=", "token=%zz", ";;=")
	f.Fuzz(func(t *testing.T, header, query, cookie string) {
		r := &http.Request{
			URL:    &url.URL{RawQuery: query},
			Header: http.Header{"Authorization": {header}, "Cookie": {cookie}},
		}
		if g.Allowed(r) && !strings.Contains(header+query+cookie, "horse") && !strings.Contains(query, "%") {
			t.Fatalf("let in by %q %q %q", header, query, cookie)
		}
	})
}
