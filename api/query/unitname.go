package query

import (
	"slices"
	"strings"
)

// unitSuffixes are the kinds of systemd units.
var unitSuffixes = []string{".service", ".socket", ".scope", ".slice", ".mount", ".timer", ".target", ".path",
	".device", ".swap", ".automount"}

// UnitName returns the whole name of the unit that a selector without wildcards means while
// there is none: that of a service if it does not say of which kind it is.
func UnitName(selector string) string {
	if slices.ContainsFunc(unitSuffixes, func(suffix string) bool { return strings.HasSuffix(selector, suffix) }) {
		return selector
	}
	return selector + ".service"
}
