package relay

import (
	"encoding/json"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/client"
	"github.com/daytwo/daytwo/api/health"
	"github.com/daytwo/daytwo/api/v1"
	"github.com/daytwo/daytwo/bench/rig"
)

const (
	operator = "test-user@127.0.0.1" // in the groups ops and staff
	stranger = "test-user2"          // in the group staff, for which there is no rule
)

// withIdentity runs a relay with a real identity provider.
func withIdentity(t *testing.T, flags ...string) (*relayServer, *rig.Identity) {
	t.Helper()
	address := rig.FreePort(t)
	listen := freeAddress(t)
	idp := rig.StartIdentity(t, "../bench/identity", address,
		append([]string{"-redirect", "http://" + listen + "/api/v1/auth/oidc/callback"}, flags...)...)
	dir := t.TempDir()
	r := runRelayAt(t, listen, Access{
		PolicyFile: put(t, filepath.Join(dir, "policy.yaml"), []byte(viewers)),
		OIDCIssuer: idp.Issuer, OIDCClientID: "daytwo", OIDCScopes: []string{"profile"},
		OIDCClientSecret: put(t, filepath.Join(dir, "secret"), []byte("secret\n")),
		OIDCName:         []string{"preferred_username"},
	}, false)
	wait(t, "discovery", func() bool {
		_, text, _ := r.local("/metrics")
		return strings.Contains(text, "daytwo_oidc_up 1")
	})
	return r, idp
}

// local asks as the admin.
func (r *relayServer) local(path string) (int, string, http.Header) {
	return r.browser().send("GET", path, "", []string{"Authorization", "Bearer " + r.token()})
}

// start begins to sign a browser in, and returns where it is sent to.
func (b *browser) start() string {
	b.t.Helper()
	code, text, h := b.send("GET", "/api/v1/auth/oidc/start", "", []string{"Sec-Fetch-Site", "same-origin"})
	if code != 303 {
		b.t.Fatalf("%d %s", code, text)
	}
	return h.Get("Location")
}

