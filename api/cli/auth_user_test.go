package cli

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/audit"
	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/users"
)

// try runs a command in an environment without a relay, and checks its status.
func try(t *testing.T, want int, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if got := run(t.Context(), args, Programs{}, &out, &errs); got != want {
		t.Errorf("daytwo %q: status %d, want %d\n%s%s", args, got, want, out.String(), errs.String())
	}
	return out.String(), errs.String()
}

// says runs a command that must fail with an error.
func says(t *testing.T, want string, args ...string) {
	t.Helper()
	if _, errs := try(t, 1, args...); !strings.Contains(errs, want) {
		t.Errorf("daytwo %q: %s, want %q", args, errs, want)
	}
}

func passwordFile(t *testing.T, password string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestAuthUser(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("DAYTWO_DATA", dir)
	first, second := passwordFile(t, "correct horse"), passwordFile(t, "battery staple")
	try(t, 0, "auth", "user", "add", "ann", "--groups", "shop,oncall", "--password-file", first)
	try(t, 0, "auth", "user", "add", "bob", "--password-file", first)
	says(t, "already", "auth", "user", "add", "ann", "--password-file", first)
	says(t, "character", "auth", "user", "add", "a b", "--password-file", first)
	says(t, "shorter", "auth", "user", "add", "eve", "--password-file", passwordFile(t, "qwx"))
	out, _ := try(t, 0, "auth", "user", "list", "-o", "json")
	var list []struct {
		Name   string
		Groups []string
	}
	err := json.Unmarshal([]byte(out), &list)
	if err != nil || len(list) != 2 || strings.Join(list[0].Groups, " ") != "oncall shop" {
		t.Errorf("%s: %v", out, err)
	}
	if strings.Contains(out, "argon2") {
		t.Error("the list shows hashes")
	}
	try(t, 0, "auth", "user", "groups", "ann", "z")
	try(t, 0, "auth", "user", "passwd", "ann", "--password-file", second)
	store, err := users.Open(filepath.Join(dir, users.FileName))
	if err != nil {
		t.Fatal(err)
	}
	if u, err := store.Check("ann", "battery staple"); err != nil || strings.Join(u.Groups, " ") != "z" {
		t.Errorf("%+v, %v", u, err)
	}
	try(t, 0, "auth", "user", "remove", "ann", "bob")
	says(t, "ann: there is no user of that name", "auth", "user", "remove", "ann")
}

func TestAuthToken(t *testing.T) {
	dir := t.TempDir()
	says(t, "does not exist", "auth", "token", "--for", "ci", "--data", dir)
	if _, err := issuer.Open(filepath.Join(dir, issuer.KeyFile), nil); err != nil {
		t.Fatal(err)
	}
	out, _ := try(t, 0, "auth", "token", "--for", "ci", "--groups", "a,b", "--expires", "2h", "--data", dir)
	if strings.Count(out, ".") != 2 || !strings.HasSuffix(out, "\n") {
		t.Errorf("%q", out)
	}
	try(t, 2, "auth", "token", "--data", dir)
	try(t, 2, "auth", "token", "--for", "ci", "--expires", "1000d", "--data", dir)
}

// What login got is sent by later commands, to that relay alone, until logout.
func TestLogin(t *testing.T) {
	t.Setenv("XDG_CONFIG_HOME", t.TempDir())
	t.Setenv("DAYTWO_DATA", t.TempDir())
	t.Setenv("DAYTWO_TOKEN", "")
	var sent string
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sent = r.Header.Get("Authorization")
		if r.URL.Path != "/acs/api/v1/auth/login" {
			_, _ = w.Write([]byte(`{"agents":[]}`))
			return
		}
		var q struct{ Uid, Password string }
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil || q.Uid != "ann" || q.Password != "correct horse" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_, _ = w.Write([]byte(`{"token":"the-token-of-ann"}`))
	})
	relay, other := httptest.NewServer(h), httptest.NewServer(h)
	defer relay.Close()
	defer other.Close()
	says(t, "name or the password is wrong", "login", "--url", relay.URL, "--user", "ann",
		"--password-file", passwordFile(t, "wrong"))
	try(t, 0, "login", "--url", relay.URL, "--user", "ann", "--password-file", passwordFile(t, "correct horse"))
	path := filepath.Join(os.Getenv("XDG_CONFIG_HOME"), "daytwo", "tokens.json")
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", st, err)
	}
	asks := func(url, want string) {
		t.Helper()
		sent = ""
		try(t, 0, "node", "list", "--url", url)
		if sent != want {
			t.Errorf("%q is sent, want %q", sent, want)
		}
	}
	asks(relay.URL, "Bearer the-token-of-ann")
	asks(other.URL, "")
	try(t, 0, "logout", "--url", relay.URL)
	asks(relay.URL, "")
	try(t, 1, "logout", "--url", relay.URL)
	if err := os.WriteFile(path, []byte("{}"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	says(t, "chmod 600", "node", "list", "--url", relay.URL)
}

func TestAudit(t *testing.T) {
	dir := t.TempDir()
	l, err := audit.Open(filepath.Join(dir, audit.Dir), audit.Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []audit.Record{
		{Who: "ann", What: "GET /api/v1/logs", Decision: audit.Allowed, Time: time.Now().Add(-time.Hour)},
		{Who: "eve\x1b[2J", What: "GET /x", Decision: audit.Refused},
	} {
		if err := l.Record(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	out, _ := try(t, 0, "audit", "show", "--data", dir)
	if strings.Count(out, "\n") != 3 || strings.Contains(out, "\x1b") {
		t.Errorf("%q", out)
	}
	for _, args := range [][]string{{"--who", "ann"}, {"--decision", "refused"}, {"--since", "-10m"}} {
		out, _ := try(t, 0, append([]string{"audit", "show", "-o", "json", "--data", dir}, args...)...)
		if strings.Count(out, "\n") != 1 {
			t.Errorf("%q: %q", args, out)
		}
	}
	out, _ = try(t, 0, "audit", "verify", "--data", dir)
	newest := strings.TrimSpace(out[strings.LastIndex(out, " "):])
	try(t, 0, "audit", "verify", "--data", dir, "--checkpoint", newest)
	says(t, "newest lines are missing", "audit", "verify", "--data", dir, "--checkpoint", "3:00")
	try(t, 2, "audit", "verify", "--data", dir, "--checkpoint", "x")
}
