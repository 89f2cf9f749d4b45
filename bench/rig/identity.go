package rig

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"time"
)

// IdentityPassword is the password of all users of an Identity.
const IdentityPassword = "verysecure"

// Identity is a running identity provider (OpenID Connect): that of bench/identity. Its users
// are test-user@127.0.0.1 (id1), in the groups ops and staff, and test-user2 (id2), in staff.
type Identity struct {
	*Process
	Issuer string
}

// StartIdentity starts an identity provider at an address, with other flags of bench/identity
// (dir, relative to the test).
func StartIdentity(t testing.TB, dir, address string, args ...string) *Identity {
	t.Helper()
	cmd := exec.Command(ModuleProgram(t, dir, "."), append([]string{"-listen", address}, args...)...)
	i := &Identity{StartProcess(t, cmd), "http://" + address + "/"}
	Eventually(t, 20*time.Second, func() error {
		if !i.Running() {
			t.Fatalf("the identity provider ended:\n%s", i.Log())
		}
		resp, err := http.Get(i.Issuer + ".well-known/openid-configuration")
		if err == nil {
			resp.Body.Close()
		}
		return err
	})
	return i
}

// Rotate lets the provider sign with another key.
func (i *Identity) Rotate(t testing.TB) {
	t.Helper()
	i.page(t, i.browser(t), "POST", i.Issuer+"test/rotate", nil)
}

var authRequest = regexp.MustCompile(`name="id" value="([^"]+)"`)

// SignIn signs a user in on the provider's page, to which a browser was sent, and returns where
// the provider sends the browser back to.
func (i *Identity) SignIn(t testing.TB, location, user string) string {
	t.Helper()
	c := i.browser(t)
	_, page := i.page(t, c, "GET", location, nil)
	m := authRequest.FindStringSubmatch(page)
	if m == nil {
		t.Fatalf("the provider's page has no form:\n%s", page)
	}
	back, page := i.page(t, c, "POST", i.Issuer+"login/username",
		url.Values{"id": {m[1]}, "username": {user}, "password": {IdentityPassword}})
	if back == "" {
		t.Fatalf("the provider sends the browser nowhere:\n%s", page)
	}
	return back
}

// Approve lets a user say yes or no to a device with a code.
func (i *Identity) Approve(t testing.TB, code, user string, yes bool) {
	t.Helper()
	c := i.browser(t)
	i.page(t, c, "POST", i.Issuer+"device/login",
		url.Values{"user_code": {code}, "username": {user}, "password": {IdentityPassword}})
	action := map[bool]string{true: "allowed", false: "denied"}[yes]
	if _, page := i.page(t, c, "POST", i.Issuer+"device/confirm", url.Values{"action": {action}}); !strings.Contains(page,
		"You can now return to the device") && yes {
		t.Fatalf("the provider does not confirm:\n%s", page)
	}
}

// browser keeps cookies, and follows redirects within the provider.
func (i *Identity) browser(t testing.TB) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	within := func(r *http.Request, _ []*http.Request) error {
		if !strings.HasPrefix(r.URL.String(), i.Issuer) {
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &http.Client{Jar: jar, Timeout: 20 * time.Second, CheckRedirect: within}
}

// page sends a request, and returns where it leads out of the provider, and the page.
func (i *Identity) page(t testing.TB, c *http.Client, method, to string, form url.Values) (back, page string) {
	t.Helper()
	req, err := http.NewRequest(method, to, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.Header.Get("Location"), string(b)
}
