package issuer_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/issuer"
	"github.com/daytwo/daytwo/api/auth/jwks"
	"github.com/daytwo/daytwo/api/auth/jwt"
)

type fixed struct{ *jwks.Set }

func (f fixed) Keys() *jwks.Set                   { return f.Set }
func (f fixed) Missing(context.Context) *jwks.Set { return f.Set }

func open(t *testing.T, path string) *issuer.Issuer {
	t.Helper()
	i, err := issuer.Open(path, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func TestSign(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", issuer.KeyFile)
	token, err := open(t, path).Sign("anna", []string{"shop"}, time.Hour, true)
	if err != nil {
		t.Fatal(err)
	}
	// Another relay with the same file, and one that reads the document.
	again := open(t, path)
	document, err := again.JWKS()
	if err != nil {
		t.Fatal(err)
	}
	published, skipped, err := jwks.Parse(document, false)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	if strings.Contains(string(document), `"d"`) {
		t.Error("the document has the private key")
	}
	for _, set := range []*jwks.Set{again.Keys(), published} {
		v, err := jwt.New(jwt.Options{Keys: fixed{set}, Issuer: issuer.Name, Audience: issuer.Audience})
		if err != nil {
			t.Fatal(err)
		}
		id, err := v.Verify(t.Context(), token)
		if err != nil {
			t.Fatal(errors.Unwrap(err))
		}
		if id.Name != "anna" || !slices.Equal(id.Groups, []string{"shop"}) || id.ID == "" ||
			time.Until(id.Expiry) > time.Hour || time.Until(id.Expiry) < 59*time.Minute {
			t.Errorf("%+v", id)
		}
	}
	stranger := open(t, filepath.Join(t.TempDir(), issuer.KeyFile))
	v, err := jwt.New(jwt.Options{Keys: fixed{stranger.Keys()}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), token); err == nil {
		t.Error("another issuer's token is valid")
	}
}

func TestSignRefuses(t *testing.T) {
	i := open(t, filepath.Join(t.TempDir(), issuer.KeyFile))
	if _, err := i.Sign("", nil, time.Hour, false); err == nil {
		t.Error("a token for nobody")
	}
	if _, err := i.Sign("anna", nil, 0, false); err == nil {
		t.Error("a token without time")
	}
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), issuer.KeyFile)
	open(t, path)
	if st, err := os.Stat(path); err != nil || st.Mode().Perm() != 0o600 {
		t.Fatal(st.Mode(), err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Open(path, nil); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others can read: %v", err)
	}
	if err := os.WriteFile(path, []byte("no key"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := issuer.Open(path, nil); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a broken key: %v", err)
	}
}
