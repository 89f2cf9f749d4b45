package policy

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

// The page about access has every resource as it is, every role and every key, and its
// policies are valid.
func TestDocuments(t *testing.T) {
	b, err := os.ReadFile("../../../docs/access.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(b)
	for r, info := range Resources() {
		words := info.all().words()
		if Resource(r) == Superuser {
			words = Full.String()
		}
		if row := fmt.Sprintf("\n| `%s` | %s | %s |\n", info.ID, words, info.Meaning); !strings.Contains(page, row) {
			t.Errorf("no row %s", row)
		}
	}
	if n := strings.Count(page, "\n| `"); n != int(numResources) {
		t.Errorf("%d rows, want %d", n, numResources)
	}
	for name := range builtIn() {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("no role %s", name)
		}
	}
	for _, k := range shortKeys {
		if !strings.Contains(page, "`"+k.key+"`") {
			t.Errorf("no key %s", k.key)
		}
	}
	found := false
	for _, block := range strings.Split(page, "```yaml\n")[1:] {
		if text, _, _ := strings.Cut(block, "```"); strings.Contains(text, "rules:") { // else it is a configuration
			parse(t, text)
			found = true
		}
	}
	if !found {
		t.Error("no example")
	}
}
