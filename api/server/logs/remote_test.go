package logs

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/bench/rig"
)

// systemd-journal-remote pulls everything through the route that it asks for by itself, and
// journalctl then reads the same entries.
func TestJournalRemotePulls(t *testing.T) {
	remote := "/usr/lib/systemd/systemd-journal-remote"
	for _, program := range []string{remote, "journalctl", "curl"} {
		if _, err := exec.LookPath(program); err != nil {
			rig.Missing(t, program, "is not installed", "apt-get install systemd-journal-remote curl")
		}
	}
	s := serve(t)
	s.logs.Add(entry.Entry{
		Realtime: start + 60e6, Monotonic: entry.NoMonotonic, Boot: [16]byte{1, 2, 3}, Fields: []entry.Field{
			{Name: "MESSAGE", Value: []byte("binary \x00\xff\nand a line")}, {Name: "TAG", Value: []byte("a")},
			{Name: "TAG", Value: []byte("b")}, {Name: "__UNKNOWN", Value: []byte("x")},
		},
	})
	long := strings.Repeat("long ", 20_000)
	s.logs.Say(start+61e6, "web", long)
	for path, want := range map[string]int{"": 102, "/entries?boot": 102, "/entries?PRIORITY=3": 50} {
		file := filepath.Join(t.TempDir(), "pulled.journal")
		cmd := exec.CommandContext(t.Context(), remote,
			"--url", s.url+"/api/v1/logs"+path, "--output", file, "--split-mode=none")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		out, err := exec.CommandContext(t.Context(), "journalctl", "--file", file, "-o", "cat", "--all").Output()
		if err != nil {
			t.Fatal(err)
		}
		if want == 102 {
			for _, part := range []string{"web 00\ndb 00\n", "binary \x00\xff\nand a line\n", long} {
				if !strings.Contains(string(out), part) {
					t.Errorf("%s: not there: %.40q", path, part)
				}
			}
		}
		export, err := exec.CommandContext(t.Context(), "journalctl", "--file", file, "-o", "export").Output()
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(export), "__CURSOR="); n != want {
			t.Errorf("%s: %d entries, want %d", path, n, want)
		}
		if want == 102 && !strings.Contains(string(export), "TAG=a\n") ||
			!strings.Contains(string(export), "DAYTWO_AGENT_ID=node-1\n") {
			t.Errorf("%s: fields are missing", path)
		}
		os.Remove(file)
	}
}
