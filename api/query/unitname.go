package query

import "strings"

// unitSuffixes are the kinds of systemd units.
var unitSuffixes = []string{".service", ".socket", ".scope", ".slice", ".mount", ".timer", ".target", ".path",
	".device", ".swap", ".automount"}

// IsUnitName reports whether the selector of a unit is a whole name, which may be followed
// before there is such a unit.
func IsUnitName(s string) bool {
	for _, suffix := range unitSuffixes {
		if strings.HasSuffix(s, suffix) {
			return true
		}
	}
	return false
}
