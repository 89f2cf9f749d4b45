package gate_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/gate"
	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
	"golang.org/x/sys/unix"
)

const adminToken = "correct-horse-battery"

type fixed struct{ *jwks.Set }

func (f fixed) Keys() *jwks.Set                   { return f.Set }
func (f fixed) Missing(context.Context) *jwks.Set { return f.Set }

func newIssuer(t *testing.T) *issuer.Issuer {
	t.Helper()
	i, err := issuer.Open(filepath.Join(t.TempDir(), issuer.KeyFile), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func verifier(t *testing.T, i *issuer.Issuer) *jwt.Verifier {
	t.Helper()
	v, err := jwt.New(jwt.Options{Keys: fixed{i.Keys()}, Issuer: issuer.Name, Audience: issuer.Audience})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func sign(t *testing.T, i *issuer.Issuer, name string, local bool, groups ...string) string {
	t.Helper()
	token, err := i.Sign(name, groups, time.Hour, local)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// tokens is a gate for tokens, and tokens of several kinds.
func tokens(t *testing.T) (g *gate.Gate, local, program, other, stranger string) {
	t.Helper()
	own, others := newIssuer(t), newIssuer(t)
	guard, err := auth.NewGuard(adminToken)
	if err != nil {
		t.Fatal(err)
	}
	g = gate.New(gate.Options{
		Token: guard, Own: verifier(t, own), Others: []*jwt.Verifier{verifier(t, others)},
		User: func(name string) ([]string, bool) { return []string{"now"}, name == "anna" },
	})
	return g, sign(t, own, "anna", true, "then"), sign(t, own, "ci", false, "robots"), sign(t, others, "otto", true, "x"),
		sign(t, newIssuer(t), "eve", false)
}

func get(set ...func(*http.Request)) *http.Request {
	r := httptest.NewRequest("GET", "http://relay.example/api/v1/agents", nil)
	for _, f := range set {
		f(r)
	}
	return r
}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

func bearer(token string) func(*http.Request) { return header("Authorization", "Bearer "+token) }

func basic(user, password string) func(*http.Request) {
	return func(r *http.Request) { r.SetBasicAuth(user, password) }
}

func cookie(token string) func(*http.Request) {
	return func(r *http.Request) { r.AddCookie(&http.Cookie{Name: auth.Cookie, Value: token}) }
}

func method(m string) func(*http.Request) { return func(r *http.Request) { r.Method = m } }

func TestTokens(t *testing.T) {
	g, local, program, other, stranger := tokens(t)
	for _, c := range []struct {
		name   string
		r      *http.Request
		who    string // "" for nobody
		groups []string
		method auth.Method
	}{
		{"nothing", get(), "", nil, ""},
		{"admin token", get(bearer(adminToken)), "admin", nil, auth.MethodToken},
		{"admin token as DC/OS sends it", get(header("Authorization", "token="+adminToken)), "admin", nil, auth.MethodToken},
		{"part of the admin token", get(bearer(adminToken[1:])), "", nil, ""},
		{"local user", get(bearer(local)), "anna", []string{"now"}, auth.MethodJWT},
		{"program", get(header("Authorization", "token="+program)), "ci", []string{"robots"}, auth.MethodJWT},
		{"other issuer's users are not local", get(bearer(other)), "otto", []string{"x"}, auth.MethodJWT},
		{"stranger", get(bearer(stranger)), "", nil, ""},
		{"cookie", get(cookie(local)), "anna", []string{"now"}, auth.MethodJWT},
		{"admin's cookie", get(cookie(adminToken)), "admin", nil, auth.MethodToken},
		{"Basic", get(header("Authorization", "Basic "+adminToken)), "", nil, ""},
		{"password", get(basic("x", adminToken)), "admin", nil, auth.MethodToken},
		{"a user's token as password", get(basic("", local)), "anna", []string{"now"}, auth.MethodJWT},
		{"token as a user's name", get(basic(adminToken, "")), "", nil, ""},
		{"two headers", get(header("Authorization", "Bearer "+stranger, "Bearer "+local)), "", nil, ""},
		{"two good headers", get(header("Authorization", "Bearer "+local, "Bearer "+local)), "", nil, ""},
		{"two headers are not helped by a cookie",
			get(header("Authorization", "Bearer "+local, "Bearer "+local), cookie(local)), "", nil, ""},
		{"two cookies", get(cookie(local), cookie(stranger)), "", nil, ""},
		{"a bad header is not helped by a cookie", get(bearer("x"), cookie(local)), "", nil, ""},
		{"another scheme is not helped by a cookie", get(header("Authorization", "Basic x"), cookie(local)), "", nil, ""},
		{"in the query", get(func(r *http.Request) { r.URL.RawQuery = "token=" + adminToken }), "", nil, ""},
		{"a megabyte", get(bearer(strings.Repeat("x.", 1<<19))), "", nil, ""},
		{"forwarded by nobody knows whom", get(header("X-Forwarded-User", "admin"), header("X-Forwarded-For", "127.0.0.1")),
			"", nil, ""},
	} {
		p, err := g.Principal(c.r)
		if c.who == "" {
			if err == nil || p != nil {
				t.Errorf("%s: %v", c.name, p.Name())
			}
			continue
		}
		if err != nil || p.Name() != c.who || !slices.Equal(p.Groups(), c.groups) || p.Method() != c.method {
			t.Errorf("%s: %q %q %q, %v", c.name, p.Name(), p.Groups(), p.Method(), err)
		}
	}
	if _, err := g.Principal(get()); !errors.Is(err, gate.ErrNobody) {
		t.Error(err)
	}
	for says, r := range map[string]*http.Request{
		"several cookies": get(cookie(local), cookie(stranger)), "too long": get(bearer(strings.Repeat("x.", 1<<13) + "x")),
	} {
		if _, err := g.Principal(r); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v, want %q", err, says)
		}
	}
	if p, err := gate.New(gate.Options{}).Principal(get(bearer(local))); err == nil {
		t.Errorf("without issuers %q comes in", p.Name())
	}
}

func TestRemovedUser(t *testing.T) {
	i := newIssuer(t)
	there := true
	g := gate.New(gate.Options{Own: verifier(t, i), User: func(string) ([]string, bool) { return nil, there }})
	token := sign(t, i, "anna", true)
	if _, err := g.Principal(get(bearer(token))); err != nil {
		t.Fatal(err)
	}
	there = false
	if _, err := g.Principal(get(bearer(token))); err == nil {
		t.Error("the token of a removed user is valid")
	}
	if _, err := gate.New(gate.Options{Own: verifier(t, i)}).Principal(get(bearer(token))); err == nil {
		t.Error("the token of a local user is valid where there are none")
	}
}

// CASES X-A7: what another web page causes has the cookie, and must do nothing.
func TestForeignPages(t *testing.T) {
	g, local, _, _, _ := tokens(t)
	origin := func(o string) func(*http.Request) { return header("Origin", o) }
	fetch := func(site, mode string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", site); r.Header.Set("Sec-Fetch-Mode", mode) }
	}
	upgrade := header("Upgrade", "websocket")
	for _, c := range []struct {
		name string
		r    *http.Request
		ok   bool
	}{
		{"read", get(), true},
		{"read from a page of its own", get(origin("http://relay.example")), true},
		{"read from elsewhere", get(origin("http://evil.test")), false},
		{"read from elsewhere, modern browser", get(fetch("cross-site", "no-cors")), false},
		{"read from a subdomain", get(fetch("same-site", "cors")), false},
		{"link from elsewhere", get(fetch("cross-site", "navigate")), true},
		{"typed in", get(fetch("none", "navigate")), true},
		{"other port", get(method("POST"), origin("http://relay.example:81")), false},
		{"change", get(method("POST"), origin("http://relay.example")), true},
		{"change, TLS", get(method("POST"), origin("https://RELAY.example")), true},
		{"change without origin", get(method("POST")), false},
		{"change from null", get(method("POST"), origin("null")), false},
		{"change from elsewhere", get(method("DELETE"), origin("http://relay.example.evil.test")), false},
		{"form from elsewhere", get(method("POST"), fetch("cross-site", "navigate")), false},
		{"WebSocket", get(upgrade, origin("http://relay.example")), true},
		{"WebSocket from elsewhere", get(upgrade, origin("http://evil.test")), false},
		{"WebSocket without origin", get(upgrade), false},
		{"WebSocket from a file", get(upgrade, origin("file://")), false},
	} {
		cookie(local)(c.r)
		if _, err := g.Principal(c.r); (err == nil) != c.ok || err != nil && !errors.Is(err, gate.ErrForeignPage) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, set := range []func(*http.Request){origin("http://evil.test"), fetch("cross-site", "no-cors"), method("POST")} {
		if _, err := g.Principal(get(basic("x", local), set)); !errors.Is(err, gate.ErrForeignPage) {
			t.Errorf("by a password: %v", err)
		}
	}
	// A program sends a header, and no page can make a browser do that.
	if _, err := g.Principal(get(bearer(local), method("POST"), upgrade)); err != nil {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	spiffe, err := url.Parse("spiffe://c/ns/shop")
	if err != nil {
		t.Fatal(err)
	}
	subject := pkix.Name{CommonName: "anna", Organization: []string{"shop"}, OrganizationalUnit: []string{"ops"}}
	g := gate.New(gate.Options{Certificates: true})
	verified := func(c *x509.Certificate) func(*http.Request) {
		return func(r *http.Request) { r.TLS = &tls.ConnectionState{VerifiedChains: [][]*x509.Certificate{{c}}} }
	}
	for _, c := range []struct {
		cert *x509.Certificate
		who  string
	}{
		{&x509.Certificate{Subject: subject}, "anna"},
		{&x509.Certificate{Subject: subject, EmailAddresses: []string{"anna@x"}, DNSNames: []string{"host"}}, "anna@x"},
		{&x509.Certificate{Subject: subject, URIs: []*url.URL{spiffe}}, "spiffe://c/ns/shop"},
		{&x509.Certificate{Subject: subject, DNSNames: []string{"host"}}, "host"},
		{&x509.Certificate{}, ""},
		{&x509.Certificate{Subject: pkix.Name{CommonName: "a\x00b"}}, ""},
	} {
		p, err := g.Principal(get(verified(c.cert)))
		if (err == nil) != (c.who != "") || p.Name() != c.who {
			t.Errorf("%q, %v; want %q", p.Name(), err, c.who)
		}
		if c.who != "" && (!slices.Equal(p.Groups(), []string{"ops", "shop"}) || p.Method() != auth.MethodCertificate) {
			t.Errorf("%q %q", p.Groups(), p.Method())
		}
	}
	anna := verified(&x509.Certificate{Subject: subject})
	for _, set := range []func(*http.Request){
		header("Origin", "http://evil.test"), header("Sec-Fetch-Site", "cross-site"),
		func(r *http.Request) { r.Method = "POST"; r.Header.Set("Origin", "null") },
	} {
		if p, err := g.Principal(get(anna, set)); !errors.Is(err, gate.ErrForeignPage) {
			t.Errorf("from another page %q, %v", p.Name(), err)
		}
	}
	if _, err := g.Principal(get(anna, method("POST"))); err != nil {
		t.Errorf("a program: %v", err)
	}
	only := func(r *http.Request) {
		r.TLS = &tls.ConnectionState{PeerCertificates: []*x509.Certificate{{Subject: subject}}}
	}
	if p, err := g.Principal(get(only)); err == nil {
		t.Errorf("%q comes in by a certificate that nobody verified", p.Name())
	}
	if p, err := gate.New(gate.Options{}).Principal(get(verified(&x509.Certificate{Subject: subject}))); err == nil {
		t.Errorf("%q comes in where certificates do not count", p.Name())
	}
	if p, err := g.Principal(get(verified(&x509.Certificate{Subject: subject}), bearer("x"))); err == nil {
		t.Errorf("%q comes in with a bad token", p.Name())
	}
}

// The peer of a unix socket is who the kernel says it is.
func TestUnixSocket(t *testing.T) {
	g := gate.New(gate.Options{})
	dir, err := os.MkdirTemp("", "gate") // all parts of its path can be searched, unlike those of TempDir
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "s")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	said := make(chan string, 1)
	srv := &http.Server{ConnContext: gate.ConnContext, Handler: http.HandlerFunc(func(w http.ResponseWriter,
		r *http.Request) {
		p, err := g.Principal(r)
		if err != nil {
			said <- "nobody"
			return
		}
		said <- p.Name() + " " + string(p.Method())
	})}
	go func() { _ = srv.Serve(l) }()
	t.Cleanup(func() { srv.Close() })
	ask := func(dial func() (net.Conn, error)) string {
		t.Helper()
		c, err := dial()
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.Write([]byte("GET / HTTP/1.0\r\nAuthorization: Bearer x\r\n\r\n")); err != nil {
			t.Fatal(err)
		}
		select {
		case s := <-said:
			return s
		case <-time.After(10 * time.Second):
			t.Fatal("no answer")
			return ""
		}
	}
	if got := ask(func() (net.Conn, error) { return net.Dial("unix", path) }); got != "admin socket" {
		t.Errorf("oneself is %q", got)
	}
	gone, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	if p, err := g.Principal(get().WithContext(gate.ConnContext(t.Context(), gone))); err == nil {
		t.Errorf("a peer that is not known is %q", p.Name())
	}
	if os.Geteuid() != 0 {
		return // only root can be another
	}
	if err := os.Chmod(path, 0o777); err != nil {
		t.Fatal(err)
	}
	if got := ask(func() (net.Conn, error) { return dialAs(65534, path) }); got != "nobody" {
		t.Errorf("another user is %q", got)
	}
}

// dialAs connects with another user id: that of a thread of its own, which ends.
func dialAs(uid int, path string) (net.Conn, error) {
	type result struct {
		fd  int
		err error
	}
	done := make(chan result)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		if _, _, errno := unix.RawSyscall(unix.SYS_SETRESUID, uintptr(uid), uintptr(uid), uintptr(uid)); errno != 0 {
			done <- result{-1, errno}
			return
		}
		fd, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
		if err == nil {
			err = unix.Connect(fd, &unix.SockaddrUnix{Name: path})
		}
		done <- result{fd, err}
	}()
	r := <-done
	if r.err != nil {
		return nil, r.err
	}
	f := os.NewFile(uintptr(r.fd), path)
	defer f.Close()
	return net.FileConn(f)
}

func FuzzPrincipal(f *testing.F) {
	guard, err := auth.NewGuard(adminToken)
	if err != nil {
		f.Fatal(err)
	}
	g := gate.New(gate.Options{Token: guard})
	f.Add("Bearer "+adminToken, "", "")
	f.Add("token="+adminToken[1:], auth.Cookie+"="+adminToken, "http://evil.test")
	f.Add("Basic "+base64.StdEncoding.EncodeToString([]byte("x:"+adminToken)), "", "https://RELAY.example")
	f.Add("Basic "+adminToken, auth.Cookie+"="+adminToken, "http://relay.example.evil.test")
	f.Add("", auth.Cookie+"="+adminToken, "http://relay.example")
	f.Fuzz(func(t *testing.T, authorization, cookies, origin string) {
		r := get()
		r.Header = http.Header{"Cookie": {cookies}, "Origin": {origin}}
		if authorization != "" {
			r.Header["Authorization"] = []string{authorization}
		}
		p, err := g.Principal(r)
		if want := mayEnter(r, authorization, origin); (err == nil) != want {
			t.Errorf("by %q and %q from %q: %v, let in: want %v", authorization, cookies, origin, err, want)
		}
		if err == nil && p.Name() != auth.AdminName {
			t.Errorf("%q comes in", p.Name())
		}
	})
}

// mayEnter reports whether a request has the admin token where it counts: in the only header
// if there is one, else in the only cookie. As a cookie or a password it counts only from a
// page of the server itself, or from none.
func mayEnter(r *http.Request, authorization, origin string) bool {
	scheme, host, _ := strings.Cut(origin, "://")
	own := origin == "" || (scheme == "http" || scheme == "https") && strings.EqualFold(host, "relay.example")
	if authorization == "" {
		all := r.CookiesNamed(auth.Cookie)
		return own && len(all) == 1 && all[0].Value == adminToken
	}
	h := strings.TrimSpace(authorization)
	if h == "token="+adminToken {
		return true
	}
	kind, rest, _ := strings.Cut(h, " ")
	rest = strings.TrimSpace(rest)
	if strings.EqualFold(kind, "bearer") {
		return rest == adminToken
	}
	again := &http.Request{Header: http.Header{"Authorization": {kind + " " + rest}}}
	_, password, ok := again.BasicAuth()
	return own && ok && password == adminToken
}

// A browser's session of the local admin ends with the admin token that opened it.
func TestSessionOfAdmin(t *testing.T) {
	i := newIssuer(t)
	own := verifier(t, i)
	before, err := auth.NewGuard(adminToken)
	if err != nil {
		t.Fatal(err)
	}
	token, err := i.SignSession(auth.AdminName, before.Session(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	p, err := gate.New(gate.Options{Token: before, Own: own}).Bearer(t.Context(), token)
	if err != nil || !p.Admin() || time.Until(p.Expires()) > time.Hour || p.Expires().IsZero() {
		t.Fatalf("%v, %v", p, err)
	}
	after, err := auth.NewGuard(adminToken + "-new")
	if err != nil {
		t.Fatal(err)
	}
	for name, o := range map[string]gate.Options{
		"another admin token":     {Token: after, Own: own},
		"none":                    {Own: own},
		"another issuer may so":   {Token: before, Others: []*jwt.Verifier{own}},
		"a user of the same name": {Token: after, Others: []*jwt.Verifier{own}},
	} {
		if p, err := gate.New(o).Bearer(t.Context(), token); err == nil && p.Admin() {
			t.Errorf("%s: %q is the admin", name, p.Name())
		}
	}
}
