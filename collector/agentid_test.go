package collector

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestKeptAgentID(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	first, err := storedAgentID(dir)
	if err != nil || len(first) != 32 {
		t.Fatal(first, err)
	}
	if again, err := storedAgentID(dir); err != nil || again != first {
		t.Errorf("then %q, %v; first %q", again, err, first)
	}
	path := filepath.Join(dir, "agent-id")
	for _, empty := range []string{"", "\n", "\x00\x00"} { // what a power failure may leave
		if err := os.WriteFile(path, []byte(empty), 0o644); err != nil {
			t.Fatal(err)
		}
		id, err := storedAgentID(dir)
		if err != nil || len(id) != 32 || id == first {
			t.Errorf("%q: %q, %v", empty, id, err)
		}
		if again, err := storedAgentID(dir); err != nil || again != id {
			t.Errorf("%q: then %q, %v", empty, again, err)
		}
	}
	if err := os.WriteFile(path, []byte("a.b\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := storedAgentID(dir); err == nil || !strings.Contains(err.Error(), "remove the file") {
		t.Errorf("a malformed id: %v", err)
	}
}

// A machine id that is not usable as an agent id is skipped. On an image that has never
// booted, the file is empty or holds "uninitialized" (machine-id(5)).
func TestMachineID(t *testing.T) {
	old := machineIDs
	defer func() { machineIDs = old }()
	dir := t.TempDir()
	try := func(want string, contents ...string) {
		t.Helper()
		machineIDs = nil
		for i, c := range contents {
			path := filepath.Join(dir, string(rune('a'+i)))
			if err := os.WriteFile(path, []byte(c), 0o644); err != nil {
				t.Fatal(err)
			}
			machineIDs = append(machineIDs, path)
		}
		got, err := AgentID(dir)
		if err != nil || want != "" && got != want {
			t.Errorf("%q: %q, %v; want %q", contents, got, err, want)
		}
		if _, err := os.Stat(filepath.Join(dir, "agent-id")); (err == nil) != (want == "") {
			t.Errorf("%q: agent-id: %v", contents, err)
		}
		os.Remove(filepath.Join(dir, "agent-id"))
	}
	try("0123", "0123\n", "4567\n")
	try("4567", "uninitialized\n", "4567\n")
	try("4567", "", "4567\n")
	try("", "", "")
	try("")
}
