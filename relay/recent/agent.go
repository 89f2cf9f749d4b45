package recent

// agent is what the store knows of one agent.
type agent struct {
	id     string
	boots  map[uint64]*seen
	ticks  queue       // in memory, in order of arrival
	keys   []*keyframe // in memory, newest last
	orphan struct{ boot, key uint64 }
}

// maxBoots bounds the runs (boots) of one agent whose duplicates are recognised.
const maxBoots = 16

// agent returns the agent of an id, and adds it if it is new; nil if there are too
// many.
func (s *Store) agent(id string) *agent {
	a := s.agents[id]
	if a == nil {
		if len(s.agents) >= s.o.MaxAgents {
			return nil
		}
		a = &agent{id: id, boots: make(map[uint64]*seen)}
		s.agents[id] = a
	}
	return a
}

// boot returns which ticks of a run came, and forgets the run that was silent for
// longest if there are too many.
func (a *agent) boot(boot uint64, now int64) *seen {
	sn := a.boots[boot]
	if sn == nil {
		if len(a.boots) >= maxBoots {
			var oldest uint64
			for b, x := range a.boots {
				if y := a.boots[oldest]; y == nil || x.used < y.used {
					oldest = b
				}
			}
			delete(a.boots, oldest)
		}
		sn = &seen{}
		a.boots[boot] = sn
	}
	sn.used = now
	return sn
}

// silent reports whether nothing came from the agent since a time.
func (a *agent) silent(since int64) bool {
	for _, sn := range a.boots {
		if sn.used >= since {
			return false
		}
	}
	return true
}
