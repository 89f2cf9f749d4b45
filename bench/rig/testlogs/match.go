package testlogs

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// matches reports whether a query selects an entry.
func matches(q *query.LogQuery, e *entry.Entry) bool {
	of := func(selectors []string, tags ...string) bool { return anyMatches(selectors, tagValues(e, tags...)) }
	switch {
	case !of(q.Agents, "agent_id"), !of(q.Containers, "container_id"), !of(q.Tasks, "task_id", "task_name"),
		!of(q.Frameworks, "framework_id", "framework_name"), !of(q.Executors, "executor_id"),
		!of(q.Applications, "application_name"), !anyMatches(q.Units, values(e, "_SYSTEMD_UNIT", "UNIT")):
		return false
	case q.Since != 0 && e.Realtime < q.Since, q.Until != 0 && e.Realtime > q.Until,
		q.Boot != "" && q.Boot != hex.EncodeToString(e.Boot[:]), !q.Scope.Filter()(&e.Origin, nil):
		return false
	}
	if p := q.Priority; p != nil {
		n := 6
		if v := values(e, "PRIORITY"); len(v) > 0 {
			n, _ = strconv.Atoi(v[0])
		}
		if n < p.Min || n > p.Max {
			return false
		}
	}
	if q.Grep != "" {
		message, ok := e.Get("MESSAGE")
		if re, err := regexp.Compile(q.Grep); err != nil || !ok || !re.Match(message) {
			return false
		}
	}
	return fieldsMatch(q.Matches, e)
}

// fieldsMatch applies FIELD=VALUE arguments.
func fieldsMatch(args []string, e *entry.Entry) bool {
	if len(args) == 0 {
		return true
	}
	group := map[string]bool{} // whether a field has one of its values
	all := func() bool {
		for _, ok := range group {
			if !ok {
				return false
			}
		}
		return len(group) > 0
	}
	for _, a := range args {
		if a == "+" {
			if all() {
				return true
			}
			clear(group)
			continue
		}
		name, value, _ := strings.Cut(a, "=")
		for _, v := range append(values(e, name), "\x00none") {
			group[name] = group[name] || v == value
		}
	}
	return all()
}

// anyMatches reports whether a selector is a value, its beginning, or a pattern of it.
func anyMatches(selectors, values []string) bool {
	for _, s := range selectors {
		p := glob.Compile(s)
		for _, v := range values {
			if v != "" && (strings.HasPrefix(v, s) || p.Match(v)) {
				return true
			}
		}
	}
	return len(selectors) == 0
}

func tagValues(e *entry.Entry, tags ...string) (all []string) {
	for _, t := range tags {
		all = append(all, e.Origin.Tag(t))
	}
	return all
}

// values returns the values of fields; a tag of the origin counts as a field in capitals.
func values(e *entry.Entry, names ...string) (all []string) {
	for _, name := range names {
		for _, f := range e.Fields {
			if f.Name == name {
				all = append(all, string(f.Value))
			}
		}
		if _, own := e.Get(name); !own {
			if v := e.Origin.Tag(strings.ToLower(name)); v != "" {
				all = append(all, v)
			}
		}
	}
	return all
}
