package relay

import (
	"slices"

	"github.com/daytwo/daytwo/api/query"
	"github.com/daytwo/daytwo/relay/fleet"
)

// logFleet tells the gateway which agents there are, and what they run.
type logFleet struct{ fleet *fleet.Fleet }

func (f logFleet) Agents() []query.Agent { return f.fleet.Agents() }

func (f logFleet) Running(match func(label func(name string) string) bool) []string {
	var agents []string
	for _, c := range f.fleet.Containers("") {
		if match(c.Row.Label) {
			agents = append(agents, c.Agent)
		}
	}
	slices.Sort(agents)
	return slices.Compact(agents)
}
