package gateway

import (
	"context"
	"encoding/json"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/query"
)

// search is the answer to which agents have something that a query's selectors match. All
// queries that follow the same share one.
type search struct {
	begun  time.Time
	done   chan struct{} // closed when agents is there
	agents []string
}

// searches are those that were made lately, by what they look for.
type searches struct {
	mu  sync.Mutex
	all map[string]*search
}

// whoHas returns those agents that have something for each kind of a query's selectors. The
// answer may be as old as age. An agent that does not answer counts as having nothing.
func (g *Gateway) whoHas(ctx context.Context, agents []string, q *query.LogQuery, age time.Duration) []string {
	key, err := json.Marshal([]any{agents, lists(q), q.Scope})
	if err != nil {
		panic(err) // strings always have a JSON form
	}
	now := time.Now()
	g.searches.mu.Lock()
	s := g.searches.all[string(key)]
	if s != nil && now.Sub(s.begun) < age {
		g.searches.mu.Unlock()
		select {
		case <-s.done:
			return s.agents
		case <-ctx.Done():
			return nil
		}
	}
	s = &search{begun: now, done: make(chan struct{})}
	if g.searches.all == nil {
		g.searches.all = map[string]*search{}
	}
	for k, old := range g.searches.all {
		if now.Sub(old.begun) >= g.o.Refresh {
			delete(g.searches.all, k)
		}
	}
	g.searches.all[string(key)] = s
	g.searches.mu.Unlock()
	defer close(s.done)
	for i, h := range g.ask(ctx, agents, q) {
		own := newNames()
		own.add(h.sources)
		if _, ok := own.on(h.sources, q); ok && h.err == nil {
			s.agents = append(s.agents, agents[i])
		}
	}
	return s.agents
}

// found hands what a search beside the reading has found to the reader.
type found struct {
	mu      sync.Mutex
	running bool
	agents  []string
}

// begin reports whether no search is running; then one is.
func (f *found) begin() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	was := f.running
	f.running = true
	return !was
}

func (f *found) end(agents []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.running, f.agents = false, agents
}

// take returns what was found since the last call.
func (f *found) take() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	agents := f.agents
	f.agents = nil
	return agents
}
