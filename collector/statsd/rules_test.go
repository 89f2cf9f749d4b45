package statsd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// An invalid file of rules is an error, without delay.
func TestRulesFile(t *testing.T) {
	dir := t.TempDir()
	check := func(path, want string) {
		t.Helper()
		began := time.Now()
		o := Options{RulesFile: path}
		r, err := o.rules()
		switch {
		case want == "" && (err != nil || r == nil):
			t.Errorf("%s: %v", path, err)
		case want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v, want %q", path, err, want)
		}
		if took := time.Since(began); took > rulesWait/2 {
			t.Errorf("%s took %v", path, took)
		}
	}
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	fifo := filepath.Join(dir, "fifo")
	if err := unix.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	check(file("good", "mappings: [{match: a, name: b}]"), "")
	check(file("empty", ""), "")
	check(file("bad", "mappings: [{match: a}]"), "name is missing")
	check(file("large", strings.Repeat("#", maxRules+1)), "larger")
	check(fifo, "regular file")
	check("/dev/zero", "regular file")
	check(dir, "regular file")
	check(filepath.Join(dir, "none"), "no such file")
}
