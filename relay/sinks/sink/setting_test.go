package sink_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/daytwo/daytwo/relay/sinks/sink"
)

func TestSettings(t *testing.T) {
	var v struct {
		Size sink.Bytes
		Wait sink.Duration
		One  sink.StringList
		Many sink.StringList
	}
	if err := yaml.Unmarshal([]byte("size: 4MiB\nwait: 1m30s\none: a\nmany: [b, c]\n"), &v); err != nil {
		t.Fatal(err)
	}
	if v.Size != 4<<20 || time.Duration(v.Wait) != 90*time.Second || len(v.One) != 1 || len(v.Many) != 2 {
		t.Errorf("%+v", v)
	}
	for _, bad := range []string{"size: much", "wait: 5", "wait: -1s", "size: [1]", "one: {a: b}"} {
		if err := yaml.Unmarshal([]byte(bad), &v); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestSecret(t *testing.T) {
	path := filepath.Join(t.TempDir(), "secret")
	f := sink.File(path)
	if f.Check("password_file") == nil {
		t.Error("a missing file is no error")
	}
	for content, want := range map[string]string{"one\n": "one", "two": "two", "": "", " \n": ""} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		got, err := f.Read()
		if got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v", content, got, err)
		}
	}
	if got, err := sink.File("").Read(); got != "" || err != nil {
		t.Errorf("no file: %q, %v", got, err)
	}
	for mode, want := range map[os.FileMode]string{0o600: "", 0o440: "", 0o604: "chmod o=", 0o602: "chmod o="} {
		if err := os.Remove(path); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("secret"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		got, err := f.Read()
		if (err == nil) != (want == "") || err != nil && (got != "" || !strings.Contains(err.Error(), want)) {
			t.Errorf("mode %o: %q, %v", mode, got, err)
		}
	}
}