func TestOIDCBrowser(t *testing.T) {
	r, idp := withIdentity(t)
	b := r.browser()
	if _, text, _ := b.send("GET", "/api/v1/auth/methods", "", nil); !strings.Contains(text,
		`"oidc":{"issuer":"`+idp.Issuer+`","device":true}`) {
		t.Error(text)
	}
	location := b.start()
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	if !strings.HasPrefix(location, idp.Issuer) || q.Get("code_challenge_method") != "S256" || q.Get("nonce") == "" ||
		q.Get("state") == "" || q.Get("scope") != "openid profile" {
		t.Errorf("sent to %s", location)
	}
	back := idp.SignIn(t, location, operator)
	code, _, h := b.send("GET", back, "", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"})
	cookies := h.Values("Set-Cookie")
	if code != 303 || h.Get("Location") != "../../../../" || h.Get("Referrer-Policy") != "no-referrer" ||
		len(cookies) != 2 || !strings.Contains(cookies[1], "; HttpOnly; SameSite=Strict") {
		t.Fatalf("%d %v", code, h)
	}
	_, text, _ := b.send("GET", "/api/v1/auth/session", "", nil)
	var s v1.Session
	if err := json.Unmarshal([]byte(text), &s); err != nil || s.Name != operator ||
		!slices.Equal(s.Groups, []string{"ops", "staff"}) || s.Expires == nil || time.Until(*s.Expires) > 12*time.Hour {
		t.Errorf("signed in as %s", text)
	}
	b.worksAlone()
	if code, text, _ := b.send("POST", "/api/v1/sinks/x/pause", "", nil); code != 501 {
		t.Errorf("an operator: %d %s", code, text)
	}
	if code, text, _ := b.send("GET", "/api/v1/logs", "", nil); code == 403 {
		t.Errorf("an operator reads logs: %d %s", code, text)
	}
	if _, _, h := b.send("GET", back, "", nil); !strings.HasSuffix(h.Get("Location"), "#failed=expired") {
		t.Errorf("the same again: %s", h.Get("Location"))
	}
	other := r.browser()
	_, _, _ = other.send("GET", idp.SignIn(t, other.start(), stranger), "", nil)
	if other.session() != stranger {
		t.Errorf("signed in as %q", other.session())
	}
	if code, _, _ := other.send("GET", "/api/v1/agents", "", nil); code != 403 {
		t.Errorf("who is in no group of the policy: %d", code)
	}
	if code, _, _ := b.send("GET", "/api/v1/auth/session", "", []string{"Sec-Fetch-Site", "cross-site"}); code != 403 {
		t.Errorf("another page: %d", code)
	}
	_, text, _ = r.local("/metrics")
	if !strings.Contains(text, `daytwo_oidc_sign_ins_total{result="ok"} 2`) ||
		!strings.Contains(text, `daytwo_oidc_sign_ins_total{result="expired"} 1`) ||
		!strings.Contains(text, "daytwo_auth_keys{url=\""+idp.Issuer) {
		t.Error(text)
	}
}

// What comes back from elsewhere, changed, or of another attempt signs nobody in, and leads
// nowhere else.
func TestOIDCRefuses(t *testing.T) {
	r, idp := withIdentity(t)
	for name, c := range map[string]struct {
		change func(b *browser, q url.Values)
		want   string
	}{
		"nothing":           {func(*browser, url.Values) {}, ""},
		"another state":     {func(_ *browser, q url.Values) { q.Set("state", "x") }, "expired"},
		"no state":          {func(_ *browser, q url.Values) { q.Del("state") }, "expired"},
		"another code":      {func(_ *browser, q url.Values) { q.Set("code", "x") }, "provider"},
		"an error":          {func(_ *browser, q url.Values) { q.Set("error", "access_denied") }, "denied"},
		"another issuer":    {func(_ *browser, q url.Values) { q.Set("iss", "https://evil.test") }, "refused"},
		"a place to go to":  {func(_ *browser, q url.Values) { q.Set("redirect", "https://evil.test") }, ""},
		"another attempt":   {func(b *browser, _ url.Values) { b.start() }, "expired"},
		"another browser":   {func(b *browser, _ url.Values) { b.client.Jar = r.browser().client.Jar }, "expired"},
		"a cookie of yours": {func(b *browser, _ url.Values) { b.client.Jar = r.browser().client.Jar; b.start() }, "expired"},
	} {
		b := r.browser()
		back, err := url.Parse(idp.SignIn(t, b.start(), operator))
		if err != nil {
			t.Fatal(err)
		}
		q := back.Query()
		c.change(b, q)
		back.RawQuery = q.Encode()
		code, _, h := b.send("GET", back.String(), "", nil)
		want, who := "../../../../", ""
		if c.want != "" {
			want += "#failed=" + c.want
		} else {
			who = operator
		}
		if code != 303 || h.Get("Location") != want || b.session() != who {
			t.Errorf("%s: %d to %s, signed in as %q", name, code, h.Get("Location"), b.session())
		}
	}
	b := r.browser()
	for path, want := range map[string]int{
		"/api/v1/auth/oidc/start?port=0":                          400,
		"/api/v1/auth/oidc/start?port=evil.test&state=x":          400,
		"/api/v1/auth/oidc/start?port=80&state=x":                 400,
		"/api/v1/auth/oidc/start?redirect_uri=https://evil.test/": 303,
	} {
		if code, _, h := b.send("GET", path, "", nil); code != want || strings.Contains(h.Get("Location"), "evil") {
			t.Errorf("%s: %d %s", path, code, h.Get("Location"))
		}
	}
}

// oidcClient is the command line's way to sign in.
func (r *relayServer) oidcClient() *client.OIDC {
	r.t.Helper()
	c, err := client.New(r.url, "")
	if err != nil {
		r.t.Fatal(err)
	}
	return c.OIDC()
}

// who returns whose a token is.
func (r *relayServer) who(token string) string {
	_, text, _ := r.browser().send("GET", "/api/v1/auth/session", "", []string{"Authorization", "Bearer " + token})
	var s v1.Session
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return text
	}
	return s.Name
}

