package testlogs

import (
	"encoding/hex"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// matcher returns a function that reports whether a query selects an entry.
func (l *Logs) matcher(q *query.LogQuery) (func(*entry.Entry) bool, error) {
	var kinds [6]*chosen
	for k, list := range selectors(q) {
		var err error
		if kinds[k], err = l.choose(q, query.LogSourceKinds[k], list); err != nil {
			return nil, err
		}
	}
	grep, err := regexp.Compile(q.Grep)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", query.ErrBadLogQuery, err)
	}
	inScope := q.Scope.Filter()
	boot := l.boot(q.Boot)
	return func(e *entry.Entry) bool {
		for k, c := range kinds {
			if c != nil && !slices.ContainsFunc(names(e, query.LogSourceKinds[k]), c.allows) {
				return false
			}
		}
		message, has := e.Get("MESSAGE")
		return inScope(&e.Origin, nil) && ofAgents(q.Agents, e.Origin.Tag("agent_id")) && fieldsMatch(q.Matches, e) &&
			(q.Grep == "" || has && grep.Match(message)) && inPriority(e, q.Priority) &&
			(q.Since == 0 || e.Realtime >= q.Since) && (q.Until == 0 || e.Realtime <= q.Until) &&
			(boot == "" || boot == hex.EncodeToString(e.Boot[:]))
	}, nil
}

// boot returns the id of a boot: of an offset, as journalctl -b counts, it is the id of the
// boot so many before the newest one, or of the boot at that place if it is positive.
func (l *Logs) boot(s string) string {
	n, err := strconv.Atoi(s)
	if err != nil || len(s) > 9 {
		return s
	}
	var ids []string
	for _, r := range l.all() {
		if r.Entry == nil {
			continue
		}
		if id := hex.EncodeToString(r.Entry.Boot[:]); !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	if n <= 0 {
		n += len(ids)
	}
	if n < 1 || n > len(ids) {
		return "none"
	}
	return ids[n-1]
}

// ofAgents reports whether a selector is an agent's id, its beginning, or a pattern of it.
func ofAgents(selectors []string, agent string) bool {
	return len(selectors) == 0 || slices.ContainsFunc(selectors, func(s string) bool {
		p := glob.Compile(s)
		return strings.HasPrefix(agent, s) || p.Match(agent)
	})
}

func inPriority(e *entry.Entry, r *query.PriorityRange) bool {
	p := priority(e)
	return r == nil || p >= r.Min && p <= r.Max
}

func priority(e *entry.Entry) int {
	v, _ := e.Get("PRIORITY")
	if n, err := strconv.Atoi(string(v)); err == nil && n >= 0 && n <= 7 {
		return n
	}
	return 6
}

// fieldsMatch implements journalctl's matches: "+" separates groups, of which one has to hold.
func fieldsMatch(list []string, e *entry.Entry) bool {
	if i := slices.Index(list, "+"); i >= 0 {
		return fieldsMatch(list[:i], e) || fieldsMatch(list[i+1:], e)
	}
	has := map[string]bool{}
	for _, m := range list {
		name, value, _ := strings.Cut(m, "=")
		has[name] = has[name] || slices.Contains(values(e, name), value)
	}
	for _, ok := range has {
		if !ok {
			return false
		}
	}
	return true
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
