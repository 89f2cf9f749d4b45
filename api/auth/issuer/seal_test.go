package issuer_test

import (
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/daytwo/daytwo/api/auth/issuer"
)

type sealed struct{ State string }

func TestSeal(t *testing.T) {
	path := filepath.Join(t.TempDir(), issuer.KeyFile)
	text, err := open(t, path).Seal("state", sealed{"s1"}, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	old, err := open(t, path).Seal("state", sealed{"s1"}, -time.Second)
	if err != nil {
		t.Fatal(err)
	}
	same, stranger := open(t, path), open(t, filepath.Join(t.TempDir(), issuer.KeyFile))
	changed := []byte(text)
	changed[len(changed)/2] ^= 1
	for name, c := range map[string]struct {
		by            *issuer.Issuer
		purpose, text string
		opens         bool
	}{
		"a relay with the same key": {same, "state", text, true},
		"another relay":             {stranger, "state", text, false},
		"for another purpose":       {same, "code", text, false},
		"too old":                   {same, "state", old, false},
		"changed":                   {same, "state", string(changed), false},
		"cut":                       {same, "state", text[:20], false},
		"nothing":                   {same, "state", "", false},
	} {
		var v sealed
		err := c.by.Open(c.purpose, c.text, &v)
		if opens := err == nil; opens != c.opens || opens != (v.State == "s1") {
			t.Errorf("%s: %v, %+v", name, err, v)
		}
	}
}

func FuzzOpen(f *testing.F) {
	i, err := issuer.Open(filepath.Join(f.TempDir(), issuer.KeyFile), slog.New(slog.DiscardHandler))
	if err != nil {
		f.Fatal(err)
	}
	good, err := i.Seal("state", sealed{"s1"}, time.Hour)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(good[1:])
	f.Add("")
	f.Fuzz(func(t *testing.T, text string) {
		var v sealed
		if err := i.Open("state", text, &v); err == nil && text != good {
			t.Errorf("%q opens", text)
		}
	})
}
