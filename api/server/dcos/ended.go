package dcos

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

const (
	endedFor     = int64(time.Hour)        // how long an ended container is shown
	endedStep    = int64(10 * time.Second) // one tick in each is read
	endedWindow  = int64(5 * time.Minute)  // is read at once
	endedPoints  = 4 << 20                 // most points of a window
	endedEvery   = 5 * time.Second         // between two readings
	endedReading = 2 * time.Second         // for one reading; what is left comes with the next
	endedPerNode = 100                     // most containers of an agent
	endedInAll   = 1000                    // most in a document, as in Mesos for a framework
)

// Ended finds the containers that ended within the last hour, by the history of a whole
// fleet. It reads each tick once, when it is asked, so that askers share what it found. It
// is safe for concurrent use.
type Ended struct {
	fleet   query.Fleet
	history query.History

	mu     sync.Mutex
	read   time.Time // end of the last reading
	agents map[string]*endedOf
}

// endedOf are an agent's containers that ended.
type endedOf struct {
	from int64 // time of the last tick that was read
	all  map[string]endedContainer
}

// endedContainer is a container that ended.
type endedContainer struct {
	agent string
	row   *frame.Row
	last  int64 // time of the last tick that had it, Unix nanoseconds
}

// NewEnded returns a finder over all that the fleet has.
func NewEnded(f query.Fleet, h query.History) *Ended {
	return &Ended{fleet: f, history: h, agents: map[string]*endedOf{}}
}

// list returns the containers that ended, newest first.
func (e *Ended) list() []endedContainer {
	e.mu.Lock()
	defer e.mu.Unlock()
	if time.Since(e.read) > endedEvery {
		e.readAll()
		e.read = time.Now()
	}
	var list []endedContainer
	for _, of := range e.agents {
		for _, c := range of.all {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, newestFirst)
	return list
}

func newestFirst(a, b endedContainer) int {
	return cmp.Or(cmp.Compare(b.last, a.last), cmp.Compare(a.agent, b.agent), cmp.Compare(a.row.Key, b.row.Key))
}

// readAll reads the ticks that came since the last reading, as far as there is time.
func (e *Ended) readAll() {
	ctx, cancel := context.WithTimeout(context.Background(), endedReading)
	defer cancel()
	agents := e.fleet.Agents()
	for id := range e.agents {
		if !slices.ContainsFunc(agents, func(a query.Agent) bool { return a.ID == id }) {
			delete(e.agents, id)
		}
	}
	for _, a := range agents {
		of := e.agents[a.ID]
		if of == nil {
			of = &endedOf{all: map[string]endedContainer{}}
			e.agents[a.ID] = of
		}
		of.from = max(of.from, a.Time-endedFor)
		for end := of.from; of.from < a.Time && ctx.Err() == nil; {
			end = min(end+endedWindow, a.Time)
			if err := of.window(ctx, e.history, a, end); err != nil {
				break // what cannot be read is not known to have ended
			}
		}
		of.forget(a.Time - endedFor)
	}
}

// window reads the ticks up to a time. It begins with the last one that was read before: a
// container that only that one has ended after it.
func (of *endedOf) window(ctx context.Context, h query.History, a query.Agent, end int64) error {
	series, err := h.Query(ctx, query.Query{
		Agent: a.ID, Kind: metric.Container, Column: metric.CPUUsage, Start: of.from, End: end, Step: endedStep,
		Limit: endedPoints,
		Match: func(_ string, r, _ *frame.Row) bool { return r.Label("container_id") != "" },
	})
	if err != nil {
		return err
	}
	newest := of.from
	if end == a.Time || len(series) == 0 {
		newest = end
	}
	for _, s := range series {
		newest = max(newest, s.Times[len(s.Times)-1])
	}
	var running []string
	for _, s := range series {
		id, last := s.Row.Label("container_id"), s.Times[len(s.Times)-1]
		switch {
		case last == newest:
			running = append(running, id)
		case last >= of.all[id].last:
			of.all[id] = endedContainer{a.ID, s.Row, last}
		}
	}
	for _, id := range running { // also if other cgroups of the container are gone
		delete(of.all, id)
	}
	of.from = newest
	return nil
}

// forget drops what was last seen before a time, and what is too much.
func (of *endedOf) forget(before int64) {
	for id, c := range of.all {
		if c.last < before {
			delete(of.all, id)
		}
	}
	if len(of.all) <= endedPerNode {
		return
	}
	var list []endedContainer
	for _, c := range of.all {
		list = append(list, c)
	}
	slices.SortFunc(list, newestFirst)
	for _, c := range list[endedPerNode:] {
		delete(of.all, c.row.Label("container_id"))
	}
}
