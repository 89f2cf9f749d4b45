package cli

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

// invoke runs the command line with a program that keeps its configuration.
func invoke(t *testing.T, args ...string) (c Config, stdout, stderr string, exit int) {
	t.Helper()
	keep := func(_ context.Context, got Config) error { c = got; return nil }
	var out, errs bytes.Buffer
	exit = run(t.Context(), args, Programs{Version: "v1", Up: keep, Collector: keep, Relay: keep}, &out, &errs)
	return c, out.String(), errs.String(), exit
}

// A flag wins over the environment, that over the file, that over the default.
func TestConfigPrecedence(t *testing.T) {
	file := filepath.Join(t.TempDir(), "c.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want time.Duration, args ...string) {
		t.Helper()
		c, _, stderr, exit := invoke(t, append([]string{"up"}, args...)...)
		if exit != 0 || c.Interval != want {
			t.Errorf("%q: interval %v, want %v; exit %d %s", args, c.Interval, want, exit, stderr)
		}
	}
	check(time.Second)
	write("interval: 2s\n")
	check(2*time.Second, "--config", file)
	t.Setenv("DAYTWO_INTERVAL", "3s")
	check(3 * time.Second)
	check(3*time.Second, "--config", file)
	check(4*time.Second, "--config", file, "--interval", "4s")
	t.Setenv("DAYTWO_CONFIG", file)
	t.Setenv("DAYTWO_AGENT_ID", "from-env")
	write("interval: 2s\nagent-id: from-file\ncluster: c1\n")
	c, _, _, _ := invoke(t, "up", "--interval=5s")
	if c.Interval != 5*time.Second || c.AgentID != "from-env" || c.Cluster != "c1" {
		t.Errorf("got %+v", c)
	}
}

// Every setting of every type arrives the same by flag, environment and file.
func TestConfigSources(t *testing.T) {
	values := map[string]string{
		"listen": "127.0.0.1:1", "data": "/d", "interval": "1m", "agent-id": "a1", "metrics": "none",
		"cluster": "c", "shards": "4", "nats": "nats://a:1,nats://b:2", "nats-creds": "/creds", "nats-ca": "/ca",
		"nats-cert": "/cert", "nats-key": "/key", "nats-replicas": "3", "token-file": "/t", "socket": "/s",
		"statsd": "127.0.0.1:1,unix:///x?dialect=etsy", "statsd-ports": "3000-4000", "statsd-rules": "/r",
		"statsd-budget": "5", "statsd-series": "6", "statsd-expiry": "gauge=5m", "journal": "/j,/k",
		"no-bpf": "true", "insecure": "true", "ship-logs": "true", "ship-rules": "/rules", "ship-since": "2h",
		"logs-retention": "2d", "logs-size": "2GiB", "spool-size": "1GiB", "session-keys": "/keys", "node-exec": "true",
		"session-policy": "/session-policy",
		"retention":      "7d", "retention-size": "1.5TiB", "record": "input", "recordings-keep": "90d",
		"recordings-size": "3GiB", "recordings-recipients": "/recipients", "watch-unseen": "true",
		"log-level": "debug", "log-format": "json", "sinks": "/sinks.yaml",
		"policy": "/policy.yaml", "tls-cert": "/crt", "tls-key": "/key", "tls-client-ca": "/clients",
		"jwt-keys": "/jwks,https://idp.example/keys", "jwt-issuer": "idp", "jwt-audience": "daytwo", "jwt-name": "email,sub",
		"jwt-groups": "roles", "oidc-issuer": "https://idp.example", "oidc-client-id": "relay",
		"oidc-client-secret-file": "/secret", "oidc-scopes": "openid,groups", "oidc-name": "email,sub",
		"oidc-groups": "teams", "oidc-ca": "/ca", "public-url": "https://relay.example",
		"nats-listen": "127.0.0.1:2", "nats-advertise": "tls://a:1,tls://b:2", "cluster-keys": "/k",
		"node-validity": "9d", "join": "https://relay", "code": "C", "join-ca": "/ca",
	}
	for _, p := range []struct {
		name string
		in   program
	}{{"up", up}, {"collector", collector}, {"relay", relay}} {
		byFlag, byFile := []string{p.name}, []string{p.name, "--config", filepath.Join(t.TempDir(), "c.yaml")}
		env := map[string]string{}
		var yaml strings.Builder
		for _, o := range configFlags {
			v, ok := values[o.name]
			if !ok {
				t.Fatalf("no value to test option %s with", o.name)
			}
			yaml.WriteString(o.name + ": " + v + "\n") // also those of other programs
			if o.in&p.in != 0 {
				byFlag = append(byFlag, "--"+o.name+"="+v)
				env[envName(o.name)] = v
			}
		}
		if err := os.WriteFile(byFile[2], []byte(yaml.String()), 0o600); err != nil {
			t.Fatal(err)
		}
		want, _, stderr, exit := invoke(t, byFlag...)
		if exit != 0 || want.Log == nil || want.Interval == time.Second && p.in != relay {
			t.Fatalf("%s: exit %d: %s", p.name, exit, stderr)
		}
		same := func(how string, got Config, exit int) {
			t.Helper()
			got.Log, got.explicitConfig = want.Log, ""
			if exit != 0 || !reflect.DeepEqual(got, want) {
				t.Errorf("%s by %s: exit %d\n got %+v\nwant %+v", p.name, how, exit, got, want)
			}
		}
		got, _, _, exit := invoke(t, byFile...)
		same("file", got, exit)
		t.Run(p.name, func(t *testing.T) {
			for k, v := range env {
				t.Setenv(k, v)
			}
			got, _, _, exit := invoke(t, p.name)
			same("environment", got, exit)
		})
	}
}

