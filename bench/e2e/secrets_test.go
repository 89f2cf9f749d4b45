package e2e

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	natsserver "github.com/nats-io/nats-server/v2/server"

	"github.com/daytwo/daytwo/api/bus/embedded"
	"github.com/daytwo/daytwo/bench/rig"
)

// planted are the secrets of a test, by what they are, and all that was written where others
// could read it, by where.
type planted struct {
	*testing.T
	secrets map[string]string
	seen    map[string]string
}

// plant makes a secret.
func (p *planted) plant(what string) string {
	s := "planted-" + strings.ReplaceAll(what, " ", "-") + "-" + rig.UniqueName("s")
	p.secrets[what] = s
	return s
}

// file writes a secret to a file that only its owner can read.
func (p *planted) file(what string) string {
	p.Helper()
	return p.put(p.plant(what) + "\n")
}

func (p *planted) put(text string) string {
	p.Helper()
	path := filepath.Join(p.TempDir(), "file")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.Fatal(err)
	}
	return path
}

// run runs a client command to its end, whatever that is.
func (p *planted) run(env []string, args ...string) (stdout string) {
	p.Helper()
	cmd := exec.Command(rig.Binary(p), args...)
	cmd.Env = append(append(os.Environ(), "HOME="+p.TempDir()), env...)
	var out, errs strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil && !errors.As(err, new(*exec.ExitError)) {
		p.Fatal(err)
	}
	name := fmt.Sprintf("%d: %s %s", len(p.seen), args[0], args[1])
	p.seen[name+", errors"] = errs.String()
	p.seen[name] = out.String()
	return out.String()
}

// find names where secrets are, in plain or as HTTP's Basic has them.
func find(secrets, seen map[string]string) (found []string) {
	for what, secret := range secrets {
		for where, text := range seen {
			at := strings.Index(text, secret)
			for _, before := range []string{"", "x:", "fleet:"} {
				// Only what does not depend on what stands around it.
				b64 := base64.RawStdEncoding.EncodeToString([]byte(before + secret))
				if i := strings.Index(text, b64[:len(b64)-2]); at < 0 && i >= 0 {
					at = i
				}
			}
			if at >= 0 {
				found = append(found, fmt.Sprintf("%s is in %s: …%s…", what, where,
					text[max(0, at-120):min(len(text), at+len(secret)+20)]))
			}
		}
	}
	return found
}

