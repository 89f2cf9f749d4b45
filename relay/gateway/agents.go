package gateway

import (
	"fmt"
	"slices"
	"strings"

	"github.com/daytwo/daytwo/api/glob"
	"github.com/daytwo/daytwo/api/query"
)

// maxCandidates bounds the list of an ambiguous selector.
const maxCandidates = 20

// chosen returns the ids of the agents that a query's list selects, sorted. one reports
// that this is a single agent, and that no other can match later.
func (g *Gateway) chosen(selectors []string) (ids []string, one bool, err error) {
	agents := g.agents()
	if len(selectors) == 0 {
		for i := range agents {
			ids = append(ids, agents[i].ID)
		}
		return ids, len(ids) == 1, nil
	}
	one = len(selectors) == 1
	for _, s := range selectors {
		found, glob, err := chooseAgent(agents, s)
		if err != nil {
			return nil, false, err
		}
		one = one && !glob
		ids = append(ids, found...)
	}
	slices.Sort(ids)
	return slices.Compact(ids), one && len(ids) == 1, nil
}

// chooseAgent returns the agents that a selector names: by id or host name, as a whole, by
// a glob, or by a unique beginning.
func chooseAgent(agents []query.Agent, selector string) (ids []string, isGlob bool, err error) {
	pattern := glob.Compile(selector)
	text, plain := pattern.Text()
	if !plain {
		for i := range agents {
			if a := &agents[i]; pattern.Match(a.ID) || a.Hostname != "" && pattern.Match(a.Hostname) {
				ids = append(ids, a.ID)
			}
		}
	} else {
		exact := func(a query.Agent) bool { return a.ID == text }
		named := func(a query.Agent) bool { return a.Hostname == text }
		begins := func(a query.Agent) bool {
			return strings.HasPrefix(a.ID, text) || strings.HasPrefix(a.Hostname, text)
		}
		for _, match := range []func(query.Agent) bool{exact, named, begins} {
			for _, a := range agents {
				if match(a) {
					ids = append(ids, a.ID)
				}
			}
			if len(ids) > 1 {
				return nil, false, &query.AmbiguousError{Selector: selector, Candidates: ids[:min(len(ids), maxCandidates)]}
			}
			if len(ids) == 1 {
				break
			}
		}
	}
	if len(ids) == 0 {
		return nil, false, fmt.Errorf("agent %q: %w", selector, query.ErrUnknownAgent)
	}
	return ids, !plain, nil
}