// The device flow: the user says yes, or no; who polls too fast has to slow down.
func TestOIDCDevice(t *testing.T) {
	r, idp := withIdentity(t)
	t.Run("yes", func(t *testing.T) {
		t.Parallel()
		began := time.Now()
		token, err := r.oidcClient().Device(t.Context(), func(p client.Prompt) error {
			if !strings.HasPrefix(p.URL, idp.Issuer) || !strings.Contains(p.Complete, p.Code) {
				t.Errorf("%+v", p)
			}
			time.AfterFunc(6*time.Second, func() { idp.Approve(t, p.Code, operator, true) }) // after the first poll
			return nil
		})
		if err != nil || r.who(token) != operator {
			t.Errorf("%q, %v", r.who(token), err)
		}
		if d := time.Since(began); d < 9*time.Second {
			t.Errorf("it polled within %v", d)
		}
	})
	t.Run("no", func(t *testing.T) {
		t.Parallel()
		_, err := r.oidcClient().Device(t.Context(), func(p client.Prompt) error {
			idp.Approve(t, p.Code, operator, false)
			return nil
		})
		if err == nil || !strings.Contains(err.Error(), "did not let you in") {
			t.Error(err)
		}
	})
	t.Run("hasty", func(t *testing.T) {
		t.Parallel()
		b := r.browser()
		form := []string{"Content-Type", "application/x-www-form-urlencoded"}
		_, text, _ := b.send("POST", "/api/v1/auth/oidc/device", "", nil)
		var a struct {
			Code     string `json:"device_code"`
			UserCode string `json:"user_code"`
			Interval int
		}
		if err := json.Unmarshal([]byte(text), &a); err != nil || a.Interval != 5 {
			t.Fatal(text)
		}
		body := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:device_code"}, "device_code": {a.Code}}.Encode()
		for i, want := range []string{"authorization_pending", "slow_down"} {
			code, text, _ := b.send("POST", "/api/v1/auth/oidc/token", body, form)
			if code != 400 || text != `{"error":"`+want+`"}`+"\n" {
				t.Errorf("poll %d: %d %s", i, code, text)
			}
		}
		for _, foreign := range []string{"null", "https://evil.test"} {
			if code, _, _ := b.send("POST", "/api/v1/auth/oidc/token", body, append(form, "Origin", foreign)); code != 403 {
				t.Errorf("a page of %s: %d", foreign, code)
			}
		}
	})
}

// A program on the browser's machine gets a code, which it alone can redeem.
func TestOIDCProgram(t *testing.T) {
	r, idp := withIdentity(t, "-device=false")
	o := r.oidcClient()
	if _, err := o.Device(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "no device flow") {
		t.Error(err)
	}
	waiting := o.Browser(12345)
	b := r.browser()
	begin := func(site string) (int, string) {
		code, _, h := b.send("GET", waiting.URL, "", []string{"Sec-Fetch-Site", site})
		return code, h.Get("Location")
	}
	if code, _ := begin("cross-site"); code != 403 {
		t.Errorf("a link on another page: %d", code)
	}
	_, location := begin("none")
	code, _, h := b.send("GET", idp.SignIn(t, location, operator), "", nil)
	to, err := url.Parse(h.Get("Location"))
	if err != nil || code != 303 || to.Host != "127.0.0.1:12345" || to.Query().Get("state") != waiting.State ||
		b.session() != "" {
		t.Fatalf("%d to %s, signed in as %q", code, to, b.session())
	}
	if _, err := o.Browser(12345).Redeem(t.Context(), to.Query().Get("code")); err == nil {
		t.Error("another program redeems the code")
	}
	token, err := waiting.Redeem(t.Context(), to.Query().Get("code"))
	if err != nil || r.who(token) != operator {
		t.Errorf("%q, %v", r.who(token), err)
	}
	// The program learns that the user said no.
	_, location = begin("none")
	u, err := url.Parse(location)
	if err != nil {
		t.Fatal(err)
	}
	_, _, h = b.send("GET", "/api/v1/auth/oidc/callback?error=access_denied&state="+u.Query().Get("state"), "", nil)
	if got := h.Get("Location"); !strings.HasPrefix(got, "http://127.0.0.1:12345/?error=denied&state=") {
		t.Error(got)
	}
}