// What is asked for wrongly ends with status 2, says what and where, and runs
// nothing.
func TestUsageErrors(t *testing.T) {
	dir := t.TempDir()
	file := func(text string) string {
		f, err := os.CreateTemp(dir, "*.yaml")
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		f.WriteString(text)
		return f.Name()
	}
	check := func(want string, args ...string) {
		t.Helper()
		c, _, stderr, exit := invoke(t, args...)
		if exit != 2 || !strings.Contains(stderr, want) || c.Log != nil {
			t.Errorf("%q: exit %d, want 2 with %q: %s", args, exit, want, stderr)
		}
	}
	check("did you mean --interval?", "up", "--intervall", "1s")
	check("did you mean up?", "pu")
	check("unknown shorthand flag", "up", "-x")
	check(`unknown command "more"`, "up", "more")
	check("did you mean interval?", "up", "--config", file("intervall: 1s\n"))
	check("line 2: unknown key \"agent_id\": did you mean agent-id?",
		"up", "--config", file("interval: 1s\nagent_id: x\n"))
	check("appears twice", "up", "--config", file("interval: 1s\ninterval: 2s\n"))
	check("write a value", "up", "--config", file("interval: {a: 1}\n"))
	check("write a value", "up", "--config", file("interval:\n"))
	check("write lines of", "up", "--config", file("- a\n"))
	check("c.yaml: no such file", "up", "--config", filepath.Join(dir, "c.yaml"))
	check("is a directory", "up", "--config", dir)
	check("larger than", "up", "--config", file("# "+strings.Repeat("x", maxConfig)))
	check("interval: \"soon\": give a duration", "up", "--config", file("interval: soon\n"))
	check("give a duration", "up", "--interval", "soon")
	check("between 100ms and 1h", "up", "--interval", "1ms")
	check("give a size", "up", "--retention-size", "big")
	check("give a size", "up", "--retention-size", "-1GiB")
	check("letters, digits and dashes", "up", "--agent-id", "a.b")
	check("is not HOST:PORT", "up", "--listen", "8400")
	check("not a loopback address", "up", "--metrics", "0.0.0.0:61091")
	check("not a loopback address", "up", "--metrics", ":61091")
	long := "/" + strings.Repeat("x", 108)
	check("at most 107: give --socket a shorter path", "up", "--socket", long)
	check("or --data a shorter directory", "collector", "--data", long)
	check("between 1 and 1024", "relay", "--shards", "0")
	check("neither text nor json", "relay", "--log-format", "xml")
	check("not 1, 3 or 5", "relay", "--nats-replicas", "2")
	check("needs NATS servers", "relay", "--nats", "none")
	check("must be set together", "relay", "--nats-cert", "/cert")
	check("give debug, info, warn or error", "relay", "--log-level", "loud")
	check("--by cats", "top", "--by", "cats")
	check("did you mean memory?", "top", "--sort", "memry")
	check("give one AGENT", "node", "show")
	check("-o xml: give one of table", "node", "list", "-o", "xml")
	check("use http://", "node", "list", "--url", "ftp://x")
	t.Setenv("DAYTWO_INTERVAL", "never")
	check(`DAYTWO_INTERVAL: "never": give a duration`, "up")
}

