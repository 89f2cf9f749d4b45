package server

import (
	"regexp"
	"strings"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/api/server/web"
)

var matchKey = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_./-]*$`)

// parseMatch parses ?match=, which is one of: text that a name or a tag contains, or with
// which an id starts; a pattern (api/glob) that one of them matches as a whole; or
// key=value,key=value with patterns as values, all of which must match. It returns nil for
// "", which every row matches.
func parseMatch(s string) (query.Match, error) {
	switch {
	case s == "":
		return nil, nil
	case strings.Contains(s, "="):
		return parsePairs(s)
	}
	pattern := glob.Compile(s)
	text, isText := pattern.Text()
	return func(agent string, row, parent *frame.Row) bool {
		return matchesAny(agent, row, parent, func(name, value string) bool {
			if isText {
				return found(text, name, value)
			}
			return pattern.Match(value)
		})
	}, nil
}

// found reports whether a value contains text. Ids are random hex digits, which contain many
// short texts by chance, so that they must start with the text. Cgroup paths contain ids, so
// that they match only a text with a slash.
func found(text, name, value string) bool {
	switch name {
	case "agent_id", "container_id", "pod_uid":
		return strings.HasPrefix(value, text)
	case "cgroup":
		return strings.Contains(text, "/") && strings.Contains(value, text)
	}
	return strings.Contains(value, text)
}

// matchesAny reports whether ok returns true for a name, an id or a tag of a row or of its
// container. It ignores labels of the runtime, which match by key only.
func matchesAny(agent string, row, parent *frame.Row, ok func(name, value string) bool) bool {
	if ok("agent_id", agent) {
		return true
	}
	for _, r := range []*frame.Row{row, parent} {
		if r == nil {
			continue
		}
		if r.Key != "" && ok("cgroup", r.Key) {
			return true
		}
		for _, l := range r.Labels {
			if !strings.HasPrefix(l.Name, metric.RuntimeLabel) && ok(l.Name, l.Value) {
				return true
			}
		}
	}
	return false
}

func parsePairs(s string) (query.Match, error) {
	type pair struct {
		key   string
		value glob.Pattern
	}
	var pairs []pair
	for part := range strings.SplitSeq(s, ",") {
		key, value, ok := strings.Cut(part, "=")
		if !ok || !matchKey.MatchString(key) {
			return nil, web.BadRequest(
				"match: %q is not key=value: use text, a pattern (* ? [a-z]), or key=value,key=value", part)
		}
		pairs = append(pairs, pair{key, glob.Compile(value)})
	}
	return func(agent string, row, parent *frame.Row) bool {
		for _, p := range pairs {
			if !p.value.Match(value(p.key, agent, row, parent)) {
				return false
			}
		}
		return true
	}, nil
}

// value returns the value of a key for a row: a label of the row, else of its
// container, else a tag.
func value(key, agent string, row, parent *frame.Row) string {
	switch key {
	case "agent_id", "agent":
		return agent
	case "cgroup", "id":
		if parent != nil {
			return parent.Key
		}
		return row.Key
	}
	if v := row.Label(key); v != "" {
		return v
	}
	if parent != nil {
		if v := parent.Label(key); v != "" {
			return v
		}
	}
	return query.TagValue(row.Labels, strings.TrimPrefix(key, metric.TagLabel)) // last, so that no tag hides an origin
}
