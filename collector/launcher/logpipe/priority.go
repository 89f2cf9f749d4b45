package logpipe

import (
	"fmt"
	"slices"
	"strconv"
)

// priorities are the names of syslog's priorities, as journalctl knows them.
var priorities = []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}

// ParsePriority returns the priority of a number or a name.
func ParsePriority(s string) (int, error) {
	if n, err := strconv.Atoi(s); err == nil && n >= 0 && n < len(priorities) {
		return n, nil
	}
	if n := slices.Index(priorities, s); n >= 0 {
		return n, nil
	}
	return 0, fmt.Errorf("priority %q: give 0 to 7 or one of %v", s, priorities)
}
