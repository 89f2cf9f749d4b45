package rules

import (
	"os"
	"strings"
	"testing"
)

// The example of the documents has every section, and is valid.
func TestDocuments(t *testing.T) {
	page, err := os.ReadFile("../../../docs/shipping.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(page), "\n## Rules\n")
	_, rest, _ = strings.Cut(rest, "```yaml\n")
	text, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("no example in docs/shipping.md")
	}
	r := parse(t, text)
	if len(r.Filter) != 4 || len(r.Join) != 2 || len(r.Sample) != 1 || len(r.Rate) != 1 || len(r.Redact) != 3 ||
		r.Fields.Drop == nil {
		t.Errorf("%+v", r)
	}
	for name := range knownKinds {
		if !strings.Contains(string(page), "`"+name+"`") {
			t.Errorf("docs/shipping.md does not name %s", name)
		}
	}
}
