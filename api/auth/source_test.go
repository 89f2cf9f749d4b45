package auth

import (
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSourceOrder(t *testing.T) {
	t.Setenv("DAYTWO_TOKEN", "")
	t.Setenv("DAYTWO_TOKEN_FILE", "")
	data := t.TempDir()
	local, err := EnsureToken(data, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "t")
	if err := os.WriteFile(file, []byte("token-from-a-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	want := func(s Source, token string) {
		t.Helper()
		if got, err := s.Find(); err != nil || got != token {
			t.Errorf("%+v: got %q, %v; want %q", s, got, err, token)
		}
	}
	here := "http://127.0.0.1:8400"
	want(Source{Data: data, URL: here}, local)
	want(Source{Data: data, URL: "http://[::1]:8400"}, local)
	want(Source{Data: data, URL: "http://localhost:8400"}, local)
	// The admin token of this machine must not travel to another.
	for _, u := range []string{"http://10.0.0.1:8400", "https://relay.example", "http://localhost.example", ""} {
		if got, err := (Source{Data: data, URL: u}).Find(); !errors.Is(err, ErrNoToken) {
			t.Errorf("%s is given %q, %v", u, got, err)
		}
	}
	if _, err := (Source{Data: t.TempDir(), URL: here}).Find(); !errors.Is(err, ErrNoToken) {
		t.Errorf("no token anywhere: %v", err)
	}
	t.Setenv("DAYTWO_TOKEN_FILE", file)
	want(Source{Data: data, URL: here}, "token-from-a-file")
	t.Setenv("DAYTWO_TOKEN", "token-from-the-environment")
	want(Source{Data: data, URL: here}, "token-from-the-environment")
	want(Source{Data: data, URL: here, File: file}, "token-from-a-file")
	want(Source{Data: data, URL: here, File: file, Token: "token-from-the-flag"}, "token-from-the-flag")
	if _, err := (Source{File: file + "-missing"}).Find(); err == nil {
		t.Error("a file that was asked for and is missing is no error")
	}
}

// A token file that a power cut left empty is none.
func TestSourceEmptyFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, TokenFile)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("DAYTWO_TOKEN", "")
	t.Setenv("DAYTWO_TOKEN_FILE", "")
	if _, err := (Source{Data: dir, URL: "http://127.0.0.1:8400"}).Find(); !errors.Is(err, ErrNoToken) {
		t.Errorf("in the data directory: %v", err)
	}
	if _, err := (Source{File: path}).Find(); err == nil || !strings.Contains(err.Error(), "is empty") {
		t.Errorf("as given: %v", err)
	}
}
