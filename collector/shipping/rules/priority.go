package rules

import (
	"fmt"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

var priorityNames = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// priorities is a range of syslog priorities, both ends included. As journalctl -p reads
// it, one name or number is that priority and all that are more urgent, and A..B is a
// range.
type priorities struct{ min, max int }

// UnmarshalYAML implements yaml.Unmarshaler.
func (p *priorities) UnmarshalYAML(n *yaml.Node) error {
	from, to, isRange := strings.Cut(n.Value, "..")
	if !isRange {
		from, to = "emerg", from
	}
	a, okA := parsePriority(from)
	b, okB := parsePriority(to)
	if n.Kind != yaml.ScalarNode || !okA || !okB {
		return fmt.Errorf("line %d: priority %q: write one of %s (that and all more urgent ones), or a range such as "+
			"info..debug",
			n.Line, n.Value, strings.Join(priorityNames, ", "))
	}
	p.min, p.max = min(a, b), max(a, b)
	return nil
}

func parsePriority(s string) (int, bool) {
	if i := slices.Index(priorityNames, s); i >= 0 {
		return i, true
	}
	if len(s) == 1 && s[0] >= '0' && s[0] <= '7' {
		return int(s[0] - '0'), true
	}
	return 0, false
}
