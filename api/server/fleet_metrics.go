package server

import (
	"errors"
	"net/http"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// fleetMetrics answers GET /fleet/metrics. Agents that went silent leave it,
// or their last values would look alive for ever.
func (s *server) fleetMetrics(w http.ResponseWriter, r *http.Request) error {
	q, err := params(r, "agent")
	if err != nil {
		return err
	}
	agents, err := s.someAgents(q.Get("agent"))
	if err != nil {
		return err
	}
	get := func() ([]*frame.Batch, error) {
		var ticks []*frame.Batch
		for _, a := range agents {
			if a.Stale {
				continue
			}
			b, err := query.Snapshot(s.Fleet, a.ID)
			if errors.Is(err, query.ErrUnknownAgent) || errors.Is(err, query.ErrNoTick) {
				continue // gone since, or nothing there yet
			}
			if err != nil {
				s.Log.Error("an agent's newest tick cannot be read", "agent", a.ID, "err", err)
				continue
			}
			ticks = append(ticks, b)
		}
		return ticks, nil
	}
	return s.scraper.serve(w, r, get, func(p *promWriter) { writeAgents(p, agents, s.now().UnixNano()) }, nil)
}

// writeAgents writes what is known of agents beside their ticks.
func writeAgents(p *promWriter, agents []query.Agent, now int64) {
	family := func(name, help, typ string, f form, get func(*query.Agent) int64) {
		if len(agents) > 0 {
			p.header(name, help, typ)
		}
		for i := range agents {
			labels := appendLabel(nil, "agent_id", agents[i].ID)
			labels = appendLabel(labels, "hostname", agents[i].Hostname)
			p.line(name, string(labels), &promSample{form: f}, get(&agents[i]))
		}
	}
	family("daytwo_agent_last_tick_timestamp_seconds", "Time of the agent's newest tick.", "gauge", formNano,
		func(a *query.Agent) int64 { return a.Time })
	family("daytwo_agent_tick_age_seconds", "Age of the agent's newest tick.", "gauge", formNano,
		func(a *query.Agent) int64 { return max(0, now-a.Time) })
	family("daytwo_agent_missing_frames", "Frames of the agent that later ones announced and that have not come.", "gauge", formInt,
		func(a *query.Agent) int64 { return int64(min(a.Gaps, 1<<62)) })
	family("daytwo_agent_containers", "Containers on the agent.", "gauge", formInt,
		func(a *query.Agent) int64 { return int64(a.Containers) })
}
