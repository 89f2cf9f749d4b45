package auth

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

func TestEnsureTokenMakesOne(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	token, err := EnsureToken(dir, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if len(token) < 43 {
		t.Errorf("token %q holds fewer than 256 bits", token)
	}
	st, err := os.Stat(filepath.Join(dir, "token"))
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", st.Mode().Perm())
	}
	again, err := EnsureToken(dir, slog.New(slog.DiscardHandler))
	if err != nil || again != token {
		t.Errorf("second call: %q, %v; want the same token", again, err)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".token-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// What a power cut leaves of a file that was not synced is no token.
func TestEnsureTokenAfterPowerCut(t *testing.T) {
	for _, content := range []string{
		"", "\n", "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		dir := t.TempDir()
		path := filepath.Join(dir, "token")
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
		token, err := EnsureToken(dir, slog.New(slog.DiscardHandler))
		if err != nil || len(token) < 43 {
			t.Errorf("%q: %q, %v", content, token, err)
		}
		if again, err := EnsureToken(dir, slog.New(slog.DiscardHandler)); err != nil || again != token {
			t.Errorf("%q: then %q, %v", content, again, err)
		}
		if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
			t.Errorf("%q: %v, %v", content, st.Mode(), err)
		}
	}
}

func TestEnsureTokenRace(t *testing.T) {
	dir := t.TempDir()
	tokens := make([]string, 16)
	var wg sync.WaitGroup
	for i := range tokens {
		wg.Go(func() {
			var err error
			if tokens[i], err = EnsureToken(dir, slog.New(slog.DiscardHandler)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, tok := range tokens {
		if tok != tokens[0] {
			t.Fatalf("two tokens for one directory: %q and %q", tok, tokens[0])
		}
	}
}

func TestEnsureTokenExisting(t *testing.T) {
	try := func(content string, mode os.FileMode, wantErr string) {
		t.Helper()
		dir := t.TempDir()
		path := filepath.Join(dir, "token")
		if err := os.WriteFile(path, []byte(content), mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got, err := EnsureToken(dir, slog.New(slog.DiscardHandler))
		if wantErr != "" {
			if err == nil || !strings.Contains(err.Error(), wantErr) {
				t.Errorf("%q: error %v, want %q in it", content, err, wantErr)
			}
			return
		}
		if err != nil || got != strings.TrimSpace(content) {
			t.Errorf("%q: got %q, %v", content, got, err)
		}
		if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
			t.Errorf("mode %v is kept, want 0600", st.Mode().Perm())
		}
	}
	try("0123456789abcdef\n", 0o600, "")
	try("0123456789abcdef", 0o644, "")
	try("short", 0o600, "remove the file")
	try("0123456789 abcdef", 0o600, "space")
	try(strings.Repeat("x", 5000), 0o600, "longer")
}
