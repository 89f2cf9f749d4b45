package logs

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/collector/journal"
)

// matches are FIELD=value arguments: one of the groups has to match, with all of its
// fields. A field that an entry has not, and that is known of its container all the same,
// counts as if the entry had it: origin tags, and the stream of Docker's driver.
type matches struct {
	groups [][]fieldMatch
	known  bool // a field may be known of the container: the index does not suffice
}

type fieldMatch struct {
	name   string
	values []string
}

func parseMatches(args []string) (*matches, error) {
	if _, err := journal.ParseMatches(args...); err != nil {
		return nil, fmt.Errorf("%w: %w", query.ErrBadLogQuery, err)
	}
	m := &matches{groups: [][]fieldMatch{nil}}
	for _, a := range args {
		last := &m.groups[len(m.groups)-1]
		if a == "+" {
			m.groups = append(m.groups, nil)
			continue
		}
		name, value, _ := strings.Cut(a, "=")
		m.known = m.known || tagFields[name] != "" || name == "STREAM"
		i := slices.IndexFunc(*last, func(f fieldMatch) bool { return f.name == name })
		if i < 0 {
			i = len(*last)
			*last = append(*last, fieldMatch{name: name})
		}
		(*last)[i].values = append((*last)[i].values, value)
	}
	return m, nil
}

// has reports whether a field is asked for.
func (m *matches) has(name string) bool {
	return m != nil && slices.ContainsFunc(m.groups, func(g []fieldMatch) bool {
		return slices.ContainsFunc(g, func(f fieldMatch) bool { return f.name == name })
	})
}

// bySender reports whether it depends on the sender and the stream alone what entries of the
// journald drivers of Docker and Podman match.
func (m *matches) bySender() bool {
	if m == nil {
		return true
	}
	return !slices.ContainsFunc(m.groups, func(g []fieldMatch) bool {
		return slices.ContainsFunc(g, func(f fieldMatch) bool { return !senderFields[f.name] && tagFields[f.name] == "" })
	})
}

// senderFields do not differ between the entries of one stream.
var senderFields = map[string]bool{"CONTAINER_ID_FULL": true, "CONTAINER_NAME": true, "CONTAINER_TAG": true,
	"IMAGE_NAME": true, "PRIORITY": true, "STREAM": true, "SYSLOG_IDENTIFIER": true, "_BOOT_ID": true, "_COMM": true,
	"_EXE": true, "_HOSTNAME": true, "_MACHINE_ID": true, "_PID": true, "_SYSTEMD_CGROUP": true, "_SYSTEMD_UNIT": true,
	"_TRANSPORT": true, "_UID": true}

// index selects at least what matches.
func (m *matches) index(v *view) journal.Match {
	var groups []journal.Match
	for _, g := range m.groups {
		var all []journal.Match
		for _, f := range g {
			var any []journal.Match
			for _, value := range f.values {
				any = append(any, v.fieldMatch(f.name, value))
			}
			all = append(all, journal.Any(any...))
		}
		groups = append(groups, journal.All(all...))
	}
	return journal.Any(groups...)
}

// fieldMatch selects at least the entries that have a field, or of whose container it is
// known.
func (v *view) fieldMatch(name, value string) journal.Match {
	own := journal.Equal(name, value)
	switch {
	case name == "AGENT_ID" && value == v.node.o.Agent:
		return journal.Match{}
	case name == "STREAM" && (value == "STDOUT" || value == "STDERR"):
		return journal.Any(own, journal.Equal("PRIORITY", driverPriority[value]))
	}
	if tag := tagFields[name]; tag != "" {
		for k := range units {
			if slices.Contains(kindTags[k], tag) {
				return journal.Any(own, v.candidates(k, value))
			}
		}
	}
	return own
}

// driverPriority is what the journald drivers of Docker and Podman write for a stream.
var driverPriority = map[string]string{"STDOUT": "6", "STDERR": "3"}

// match reports whether an entry matches.
func (m *matches) match(fields []entry.Field, o *entry.Origin) bool {
	return slices.ContainsFunc(m.groups, func(g []fieldMatch) bool {
		return !slices.ContainsFunc(g, func(f fieldMatch) bool { return !f.match(fields, o) })
	})
}

func (f *fieldMatch) match(fields []entry.Field, o *entry.Origin) bool {
	own := false
	for i := range fields {
		if fields[i].Name == f.name {
			own = true
			if slices.Contains(f.values, string(fields[i].Value)) {
				return true
			}
		}
	}
	tag := tagFields[f.name]
	return !own && tag != "" && slices.Contains(f.values, o.Tag(tag)) && o.Tag(tag) != ""
}
