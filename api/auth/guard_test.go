package auth

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
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

// What lets a request in, as a grammar: a credential in the wrong place, a part of
// it, or more than it, is none. That of a query is one wider, as an escaped "=" is
// taken for one.
var (
	goodHeader = regexp.MustCompile(`^[\s\p{Z}\x{85}]*(?:(?i:bearer) [\s\p{Z}\x{85}]*|token=)` + secret +
		`[\s\p{Z}\x{85}]*$`)
	goodQuery  = regexp.MustCompile(`^(?:.*&)?token=` + secret + `(?:&.*)?$`)
	goodCookie = regexp.MustCompile(`(?:^|;)\s*` + Cookie + `\s*=\s*"?` + secret + `"?\s*(?:;|$)`)
	escape     = regexp.MustCompile(`%[0-9a-fA-F]{2}|\+`)
)

// unescape decodes a query (RFC 3986 §2.1, and "+" for a space).
func unescape(query string) string {
	return escape.ReplaceAllStringFunc(query, func(s string) string {
		if s == "+" {
			return " "
		}
		var b byte
		fmt.Sscanf(s, "%%%02x", &b)
		return string(rune(b))
	})
}

func FuzzGuard(f *testing.F) {
	g, err := NewGuard(secret)
	if err != nil {
		f.Fatal(err)
	}
	for _, near := range []string{"", "x", secret, secret[:len(secret)-1], secret[1:], secret + "x", " " + secret + " ",
		strings.ToUpper(secret)} {
		f.Add("Bearer "+near, "a=b&token="+near, Cookie+"="+near)
		f.Add("token="+near, "nottoken="+near, "other="+near)
		f.Add("Basic "+near, near, Cookie+"="+near+"; a=b")
		f.Add(near, "token="+near+";a", near)
		f.Add("Bearer"+near, "token=%63"+near, Cookie+`="`+near+`"`)
	}
	f.Add("token=", "token=%zz&token="+secret, ";;=")
	f.Fuzz(func(t *testing.T, header, query, cookie string) {
		allowed := func(header, query, cookie string) bool {
			return g.Allowed(&http.Request{
				URL:    &url.URL{RawQuery: query},
				Header: http.Header{"Authorization": {header}, "Cookie": {cookie}},
			})
		}
		if allowed(header, query, cookie) && !goodHeader.MatchString(header) && !goodQuery.MatchString(unescape(query)) &&
			!goodCookie.MatchString(cookie) {
			t.Errorf("%q %q %q is let in", header, query, cookie)
		}
		// Whatever stands beside it, the token is found where it belongs.
		for _, right := range []string{"Bearer " + secret, "token=" + secret} {
			if !allowed(right, query, cookie) {
				t.Errorf("%q is refused beside %q %q", right, query, cookie)
			}
		}
		if !allowed(header, "token="+secret+"&"+query, cookie) {
			t.Errorf("the token is refused before %q, beside %q %q", query, header, cookie)
		}
		if !strings.Contains(query, "token=") && !allowed(header, query, Cookie+"="+secret+"; "+cookie) {
			t.Errorf("the cookie is refused before %q, beside %q %q", cookie, header, query)
		}
	})
}
