package bench

import (
	"os"
	"path"
	"regexp"
	"strings"
	"testing"
)

var quoted = regexp.MustCompile("`([^`]+)`")

// The table of rooms in ARCHITECTURE.md names every package, and no other.
func TestRooms(t *testing.T) {
	b, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(b), "\n## Rooms\n")
	table, _, found := strings.Cut(table, "\n## ")
	if !ok || !found {
		t.Fatal("there is no section Rooms")
	}
	named := map[string]bool{} // directories of the first column
	texts := map[string]string{}
	house := ""
	for line := range strings.Lines(table) {
		cells := strings.Split(line, "|")
		if len(cells) != 4 {
			continue
		}
		for _, m := range quoted.FindAllStringSubmatch(cells[1], -1) {
			name := strings.TrimSuffix(m[1], "/")
			if strings.HasPrefix(strings.TrimSpace(cells[1]), "**") || name == "bpf" || name == "main.go" {
				house = name
			} else {
				name = house + "/" + name
			}
			named[name], texts[name] = true, line
			if _, err := os.Stat("../" + name); err != nil {
				t.Errorf("%s is in the table, and not in the tree", name)
			}
		}
	}
	for p := range list(t, "amd64") {
		rest, ok := strings.CutPrefix(p, module+"/")
		if !ok {
			continue
		}
		parts := strings.Split(rest, "/")
		first := strings.Join(parts[:min(len(parts), 2)], "/")
		switch {
		case !named[first]:
			t.Errorf("%s is not in the table", first)
		case len(parts) < 3 || first == "bench/rig":
		case first == "relay/sinks" && strings.Contains(texts[first], "a package a receiver"):
		case !strings.Contains(texts[first], "`"+path.Base(rest)+"`") &&
			!strings.Contains(texts[first], "`"+strings.Join(parts[1:], "/")+"`"):
			t.Errorf("%s is not in the line of %s", rest, first)
		}
	}
}
