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

// parseMatch reads ?match=: text to find in names and tags, or at the start of
// ids; a pattern (api/glob) for the whole of one of them; or key=value,key=value,
// all of which must hold, with patterns as values. "" is nil: every row.
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
		return anyValue(agent, row, parent, func(name, value string) bool {
			if isText {
				return found(text, name, value)
			}
			return pattern.Match(value)
		})
	}, nil
}

// found reports whether text is in a value. Ids made of random hex digits hold
// any short text by chance, so there it must stand at the start; so hold the
// paths made of them, where it must look like a path.
func found(text, name, value string) bool {
	switch name {
	case "agent_id", "container_id", "pod_uid":
		return strings.HasPrefix(value, text)
	case "cgroup":
		return strings.Contains(text, "/") && strings.Contains(value, text)
	}
	return strings.Contains(value, text)
}

// anyValue reports whether ok holds for a name, an id or a tag of a row or its
// container. Labels of the runtime are asked for by key only.
func anyValue(agent string, row, parent *frame.Row, ok func(name, value string) bool) bool {
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
			return nil, web.BadRequest("match: %q is not key=value: use text, a pattern (* ? [a-z]), or key=value,key=value", part)
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

// value is what a key means for a row: one of its labels, of its container's, or
// of its tags.
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
	return row.Label(metric.TagLabel + key) // last, so that no tag passes for an origin
}
