package recent

import (
	"cmp"
	"slices"
)

// Gaps returns how many ticks of an agent are missing although later ones arrived.
func (s *Store) Gaps(agent string) uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a := s.agents[agent]; a != nil {
		return a.holes()
	}
	return 0
}

// Missing is the number of one agent's missing ticks.
type Missing struct {
	Agent string
	Ticks uint64
}

// Missing lists the agents with missing ticks, sorted by id.
func (s *Store) Missing() []Missing {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []Missing
	for id, a := range s.agents {
		if n := a.holes(); n > 0 {
			out = append(out, Missing{id, n})
		}
	}
	slices.SortFunc(out, func(a, b Missing) int { return cmp.Compare(a.Agent, b.Agent) })
	return out
}

func (a *agent) holes() (n uint64) {
	for _, sn := range a.boots {
		n += sn.holes()
	}
	return n
}
