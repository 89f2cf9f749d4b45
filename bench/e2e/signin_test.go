package e2e

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/users"
	"github.com/daytwo/daytwo/api/launch"
	"github.com/daytwo/daytwo/bench/rig"
)

const (
	shopPolicy = "rules:\n- {subjects: group:shop, role: viewer, where: {application: /shop}}\n" +
		"- {subjects: group:ops, role: operator}\n"
	password = "correct horse battery"
)

// file writes a file that only its owner can read.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// secured runs daytwo over TLS with a policy, the local user sue, who may see the application
// /shop, and a task of it and of another one.
func secured(t *testing.T) (d *rig.Daytwo, mine, other string) {
	t.Helper()
	rig.NeedRoot(t, "cgroups of tasks")
	authority := rig.NewAuthority(t)
	pair := authority.Issue("127.0.0.1", time.Now().Add(time.Hour))
	d = rig.StartReady(t, rig.Options{CA: authority.CA, Args: []string{"--agent-id", dcosAgent, "--no-bpf",
		"--policy", file(t, shopPolicy), "--tls-cert", pair.Cert, "--tls-key", pair.Key}})
	store, err := users.Open(filepath.Join(d.Data, users.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Add("sue", []string{"shop"}, password); err != nil {
		t.Fatal(err)
	}
	mine, other = rig.UniqueName("mine"), rig.UniqueName("other")
	for name, application := range map[string]string{mine: "/shop", other: "/bank"} {
		ctx, cancel := context.WithCancel(context.Background())
		task := exec.CommandContext(ctx, rig.Binary(t), "run", "--socket", filepath.Join(d.Data, launch.SocketName),
			"--log", "none", "--name", name, "--label", "application_name="+application, "--", "sleep", "100")
		task.Cancel = func() error { return task.Process.Signal(os.Interrupt) }
		if err := task.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { cancel(); _ = task.Wait() }) // it was interrupted
	}
	rig.Eventually(t, 20*time.Second, func() error {
		for _, name := range []string{mine, other} {
			if body, err := d.Relay.Get("/mesos/master/state"); err != nil || !bytes.Contains(body, []byte(name)) {
				return &rig.StatusError{Path: name, Body: string(body)}
			}
		}
		return nil
	})
	return d, mine, other
}

// The unmodified DC/OS command line signs a local user in over TLS, and shows what the policy
// allows; so does daytwo's own.
func TestDCOSSignIn(t *testing.T) {
	t.Parallel()
	d, mine, other := secured(t)
	c := rig.NewDCOS(t)
	secret, wrong := file(t, password+"\n"), file(t, "wrong horse battery\n")
	setup := []string{"cluster", "setup", d.Relay.URL, "--ca-certs=" + d.Options.CA, "--username=sue"}
	if out, errs, status := c.Run(t, append(setup, "--password-file="+wrong)...); status == 0 ||
		strings.Contains(errs, "Traceback") {
		t.Errorf("a wrong password: exit %d\n%s%s", status, out, errs)
	}
	want(t, c, nil, append(setup, "--password-file="+secret)...)
	sees := func() {
		t.Helper()
		want(t, c, []string{dcosAgent}, "node")
		if out := want(t, c, []string{mine}, "task"); strings.Contains(out, other) {
			t.Errorf("sue sees another application:\n%s", out)
		}
		want(t, c, []string{"mem.total"}, "task", "metrics", "details", mine)
		if out, errs, status := c.Run(t, "task", "metrics", "details", other); status == 0 || strings.Contains(errs,
			"Traceback") {
			t.Errorf("metrics of another application: exit %d\n%s%s", status, out, errs)
		}
	}
	sees()
	want(t, c, nil, "auth", "logout")
	if out, _, status := c.Run(t, "task"); status == 0 {
		t.Errorf("signed out, and sees\n%s", out)
	}
	want(t, c, []string{"dcos-users"}, "auth", "list-providers", "--json")
	want(t, c, nil, "auth", "login", "--username=sue", "--password-file="+secret)
	sees()

	sue := newUser(t, d)
	sue.run(0, "login", "--user", "sue", "--password-file", secret)
	if out := sue.run(0, "task", "list"); !strings.Contains(out, mine) || strings.Contains(out, other) {
		t.Errorf("daytwo task list: %s", out)
	}
	const logs = "dcos:adminrouter:ops:system-logs"
	if out := sue.run(0, "auth", "can-i", "read", logs, "--tag", "application=/shop"); !strings.HasPrefix(out, "yes") {
		t.Error(out)
	}
	sue.run(1, "auth", "can-i", "read", logs, "--tag", "application=/bank")
	if out := sue.run(1, "auth", "explain", "read", logs, "--as", "ann"); !strings.Contains(out, "about yourself") {
		t.Error(out)
	}
	sue.run(0, "logout")
	sue.run(1, "task", "list")
	d.Stop(t)
}

// The requests of DC/OS' newer command line (dcos-core-cli) when it sets a cluster up, one after
// the other, and what it needs of the answers.
func TestDCOSCoreSetup(t *testing.T) {
	t.Parallel()
	d, mine, other := secured(t)
	client := d.Relay.HTTPClient()
	token := ""
	ask := func(method, path, contentType, body string) (*http.Response, string) {
		t.Helper()
		req, err := http.NewRequest(method, d.Relay.URL+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("User-Agent", "dcos-cli/1.2.0")
		req.Header.Set("Accept-Encoding", "gzip")
		if contentType != "" {
			req.Header.Set("Content-Type", contentType)
			req.Header.Set("Accept", contentType)
		}
		if token != "" {
			req.Header.Set("Authorization", "token="+token)
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		b, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, string(b)
	}
	if resp, _ := ask("HEAD", "/", "", ""); resp.StatusCode != 200 {
		t.Errorf("HEAD /: %d", resp.StatusCode)
	}
	if resp, _ := ask("HEAD", "/pkgpanda/active.buildinfo.full.json", "", ""); resp.StatusCode != 401 ||
		!strings.HasPrefix(resp.Header.Get("WWW-Authenticate"), "acsjwt") {
		t.Errorf("build info: %d %s", resp.StatusCode, resp.Header)
	}
	_, text := ask("GET", "/acs/api/v1/auth/providers", "", "")
	var providers map[string]struct {
		Type   string `json:"authentication-type"`
		Method string `json:"client-method"`
		Config struct {
			URL string `json:"start_flow_url"`
		}
	}
	if err := json.Unmarshal([]byte(text), &providers); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	p := providers["dcos-users"]
	if p.Type != "dcos-uid-password" || p.Method != "dcos-usercredential-post-receive-authtoken" {
		t.Fatalf("providers: %s", text)
	}
	_, text = ask("POST", p.Config.URL, "application/json", `{"uid":"sue","password":"`+password+`"}`)
	var login struct{ Token string }
	if err := json.Unmarshal([]byte(text), &login); err != nil || login.Token == "" {
		t.Fatalf("login: %v in %s", err, text)
	}
	token = login.Token
	for path, member := range map[string]string{
		"/metadata": "CLUSTER_ID", "/mesos/state-summary": "cluster", "/dcos-metadata/dcos-version.json": "version",
	} {
		resp, text := ask("GET", path, "", "")
		var doc map[string]any
		if err := json.Unmarshal([]byte(text), &doc); err != nil || resp.StatusCode != 200 || doc[member] == nil {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	if resp, text := ask("GET", "/mesos/master/state", "", ""); resp.StatusCode != 200 || !strings.Contains(text, mine) ||
		strings.Contains(text, other) || strings.Contains(text, "/bank") {
		t.Errorf("state: %d %s", resp.StatusCode, text)
	}
	const protobuf = "application/x-protobuf"
	if resp, text := ask("POST", "/mesos/api/v1", protobuf, "\x08\x0a"); resp.StatusCode != 200 ||
		resp.Header.Get("Content-Type") != protobuf || !strings.Contains(text, dcosAgent) {
		t.Errorf("GET_AGENTS: %d %q", resp.StatusCode, text)
	}
	d.Stop(t)
}

// user is a person with a home of their own who runs daytwo.
type user struct {
	t    *testing.T
	d    *rig.Daytwo
	home string
}

func newUser(t *testing.T, d *rig.Daytwo) *user { return &user{t, d, t.TempDir()} }

func (u *user) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(u.t.Context(), rig.Binary(u.t), append(args, "--url", u.d.Relay.URL)...)
	cmd.Env = append(os.Environ(), "HOME="+u.home, "XDG_CONFIG_HOME="+u.home, "DAYTWO_CA="+u.d.Options.CA)
	cmd.WaitDelay = 5 * time.Second
	return cmd
}

// run runs a command that must end with a status, and returns what it prints.
func (u *user) run(status int, args ...string) string {
	u.t.Helper()
	cmd := u.command(args...)
	out, _ := cmd.CombinedOutput() // the status says it
	if got := cmd.ProcessState.ExitCode(); got != status {
		u.t.Fatalf("daytwo %q: exit %d, want %d\n%s", args, got, status, out)
	}
	return string(out)
}

// 'daytwo login --oidc' signs in at a real identity provider: with a code that is entered in
// any browser, or with a browser on this machine.
func TestLoginOIDC(t *testing.T) {
	t.Parallel()
	listen, address := rig.FreePort(t), rig.FreePort(t)
	idp := rig.StartIdentity(t, "../identity", address, "-redirect", "http://"+listen+"/api/v1/auth/oidc/callback")
	d := rig.StartReady(t, rig.Options{Program: "up", Args: []string{"--listen", listen, "--no-bpf",
		"--policy", file(t, shopPolicy), "--oidc-issuer", idp.Issuer, "--oidc-client-id", "daytwo",
		"--oidc-client-secret-file", file(t, "secret\n"), "--oidc-name", "preferred_username"}})
	login := func(u *user, act func(line string) bool, args ...string) {
		t.Helper()
		cmd := u.command(append([]string{"login"}, args...)...)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(out)
		for done := false; !done && lines.Scan(); {
			done = act(lines.Text())
		}
		_, _ = io.Copy(io.Discard, out) // until it ends
		if err := cmd.Wait(); err != nil {
			t.Fatalf("daytwo login %q: %v", args, err)
		}
	}
	prompt := regexp.MustCompile(`^Open (\S+) and enter the code (\S+)$`)
	device := newUser(t, d)
	login(device, func(line string) bool {
		m := prompt.FindStringSubmatch(line)
		if m == nil || !strings.HasPrefix(m[1], idp.Issuer) {
			return false
		}
		idp.Approve(t, m[2], "test-user@127.0.0.1", true)
		return true
	}, "--oidc")
	if out := device.run(0, "auth", "can-i", "update", "daytwo:sinks"); !strings.HasPrefix(out, "yes: rule 2") {
		t.Error(out)
	}
	browser := newUser(t, d)
	login(browser, func(line string) bool {
		if !strings.HasPrefix(line, d.Relay.URL) {
			return false
		}
		if page := throughBrowser(t, idp, line, "test-user2"); !strings.Contains(page, "You are signed in") {
			t.Errorf("the browser shows %s", page)
		}
		return true
	}, "--browser")
	if out := browser.run(1, "auth", "explain", "update", "daytwo:sinks"); !strings.Contains(out, "test-user2") ||
		!strings.Contains(out, "staff") {
		t.Error(out)
	}
	browser.run(2, "login", "--oidc", "--user", "ann")
	d.Stop(t)
}

// throughBrowser opens an address in a browser, signs a user in at the provider that it leads
// to, and returns the last page.
func throughBrowser(t *testing.T, idp *rig.Identity, address, user string) string {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	for range 5 {
		req, err := http.NewRequest("GET", address, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Sec-Fetch-Site", "none")
		resp, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		next, err := resp.Location()
		if err != nil {
			return string(b)
		}
		if address = next.String(); strings.HasPrefix(address, idp.Issuer) {
			address = idp.SignIn(t, address, user)
		}
	}
	t.Fatalf("no end at %s", address)
	return ""
}