func TestValues(t *testing.T) {
	size := func(in string, want int64, text string) {
		t.Helper()
		var z size
		if err := z.Set(in); err != nil || int64(z) != want || z.String() != text {
			t.Errorf("%s: %d %s %v", in, z, z.String(), err)
		}
	}
	size("0", 0, "0")
	size("512", 512, "512")
	size("1.5KiB", 1536, "1536")
	size("4 GiB", 4<<30, "4GiB")
	size("2M", 2<<20, "2MiB")
	size("2MB", 2e6, "2000000")
	duration := func(in string, want time.Duration, text string) {
		t.Helper()
		a := age(1)
		if err := a.Set(in); err != nil || time.Duration(a) != want || a.String() != text {
			t.Errorf("%s: %v %s %v", in, time.Duration(a), a.String(), err)
		}
	}
	duration("7d", 7*24*time.Hour, "7d")
	duration("36h", 36*time.Hour, "36h")
	duration("90s", 90*time.Second, "1m30s")
	duration("5m", 5*time.Minute, "5m")
	duration("100ms", 100*time.Millisecond, "100ms")
	a := age(7)
	if a.Set("-1s") == nil || a.Set("NaNd") == nil || a.Set("1e9d") == nil || a != 7 {
		t.Errorf("a bad duration was taken: %v", a)
	}
}

// No file crashes the reader of settings, and what it takes are known keys.
func FuzzParseConfig(f *testing.F) {
	for _, s := range []string{
		"interval: 1s\n", "nats: [a, b]\n", "a: &x b\nc: *x\n", "\xff", "? [a]\n: b\n", "interval: !!binary x\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		settings, err := parseConfig(b)
		if err != nil {
			return
		}
		for k := range settings {
			if !isSetting(k) {
				t.Errorf("took the key %q", k)
			}
		}
	})
}

// What goes over the network without TLS or authentication is refused with what to do, and no
// password; --insecure allows it.
func TestPlaintextIsRefused(t *testing.T) {
	for _, args := range [][]string{
		{"up", "--listen", "0.0.0.0:8400"}, {"relay", "--listen", ":8400"},
		{"relay", "--nats", "nats://fleet:hunter2@nats1:4222"}, {"relay", "--nats", "tls://nats1:4222"},
		{"relay", "--nats", "nats://127.0.0.1,nats://nats1"},
	} {
		_, _, stderr, exit := invoke(t, args...)
		if exit != 2 || !strings.Contains(stderr, "--insecure") || strings.Contains(stderr, "hunter2") {
			t.Errorf("%v: exit %d: %s", args, exit, stderr)
		}
		if _, _, stderr, exit := invoke(t, append(args, "--insecure")...); exit != 0 {
			t.Errorf("%v --insecure: exit %d: %s", args, exit, stderr)
		}
	}
	for _, args := range [][]string{
		{"relay", "--listen", ":8400", "--tls-cert", "/c", "--tls-key", "/k"}, {"relay"}, {"up"},
		{"collector", "--nats", "none"},
		{"relay", "--nats", "tls://nats1:4222", "--nats-creds", "/c"},
		{"relay", "--nats", "nats://nats1:4222", "--nats-creds", "/c", "--nats-ca", "/ca"},
	} {
		if _, _, stderr, exit := invoke(t, args...); exit != 0 {
			t.Errorf("%v: exit %d: %s", args, exit, stderr)
		}
	}
}

// The configuration of an identity provider that the page about access shows is one.
func TestConfigInPage(t *testing.T) {
	page, err := os.ReadFile("../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	_, text, found := strings.Cut(string(page), "```yaml\noidc-issuer:")
	text, _, ended := strings.Cut(text, "```")
	if !found || !ended {
		t.Fatal("the page shows none")
	}
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte("oidc-issuer:"+text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, _, stderr, exit := invoke(t, "relay", "--config", path)
	if exit != 0 || c.Access.OIDCClientID != "daytwo" || len(c.Access.OIDCScopes) != 3 || c.Access.PublicURL == "" {
		t.Errorf("exit %d: %s\n%+v", exit, stderr, c.Access)
	}
}
