package sessions

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"github.com/daytwo/daytwo/api/recording"
	"github.com/daytwo/daytwo/api/v1"
)

// get sends a request to the relay.
func (f *fixture) get(path string) (status int, kind, body string) {
	f.Helper()
	req, err := http.NewRequestWithContext(f.Context(), http.MethodGet, f.d.Relay.URL+path, nil)
	if err != nil {
		f.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+f.d.Relay.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		f.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		f.Fatal(err)
	}
	return resp.StatusCode, resp.Header.Get("Content-Type"), string(b)
}

// recorded returns what is known of the recording of a command with some text in it, once it is over.
func (f *fixture) recorded(text string) (found v1.Recording) {
	f.Helper()
	f.eventually(func() bool {
		var doc v1.Recordings
		out, errs, status := f.run("", "session", "list", "--recorded", "-o", "json")
		if err := json.Unmarshal([]byte(out), &doc); err != nil || status != 0 {
			f.Fatalf("status %d, %v: %s%s", status, err, out, errs)
		}
		i := slices.IndexFunc(doc.Recordings, func(r v1.Recording) bool {
			return r.Exit != nil && strings.Contains(strings.Join(r.Command.Args, " "), text)
		})
		if i >= 0 {
			found = doc.Recordings[i]
		}
		return i >= 0
	}, "the session is recorded")
	return found
}

// The recordings of a relay are listed, shown, played, exported and searched, and of encrypted ones
// neither the relay nor who has no identity can read anything.
func TestRecordings(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	recipients, identity := filepath.Join(dir, "recipients"), filepath.Join(dir, "identity")
	key, err := age.GenerateX25519Identity()
	if err == nil {
		err = os.WriteFile(identity, []byte(key.String()+"\n"), 0o600)
	}
	if err == nil {
		err = os.WriteFile(recipients, []byte(key.Recipient().String()+"\n"), 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	f := newFixtureWith(t, []string{"--record", "input", "--recordings-recipients", recipients}, "kept")
	out, errs, status := f.run("typed words\n", "task", "exec", "-i", f.task, "sh", "-c", "read x; echo got $x; exit 3")
	if out != "got typed words\n" || !strings.Contains(errs, "recorded, also what you type") || status != 3 {
		t.Errorf("status %d, %q, %q", status, out, errs)
	}
	r := f.recorded("got $x")
	if !r.Encrypted || !r.Input || r.Exit.Code != 3 || r.User != "admin" || r.Tags["task_name"] != f.task {
		t.Errorf("%+v", r)
	}
	for _, c := range []struct {
		what   string
		args   []string
		status int
		want   string // in both outputs
	}{
		{"show", []string{"show", r.Session}, 0, "exit 3, encrypted"},
		{"show another", []string{"show", strings.Repeat("x", 26)}, 1, "no recording"},
		{"play without an identity", []string{"play", r.Session}, 1, "--identity"},
		{"play", []string{"play", "--identity", identity, r.Session}, 0, "got typed words\n"},
		{"export text", []string{"export", "--identity", identity, "--format", "text", r.Session}, 0, "got typed words\n"},
		{"search", []string{"search", "typed"}, 0, "encrypted"},
		{"search with an identity", []string{"search", "--identity", identity, "got typed"}, 0, r.Session},
		{"another user's", []string{"list", "--recorded", "--user", "nobody"}, 0, ""},
	} {
		out, errs, status := f.run("", append([]string{"session"}, c.args...)...)
		if status != c.status || !strings.Contains(out+errs, c.want) || c.want == "" && strings.Contains(out, r.Session) {
			t.Errorf("%s: status %d, %q, %q; want %d, %q", c.what, status, out, errs, c.status, c.want)
		}
	}
	cast := filepath.Join(dir, "shell.cast")
	if out, errs, status := f.run("", "session", "export", "--identity", identity, "-f", cast, r.Session); status != 0 {
		t.Errorf("status %d, %s%s", status, out, errs)
	}
	b, err := os.ReadFile(cast)
	if err != nil || !strings.Contains(string(b), `"i","typed words\n"`) ||
		!strings.Contains(string(b), `"o","got typed`) {
		t.Errorf("%v: %s", err, b)
	}
	f.recordingRoutes(&r)
}

// recordingRoutes asks the routes of recordings themselves.
func (f *fixture) recordingRoutes(r *v1.Recording) {
	f.Helper()
	file := "/api/v1/recordings/" + r.Session + "/"
	status, kind, body := f.get(file + r.Piece)
	if status != http.StatusOK || kind != recording.TypeAge || int64(len(body)) != r.Bytes ||
		strings.Contains(body, "typed") {
		f.Errorf("status %d, %s, %d bytes, want %d: %.200q", status, kind, len(body), r.Bytes, body)
	}
	for path, want := range map[string]int{
		file + "1-nobody":                                 http.StatusNotFound,
		file + "..%2f..%2ftoken":                          http.StatusNotFound,
		"/api/v1/recordings?limit=0":                      http.StatusBadRequest,
		"/api/v1/recordings?since=never":                  http.StatusBadRequest,
		"/api/v1/recordings?limit=1&session=" + r.Session: http.StatusOK,
		"/api/v1/recordings/matches":                      http.StatusBadRequest,
		"/api/v1/recordings/matches?text=typed":           http.StatusOK,
	} {
		if status, _, body := f.get(path); status != want {
			f.Errorf("%s: status %d, want %d: %s", path, status, want, body)
		}
	}
}
