package relay

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth"
	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/bus"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

// relayServer is a relay that serves its API until the test ends.
type relayServer struct {
	t     *testing.T
	url   string
	data  string
	roots *x509.CertPool
}

// runRelay runs a relay with some access, over TLS if secure, until it is ready.
func runRelay(t *testing.T, a Access, secure bool) *relayServer {
	t.Helper()
	return runRelayAt(t, freeAddress(t), a, secure)
}

func runRelayAt(t *testing.T, listen string, a Access, secure bool) *relayServer {
	t.Helper()
	b := newBroker(t)
	r := &relayServer{t: t, data: t.TempDir(), roots: x509.NewCertPool()}
	cfg := Config{Listen: listen, DataDir: r.data, Cluster: cluster, Log: quiet, Access: a,
		NATS: bus.ConnectOptions{URLs: "nats://" + b.addr, Log: quiet}}
	r.url = "http://" + cfg.Listen
	if secure {
		authority := rig.NewAuthority(t)
		pair := authority.Issue("127.0.0.1", time.Now().Add(time.Hour))
		cfg.Access.Certificate, cfg.Access.Key = pair.Cert, pair.Key
		r.url = "https://" + cfg.Listen
		ca, err := os.ReadFile(authority.CA)
		if err != nil {
			t.Fatal(err)
		}
		r.roots.AppendCertsFromPEM(ca)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, cfg) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	probe := r.browser()
	wait(t, "readiness", func() bool { code, _, _ := probe.send("GET", "/readyz", "", nil); return code == 200 })
	return r
}

