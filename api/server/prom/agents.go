package prom

import "github.com/daytwo/daytwo/api/query"

// agents appends metrics about the agents that are not in their ticks. now is in Unix
// nanoseconds.
func (p *writer) agents(agents []query.Agent, now int64) {
	family := func(name, help string, f form, get func(*query.Agent) int64) {
		if len(agents) > 0 {
			p.header(name, help, "gauge")
		}
		for i := range agents {
			labels := appendLabel(nil, "agent_id", agents[i].ID)
			labels = appendLabel(labels, "hostname", agents[i].Hostname)
			p.line(name, string(labels), &sample{form: f}, get(&agents[i]))
		}
	}
	family("daytwo_agent_last_tick_timestamp_seconds", "Time of the agent's newest tick.", formNano,
		func(a *query.Agent) int64 { return a.Time })
	family("daytwo_agent_tick_age_seconds", "Age of the agent's newest tick.", formNano,
		func(a *query.Agent) int64 { return max(0, now-a.Time) })
	family("daytwo_agent_missing_ticks", "Ticks of the agent that are missing although later ones arrived.", formInt,
		func(a *query.Agent) int64 { return int64(min(a.Missing, 1<<62)) })
	family("daytwo_agent_containers", "Containers on the agent.", formInt,
		func(a *query.Agent) int64 { return int64(a.Containers) })
}
