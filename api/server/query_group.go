package server

import (
	"github.com/daytwo/daytwo/api/query"
	"slices"
	"strconv"
	"strings"
)

// grouping assigns series to the groups that are merged.
type grouping struct {
	by     []string
	alone  bool
	names  map[string]int // index of a group by labelsKey
	of     map[*query.AppSeries]int
	labels []map[string]string
}

func (g *grouping) find(s *query.AppSeries) int {
	if i, ok := g.of[s]; ok {
		return i
	}
	labels := map[string]string{}
	if g.alone {
		labels = appLabels(s.Agent, s.Row, s.Parent)
	}
	for _, name := range g.by {
		if v := value(name, s.Agent, s.Row, s.Parent); v != "" {
			labels[name] = v
		}
	}
	i, ok := g.names[labelsKey(labels)]
	if !ok {
		i = len(g.labels)
		g.names[labelsKey(labels)] = i
		g.labels = append(g.labels, labels)
	}
	g.of[s] = i
	return i
}

// labelsKey returns a text that is equal for equal labels only.
func labelsKey(labels map[string]string) string {
	names := make([]string, 0, len(labels))
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	var b strings.Builder
	for _, name := range names {
		b.WriteString(strconv.Quote(name))
		b.WriteString(strconv.Quote(labels[name]))
	}
	return b.String()
}
