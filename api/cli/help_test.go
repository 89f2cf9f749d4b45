package cli

import (
	"bytes"
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"

	"github.com/daytwo/daytwo/api/health"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), got); d != "" {
		t.Errorf("%s differs (go test -update rewrites it): -want +got\n%s", path, d)
	}
}

func allPrograms() Programs {
	main := func(context.Context, Config) error { return nil }
	return Programs{Version: "v1.2.3", Up: main, Collector: main, Relay: main, Keys: struct{ Keys }{},
		Doctor:  func(context.Context, Config) ([]health.Check, error) { return nil, nil },
		Run:     func(context.Context, Task) (int, error) { return 0, nil },
		LogPipe: func(context.Context, LogPipe) error { return nil }}
}

// The help of every command is as it was agreed, and every command teaches by
// example.
func TestHelp(t *testing.T) {
	root, _ := command(allPrograms())
	var visit func(c *cobra.Command)
	visit = func(c *cobra.Command) {
		if c.Hidden {
			return
		}
		path := strings.Fields(c.CommandPath())[1:]
		var out bytes.Buffer
		if exit := run(t.Context(), append(path, "--help"), allPrograms(), &out, &out); exit != 0 {
			t.Fatalf("%s --help: exit %d", c.CommandPath(), exit)
		}
		golden(t, strings.ReplaceAll("help "+c.CommandPath(), " ", "-")+".txt", out.String())
		if !c.HasSubCommands() && c.Name() != "version" && c.Example == "" {
			t.Errorf("%s has no example", c.CommandPath())
		}
		for _, sub := range c.Commands() {
			visit(sub)
		}
	}
	visit(root)
}

func TestVersion(t *testing.T) {
	for _, args := range []string{"version", "--version"} {
		var out bytes.Buffer
		exit := run(t.Context(), []string{args}, allPrograms(), &out, &out)
		if exit != 0 || out.String() != "daytwo v1.2.3\n" {
			t.Errorf("%s: exit %d: %s", args, exit, out.String())
		}
	}
}

// doctor prints every check and what to do, and fails if one failed.
func TestDoctor(t *testing.T) {
	checks := []health.Check{
		{Name: "walk", State: health.OK, Detail: "iter/cgroup"},
		{Name: "memory.stat", State: health.Warn, Detail: "read from files", Fix: "boot a kernel with BTF"},
	}
	p := Programs{Doctor: func(context.Context, Config) ([]health.Check, error) { return checks, nil }}
	check := func(want string, exit int, args ...string) {
		t.Helper()
		var out bytes.Buffer
		if got := run(t.Context(), append([]string{"doctor"}, args...), p, &out, &out); got != exit || out.String() != want {
			t.Errorf("exit %d, want %d\n%s", got, exit, cmp.Diff(want, out.String()))
		}
	}
	check(`STATE  CHECK        FOUND
ok     walk         iter/cgroup
warn   memory.stat  read from files
                    → boot a kernel with BTF

1 ok, 1 warning, 0 failures
`, 0)
	checks = append(checks, health.Check{Name: "data", State: health.Fail})
	check(`[
  {
    "name": "walk",
    "state": "ok",
    "detail": "iter/cgroup"
  },
  {
    "name": "memory.stat",
    "state": "warn",
    "detail": "read from files",
    "fix": "boot a kernel with BTF"
  },
  {
    "name": "data",
    "state": "fail"
  }
]
`, 1, "--json")
	check(`- name: walk
  state: ok
  detail: iter/cgroup
- name: memory.stat
  state: warn
  detail: read from files
  fix: boot a kernel with BTF
- name: data
  state: fail
`, 1, "-o", "yaml")
}
