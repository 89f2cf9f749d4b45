package recent

// agent is the state of one agent.
type agent struct {
	id     string
	boots  map[uint64]*seen           // by run of its collector
	ticks  fifo[entry]                // its frames in memory, in order of arrival
	keys   []*keyframe                // in memory, newest last
	orphan struct{ boot, key uint64 } // the last keyframe that was not found on disk
}

// maxBoots bounds the runs (boots) of one agent whose received ticks are remembered.
const maxBoots = 16

// agent returns an agent, which it adds if it is new. It returns nil if the store already
// has Options.MaxAgents.
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

// boot returns the received ticks of a run. If it is new and there are maxBoots already,
// it removes the one that has been silent for longest.
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

// silent reports whether no frame of the agent was received since a time.
func (a *agent) silent(since int64) bool {
	for _, sn := range a.boots {
		if sn.used >= since {
			return false
		}
	}
	return true
}
