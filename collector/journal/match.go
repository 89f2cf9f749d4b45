package journal

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	logentry "github.com/daytwo/daytwo/api/entry"
)

// Match says which entries are wanted: a field's value, or all or any of other
// matches. The zero Match is every entry.
type Match struct {
	payload string // FIELD=value, or
	any     bool   // any of parts, else all
	parts   []Match
}

// Equal matches entries that have a field with a value, byte by byte.
func Equal(field, value string) Match { return Match{payload: field + "=" + value} }

// All matches what every one of parts matches.
func All(parts ...Match) Match { return combine(false, parts) }

// Any matches what at least one of parts matches.
func Any(parts ...Match) Match { return combine(true, parts) }

func combine(or bool, parts []Match) Match {
	var m Match
	for _, p := range parts {
		if !p.Everything() {
			m.parts = append(m.parts, p)
		} else if or {
			return Match{}
		}
	}
	if len(m.parts) == 1 {
		return m.parts[0]
	}
	m.any = or
	return m
}

// Everything reports whether every entry matches.
func (m Match) Everything() bool { return m.payload == "" && len(m.parts) == 0 }

// ParseMatches reads FIELD=value arguments as journalctl(1) does: values of one
// field are alternatives, different fields are all needed, and "+" stands
// between alternatives of such groups.
func ParseMatches(args ...string) (Match, error) {
	var groups []Match
	var fields []string
	values := map[string][]Match{}
	end := func() {
		var all []Match
		for _, f := range fields {
			all = append(all, Any(values[f]...))
		}
		groups = append(groups, All(all...))
		fields, values = nil, map[string][]Match{}
	}
	for i, a := range args {
		if a == "+" {
			if len(fields) == 0 || i == len(args)-1 {
				return Match{}, errors.New("a + stands between matches")
			}
			end()
			continue
		}
		field, value, ok := strings.Cut(a, "=")
		if !ok || !ValidField(field) {
			return Match{}, fmt.Errorf("match %.80q: use FIELD=value, the field in capitals, digits and underscores", a)
		}
		if values[field] == nil {
			fields = append(fields, field)
		}
		values[field] = append(values[field], Equal(field, value))
	}
	if len(fields) > 0 {
		end()
	}
	return Any(groups...), nil
}

// ValidField reports whether journald takes a field of that name: 1 to 64
// capitals, digits and underscores that begin with no digit
// (systemd.journal-fields(7)).
func ValidField(name string) bool {
	if len(name) == 0 || len(name) > 64 || name[0] >= '0' && name[0] <= '9' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c != '_' && (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// String returns a text that is the same for the same matches.
func (m Match) String() string {
	if m.payload != "" || len(m.parts) == 0 {
		return strconv.Quote(m.payload)
	}
	parts := make([]string, len(m.parts))
	for i, p := range m.parts {
		parts[i] = p.String()
	}
	slices.Sort(parts)
	if m.any {
		return "(" + strings.Join(parts, " or ") + ")"
	}
	return "(" + strings.Join(parts, " and ") + ")"
}

// Of reports whether fields of an entry match.
func (m *Match) Of(fields []logentry.Field) bool {
	switch {
	case m.Everything():
		return true
	case m.payload != "":
		return slices.ContainsFunc(fields, func(f logentry.Field) bool {
			n := len(f.Name)
			return len(m.payload) == n+1+len(f.Value) && m.payload[n] == '=' && m.payload[:n] == f.Name &&
				m.payload[n+1:] == string(f.Value)
		})
	case m.any:
		return slices.ContainsFunc(m.parts, func(p Match) bool { return p.Of(fields) })
	}
	return !slices.ContainsFunc(m.parts, func(p Match) bool { return !p.Of(fields) })
}