// No secret is in what programs and commands print and log, at the most talkative level and of
// failures too, in metrics, errors, the audit log, the OpenAPI document, and the process list.
func TestSecretsStaySecret(t *testing.T) {
	t.Parallel()
	p := &planted{T: t, secrets: map[string]string{}, seen: map[string]string{}}
	natsPassword := p.plant("password of NATS")
	srv, err := embedded.Start(embedded.Options{StoreDir: t.TempDir(), Listen: "127.0.0.1:0",
		Users: []*natsserver.User{{Username: "fleet", Password: natsPassword}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(srv.Close)
	address := strings.TrimPrefix(srv.URL(), "nats://")
	nats := "nats://fleet:" + natsPassword + "@" + address

	keys := filepath.Join(t.TempDir(), "keys")
	p.run(nil, "cluster", "init", keys, "--server", "127.0.0.1", "--relay", "127.0.0.1")
	seeds := 0
	err = filepath.WalkDir(keys, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		for line := range strings.Lines(string(text)) {
			if line = strings.TrimSpace(line); len(line) > 50 && (strings.HasPrefix(line, "SU") ||
				strings.HasPrefix(line, "SA") || strings.HasPrefix(line, "SO")) {
				seeds++
				p.secrets[fmt.Sprint("seed ", d.Name(), seeds)] = line
			}
		}
		return err
	})
	if err != nil || seeds < 4 {
		t.Fatalf("%d seeds, %v", seeds, err)
	}
	data, node := t.TempDir(), t.TempDir()
	adminToken := p.plant("admin token")
	for dir, token := range map[string]string{data: adminToken, node: p.plant("token of the node")} {
		if err := os.WriteFile(filepath.Join(dir, "token"), []byte(token+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	sinks := p.put("sinks:\n- name: es\n  elasticsearch: {urls: [\"http://127.0.0.1:1\"], user: u, password_file: " +
		p.file("password of Elasticsearch") + "}\n- name: hec\n  splunk: {url: \"http://127.0.0.1:1\", token_file: " +
		p.file("token of Splunk") + "}\n")
	relayFlags := []string{"--log-level", "debug", "--sinks", sinks, "--cluster-keys", keys,
		"--jwt-keys", p.file("secret of tokens") + ",https://idp:" + p.plant("password of the issuer") + "@127.0.0.1:1/keys"}
	relay := rig.Start(t, rig.Options{Program: "relay", Data: data, Args: relayFlags,
		Env: []string{"DAYTWO_NATS=" + nats}})
	collectorFlags := []string{"--nats", nats, "--log-level", "debug", "--interval", "500ms", "--no-bpf", "--ship-logs"}
	collector := rig.Start(t, rig.Options{Program: "collector", Data: node, Args: collectorFlags})
	up := rig.Up(t, "--log-level", "debug", "--no-bpf")
	if err := up.ReadToken(); err != nil {
		t.Fatal(err)
	}
	p.secrets["token of daytwo up"] = up.Relay.Token
	rig.Eventually(t, rig.Ready, func() error {
		relay.Relay.Token = adminToken
		text, err := relay.Relay.Get("/api/v1/agents")
		if err == nil && !strings.Contains(string(text), "agent_id") {
			err = errors.New("no agent yet")
		}
		return err
	})

	// People and programs sign in, and fail to.
	base := relay.Relay.URL
	password := p.file("password of a user")
	p.run([]string{"DAYTWO_DATA=" + data}, "auth", "user", "add", "ann", "--password-file", password)
	p.run(nil, "login", "--url", base, "--user", "ann", "--password-file", p.file("wrong password"))
	home := []string{"HOME=" + t.TempDir()}
	p.run(home, "login", "--url", base, "--user", "ann", "--password-file", password)
	p.run(home, "node", "list", "--url", base)
	forCI := strings.TrimSpace(p.run([]string{"DAYTWO_DATA=" + data}, "auth", "token", "--for", "ci"))
	code := strings.TrimSpace(p.run([]string{"DAYTWO_TOKEN=" + adminToken}, "node", "code", "--url", base))
	for name, text := range p.seen { // these print what they make, which is what they are for
		if strings.HasSuffix(name, ": auth token") || strings.HasSuffix(name, ": node code") {
			if text == "" {
				t.Fatalf("%s prints nothing: %s", name, p.seen[name+", errors"])
			}
			delete(p.seen, name)
		}
	}
	p.secrets["token of a program"] = forCI
	for _, word := range strings.Fields(code) {
		if len(word) > 16 {
			p.secrets["enrolment code"] = word
		}
	}
	if p.secrets["enrolment code"] == "" {
		t.Fatalf("no code in %q", code)
	}
	p.run(nil, "node", "enroll", "--url", base, "--code", p.secrets["enrolment code"], "--agent-id", "n9",
		"--data", t.TempDir())
	p.run(nil, "node", "enroll", "--url", base, "--code", p.plant("wrong code"), "--agent-id", "n8", "--data", t.TempDir())

	// Commands that succeed and fail.
	byToken := []string{"DAYTWO_TOKEN=" + adminToken, "DAYTWO_URL=" + base}
	for _, args := range [][]string{
		{"node", "list"}, {"log", "--limit", "1"}, {"sink", "list"}, {"sink", "test", "es"}, {"sink", "dead", "hec"},
		{"sink", "pause", "hec"}, {"task", "list"}, {"node", "list", "-o", "json"}, {"node", "enrolled"},
		{"node", "show", "nowhere"}, {"audit", "show", "--data", data}, {"audit", "show", "-o", "json", "--data", data},
		{"audit", "verify", "--data", data, "--checkpoints", "relay"},
	} {
		p.run(byToken, args...)
	}
	wrong := p.plant("wrong token, long enough")
	p.run([]string{"DAYTWO_TOKEN=" + wrong}, "node", "list", "--url", base)
	p.run(nil, "node", "list", "--url", base, "--token", p.plant("token of a flag"))
	p.run(nil, "node", "list", "--url", "http://x:"+p.plant("password of a URL")+"@127.0.0.1:1")
	p.run(nil, "node", "list", "--url", "http://x:"+p.plant("password of a bad URL")+"@127.0.0.1:port")
	for _, nats := range []string{
		"nats://fleet:" + p.plant("password of no port") + "@127.0.0.1:port",
		"nats://fleet:" + p.plant("password beyond loopback") + "@192.0.2.1:4222",
		"nats://fleet:" + p.plant("password that is cut") + "," + p.plant("password after a comma") + "@127.0.0.1:1",
	} {
		for _, program := range []string{"relay", "collector"} {
			p.run(nil, program, "--data", t.TempDir(), "--nats", nats, "--metrics", "127.0.0.1:0")
			p.run([]string{"DAYTWO_NATS=" + nats}, program, "--data", t.TempDir())
		}
	}
	p.run(nil, "relay", "--data", t.TempDir(), "--nats", nats, "--jwt-keys",
		"https://idp:"+p.plant("password of a bad issuer")+"@127.0.0.1:port/keys")
	p.run(nil, "relay", "--config", p.put("nats: [\"nats://fleet:"+p.plant("password of a file")+"@127.0.0.1:x\"]\n"))
	p.run(nil, "doctor", "--data", data, "--nats", nats, "--sinks", sinks, "--listen",
		strings.TrimPrefix(base, "http://"), "--metrics", strings.TrimPrefix(collector.Node.URL, "http://"),
		"--statsd", "none", "-o", "json")

	// Requests by all proofs, good and bad.
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	browser := &http.Client{Jar: jar, Timeout: 20 * time.Second}
	send := func(method, url, body string, change func(*http.Request)) {
		t.Helper()
		req, err := http.NewRequest(method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if change != nil {
			change(req)
		}
		resp, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range resp.Cookies() {
			if len(c.Value) > 20 { // it is the asker's own
				p.secrets["cookie"] = c.Value
				resp.Header.Del("Set-Cookie")
			}
		}
		p.seen[fmt.Sprintf("%d: answer to %s %s", len(p.seen), method, req.URL.Path)] = fmt.Sprint(resp.Header, string(text))
	}
	bearer := func(token string) func(*http.Request) {
		return func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+token) }
	}
	send("POST", base+"/api/v1/auth/session", `{"token":"`+adminToken+`"}`, func(r *http.Request) {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Origin", base)
	})
	send("GET", base+"/api/v1/agents", "", nil)
	for _, path := range []string{"/metrics", "/fleet/metrics", "/api/v1/openapi.json", "/readyz", "/api/v1/sinks",
		"/api/v1/audit/checkpoints", "/api/v1/sinks/none/dead", "/mesos/master/state"} {
		send("GET", base+path, "", bearer(adminToken))
		send("GET", base+path, "", bearer(wrong))
		send("GET", base+path+"?token="+p.plant("token of an address"), "", nil)
		send("GET", base+path, "", func(r *http.Request) { r.SetBasicAuth("x", wrong) })
	}
	send("GET", base+"/api/v1/agents", "", bearer(forCI))
	send("POST", base+"/acs/api/v1/auth/login", `{"uid":"ann","password":"`+p.plant("password of a request")+`"}`, nil)
	send("POST", base+"/acs/api/v1/auth/login", `{"uid":"ann","password":["`+p.plant("password in a list")+`"]}`, nil)
	send("GET", collector.Node.URL+"/metrics", "", nil)
	send("GET", collector.Node.URL+"/api/v1/logs?limit=1", "", bearer(wrong))
	send("GET", up.Relay.URL+"/metrics", "", bearer(up.Relay.Token))

	// What everybody on the machine sees of processes, these and others.
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if text, err := os.ReadFile(path); err == nil { // else it has ended
			p.seen[path] = strings.ReplaceAll(string(text), "\x00", " ")
		}
	}
	time.Sleep(2 * time.Second) // sinks and sums come to what they say
	collector.Stop(t)
	relay.Stop(t)
	up.Stop(t)
	p.seen["log of the relay"], p.seen["log of the collector"] = relay.Log(), collector.Log()
	p.seen["log of daytwo up"] = up.Log()
	for _, dir := range []string{data, node, up.Data} {
		files, err := filepath.Glob(filepath.Join(dir, "audit", "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range files {
			text, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			p.seen[path] = string(text)
		}
	}
	total := 0
	for _, text := range p.seen {
		total += len(text)
	}
	found := find(p.secrets, p.seen)
	for _, what := range found {
		t.Error(what)
	}
	if len(found) == 0 {
		t.Logf("%d secrets in none of %d places, %d bytes", len(p.secrets), len(p.seen), total)
	}
	// The search itself works: what is planted here is found.
	if len(find(p.secrets, map[string]string{"log": "a line with " + natsPassword,
		"header": "Basic " + base64.StdEncoding.EncodeToString([]byte("x:"+wrong))})) != 2 {
		t.Error("a secret that is there is not found")
	}
	if p.secrets["cookie"] == "" || !strings.Contains(relay.Log(), "level=DEBUG") {
		t.Error("no cookie was made, or nothing was logged at the level of debug")
	}
}
