package metric

import "strings"

// promName derives a Prometheus name by the usual conventions: underscores for dots, and the
// base unit and _total as suffixes.
func promName(prefix string, m *Metric) string {
	s := prefix + "_" + strings.NewReplacer(".", "_", "-", "_").Replace(m.Name)
	switch m.Unit {
	case Bytes:
		s += "_bytes"
	case Nanoseconds, Seconds:
		s += "_seconds"
	}
	if m.Type == Counter {
		s += "_total"
	}
	return s
}

// SplitProm splits a Prom field into the name of the family and the fixed labels, which are
// without braces, and "" if there are none.
func SplitProm(s string) (name, labels string) {
	if i := strings.IndexByte(s, '{'); i >= 0 {
		return s[:i], strings.TrimSuffix(s[i+1:], "}")
	}
	return s, ""
}