// token returns the admin token.
func (r *relayServer) token() string {
	r.t.Helper()
	b, err := os.ReadFile(filepath.Join(r.data, auth.TokenFile))
	if err != nil {
		r.t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// browser keeps cookies, and says of requests other than plain reads that a page of the relay
// has caused them.
type browser struct {
	*relayServer
	client *http.Client
}

func (r *relayServer) browser() *browser {
	r.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		r.t.Fatal(err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: r.roots}}
	r.t.Cleanup(transport.CloseIdleConnections)
	return &browser{r, &http.Client{Jar: jar, Transport: transport, Timeout: time.Minute,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// send sends a request, with headers as pairs. It does not follow redirects.
func (b *browser) send(method, path, body string, headers []string) (int, string, http.Header) {
	b.t.Helper()
	if !strings.HasPrefix(path, "http") {
		path = b.url + path
	}
	req, err := http.NewRequest(method, path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	if method != "GET" {
		req.Header.Set("Origin", b.url)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, err.Error(), nil
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(text), resp.Header
}

// session returns who is signed in, "" for nobody.
func (b *browser) session() string {
	b.t.Helper()
	code, text, _ := b.send("GET", "/api/v1/auth/session", "", nil)
	if code == http.StatusUnauthorized {
		return ""
	}
	var s v1.Session
	if err := json.Unmarshal([]byte(text), &s); err != nil || code != 200 {
		b.t.Fatalf("%d %s", code, text)
	}
	return s.Name
}

const viewers = "rules:\n- {subjects: user:ann, role: viewer}\n- {subjects: group:ops, role: operator}\n"

// A browser signs in with the admin token or as a local user, works with the cookie alone, and
// signs out.
func TestSession(t *testing.T) {
	for _, secure := range []bool{false, true} {
		policy := put(t, filepath.Join(t.TempDir(), "policy.yaml"), []byte(viewers))
		r := runRelay(t, Access{PolicyFile: policy}, secure)
		store, err := users.Open(filepath.Join(r.data, users.FileName))
		if err != nil {
			t.Fatal(err)
		}
		if err := store.Add("ann", nil, "correct horse"); err != nil {
			t.Fatal(err)
		}
		b := r.browser()
		for _, wrong := range []string{`{"token":"` + r.token() + `x"}`, `{"uid":"ann","password":"wrong"}`} {
			if code, text, h := b.send("POST", "/api/v1/auth/session", wrong, nil); code != 401 || h.Get("Set-Cookie") != "" {
				t.Errorf("%s: %d %s", wrong, code, text)
			}
		}
		if code, text, _ := b.send("POST", "/api/v1/auth/session", `{}`, nil); code != 400 {
			t.Errorf("nothing: %d %s", code, text)
		}
		for who, credential := range map[string]string{
			"admin": `{"token":"` + r.token() + `"}`, "ann": `{"uid":"ann","password":"correct horse"}`,
		} {
			code, text, h := b.send("POST", "/api/v1/auth/session", credential, nil)
			cookie := h.Get("Set-Cookie")
			if code != 204 || !strings.Contains(cookie, "; HttpOnly") || !strings.Contains(cookie, "; SameSite=Strict") ||
				!strings.Contains(cookie, "; Max-Age=43") || strings.Contains(cookie, "; Secure") != secure ||
				strings.Contains(cookie, r.token()) {
				t.Fatalf("%d %s, %s", code, text, cookie)
			}
			if got := b.session(); got != who {
				t.Errorf("signed in as %q, want %q", got, who)
			}
			b.worksAlone()
			other := []string{"Origin", "https://evil.test"}
			if code, _, _ := b.send("DELETE", "/api/v1/auth/session", "", other); code != 403 || b.session() != who {
				t.Errorf("another page signs out: %d", code)
			}
			if code, _, _ := b.send("DELETE", "/api/v1/auth/session", "", nil); code != 204 || b.session() != "" {
				t.Errorf("signed out: %d, and still %q", code, b.session())
			}
		}
		b.send("POST", "/api/v1/auth/session", `{"uid":"ann","password":"correct horse"}`, nil)
		if b.session() != "ann" {
			t.Fatal("ann cannot sign in again")
		}
		if err := store.Remove("ann"); err != nil {
			t.Fatal(err)
		}
		if got := b.session(); got != "" {
			t.Errorf("%s was removed, and is signed in", got)
		}
	}
}

// worksAlone checks that the cookie alone does for what the console requests, and not for what
// other pages do.
func (b *browser) worksAlone() {
	b.t.Helper()
	same := []string{"Sec-Fetch-Site", "same-origin"}
	for _, path := range []string{"/api/v1/agents", "/api/v1/containers?all=1", "/api/v1/events", "/api/v1/openapi.json"} {
		if code, text, _ := b.send("GET", path, "", same); code != 200 {
			b.t.Errorf("GET %s: %d %s", path, code, text)
		}
	}
	for name, headers := range map[string][]string{
		"without Origin":             {"Origin", ""},
		"from another page":          {"Origin", "https://evil.test"},
		"from a page of the sandbox": {"Origin", "null"},
		"by Sec-Fetch-Site":          {"Sec-Fetch-Site", "cross-site"},
	} {
		if code, text, _ := b.send("POST", "/api/v1/sinks/x/pause", "", headers); code != 403 {
			b.t.Errorf("a change %s: %d %s", name, code, text)
		}
	}
	for name, headers := range map[string][]string{
		"another page":       {"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "cors"},
		"another port":       {"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "no-cors"},
		"another WebSocket":  {"Origin", "https://evil.test", "Upgrade", "websocket", "Connection", "Upgrade"},
		"a nameless request": {"Upgrade", "websocket", "Connection", "Upgrade"},
	} {
		if code, text, _ := b.send("GET", "/api/v1/agents", "", headers); code != 403 {
			b.t.Errorf("%s reads: %d %s", name, code, text)
		}
	}
}

// A token in the address signs the browser in, and is gone at once; one in a link of another
// server's page does nothing, and it opens nothing else.
func TestTokenInAddress(t *testing.T) {
	r := runRelay(t, Access{}, false)
	for _, c := range []struct {
		name, path string
		headers    []string
		want       string
	}{
		{"typed", "/?token=" + r.token(), []string{"Sec-Fetch-Site", "none"}, "admin"},
		{"by a program", "/?token=" + r.token() + "&x=1", nil, "admin"},
		{"wrong", "/?token=wrong", nil, ""},
		{"in another page", "/?token=" + r.token(),
			[]string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, ""},
	} {
		b := r.browser()
		code, text, h := b.send("GET", c.path, "", c.headers)
		if code != 303 || h.Get("Location") != "./" || h.Get("Referrer-Policy") != "no-referrer" ||
			h.Get("Cache-Control") != "no-store" || strings.Contains(text, r.token()) {
			t.Errorf("%s: %d %v %s", c.name, code, h, text)
		}
		if got := b.session(); got != c.want {
			t.Errorf("%s: signed in as %q, want %q", c.name, got, c.want)
		}
	}
	b := r.browser()
	if code, _, h := b.send("GET", "/api/v1/agents?token="+r.token(), "", nil); code != 401 || h.Get("Set-Cookie") != "" {
		t.Errorf("the token in another address: %d", code)
	}
	if code, text, _ := b.send("GET", "/api/v1/auth/methods", "", nil); code != 200 || text != `{"password":true}`+"\n" {
		t.Errorf("%d %s", code, text)
	}
}

// Behind a proxy that asks with another Host and adds to the path, browsers sign in where
// --public-url says that the relay is.
func TestSessionBehindProxy(t *testing.T) {
	var proxy *httptest.Server
	listen := freeAddress(t)
	to, err := url.Parse("http://" + listen)
	if err != nil {
		t.Fatal(err)
	}
	forward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(to) }}
	proxy = httptest.NewServer(http.StripPrefix("/day2", forward))
	t.Cleanup(proxy.Close)
	public := proxy.URL + "/day2/"
	r := runRelayAt(t, listen, Access{PublicURL: public, OIDCIssuer: "http://127.0.0.1:1", OIDCClientID: "x"}, false)
	b := r.browser()
	credential := `{"token":"` + r.token() + `"}`
	page := []string{"Origin", proxy.URL, "Sec-Fetch-Site", "same-origin"}
	if code, text, _ := b.send("POST", public+"api/v1/auth/session", credential, page); code != 204 {
		t.Errorf("%d %s", code, text)
	}
	if code, text, _ := b.send("POST", public+"api/v1/sinks/x/pause", "", page); code != 501 {
		t.Errorf("a change: %d %s", code, text)
	}
	for _, origin := range []string{"https://evil.test", strings.Replace(proxy.URL, "http:", "https:", 1), "null"} {
		if code, _, _ := b.send("POST", public+"api/v1/sinks/x/pause", "", []string{"Origin", origin}); code != 403 {
			t.Errorf("a page of %s: %d", origin, code)
		}
	}
	resp, err := http.Get(public + "?token=x")
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if got := resp.Request.URL.String(); got != public {
		t.Errorf("the token in the address leads to %s", got)
	}
	_, _, h := b.send("GET", public+"api/v1/auth/oidc/callback", "", nil)
	if back, err := resp.Request.URL.Parse("api/v1/auth/oidc/" + h.Get("Location")); err != nil ||
		back.String() != public+"#failed=expired" {
		t.Errorf("the callback leads to %s, %v", back, err)
	}
}
