package setting

import (
	"strings"
	"testing"
)

func TestNames(t *testing.T) {
	try := func(check func(string) error, name string, want bool) {
		t.Helper()
		if err := check(name); (err == nil) != want {
			t.Errorf("%q: %v", name, err)
		} else if err != nil && !strings.Contains(err.Error(), "letters") {
			t.Errorf("%q: the error states no rule: %v", name, err)
		}
	}
	for _, good := range []string{"a", "3f2a9c64b1d84c0ea1b2c3d4e5f60718", "Node-1"} {
		try(CheckAgentID, good, true)
		try(CheckCluster, good, true)
		try(CheckRelayID, good, true)
	}
	for _, bad := range []string{"", "a.b", "a b", "a\n", "a*", "ä", strings.Repeat("x", 129)} {
		try(CheckAgentID, bad, false)
		try(CheckCluster, bad, false)
		try(CheckRelayID, bad, false)
	}
	try(CheckAgentID, "a_b", false)
	try(CheckCluster, "a_b", true)
	try(CheckAgentID, strings.Repeat("x", 128), true)
	try(CheckCluster, strings.Repeat("x", 65), false)
}