// A provider that is away keeps no relay from starting, and nobody from signing in otherwise;
// people can sign in there once it is back.
func TestOIDCAway(t *testing.T) {
	listen, address := freeAddress(t), rig.FreePort(t)
	access := Access{OIDCIssuer: "http://" + address + "/", OIDCClientID: "daytwo"}
	r := runRelayAt(t, listen, access, false)
	b := r.browser()
	if _, _, h := b.send("GET", "/api/v1/auth/oidc/start", "", nil); !strings.HasSuffix(h.Get("Location"),
		"#failed=provider") {
		t.Errorf("sent to %s", h.Get("Location"))
	}
	if code, text, _ := b.send("POST", "/api/v1/auth/oidc/device", "", nil); code != 503 {
		t.Errorf("a device: %d %s", code, text)
	}
	if code, _, _ := b.send("POST", "/api/v1/auth/session", `{"token":"`+r.token()+`"}`, nil); code != 204 {
		t.Errorf("the admin: %d", code)
	}
	if _, text, _ := r.local("/metrics"); !strings.Contains(text, "daytwo_oidc_up 0") {
		t.Error("no metric says that the provider is away")
	}
	doctor := func() health.Check {
		checks := Doctor(t.Context(), Config{Listen: listen, DataDir: r.data, Access: access, Log: quiet})
		return checks[slices.IndexFunc(checks, func(c health.Check) bool { return c.Name == "identity provider" })]
	}
	if c := doctor(); c.State != health.Warn || c.Fix == "" {
		t.Errorf("%+v", c)
	}
	rig.StartIdentity(t, "../bench/identity", address, "-redirect", r.url+"/api/v1/auth/oidc/callback")
	wait(t, "the provider", func() bool { return strings.HasPrefix(b.start(), access.OIDCIssuer) })
	if c := doctor(); c.State != health.OK {
		t.Errorf("%+v", c)
	}
}

// A relay does not start with a provider that it could never use.
func TestOIDCRefusesConfiguration(t *testing.T) {
	dir := t.TempDir()
	const idp = "https://idp.example"
	empty := put(t, filepath.Join(dir, "empty"), nil)
	for name, a := range map[string]Access{
		"no TLS":         {OIDCIssuer: "http://idp.example", OIDCClientID: "x"},
		"no client":      {OIDCIssuer: idp},
		"no secret":      {OIDCIssuer: idp, OIDCClientID: "x", OIDCClientSecret: filepath.Join(dir, "none")},
		"an empty one":   {OIDCIssuer: idp, OIDCClientID: "x", OIDCClientSecret: empty},
		"no authorities": {OIDCIssuer: idp, OIDCClientID: "x", OIDCCA: empty},
		"a public path":  {PublicURL: "/relay"},
	} {
		c := Config{DataDir: t.TempDir(), Access: a, Log: quiet}
		access, err := c.openAccess()
		if err == nil {
			t.Errorf("%s: it opens", name)
			_ = access.close()
		}
	}
	c := Config{TokenFile: put(t, filepath.Join(dir, "token"), []byte(strings.Repeat("t", 20))), Log: quiet,
		Access: Access{OIDCIssuer: idp, OIDCClientID: "x"}}
	if _, err := c.openAccess(); err == nil || !strings.Contains(err.Error(), "data directory") {
		t.Errorf("without a data directory: %v", err)
	}
}
