package cli

import (
	"math"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// topEntry is one row of top: a container, or a node.
type topEntry struct {
	key       string
	name      string
	container *v1.Container // nil for a node
	agent     *v1.Agent     // the node, or the container's node (may be nil)
	rates     rates
}

// column is one column of top.
type column struct {
	name, title string
	width       int
	left        bool                                     // aligned to the left, and sorted from A to Z
	containers  bool                                     // rows of containers have it
	agents      bool                                     // rows of nodes have it
	value       func(e *topEntry, now time.Time) float64 // to sort by, NaN if absent; nil to sort by text
	text        func(e *topEntry, now time.Time) string
}

var columns = []column{
	{name: "name", title: "NAME", width: 16, left: true, containers: true, agents: true,
		text: func(e *topEntry, _ time.Time) string { return e.name }},
	{name: "node", title: "NODE", width: 12, left: true, containers: true,
		text: func(e *topEntry, _ time.Time) string { return nodeName(e) }},
	{name: "state", title: "STATE", width: 12, left: true, agents: true,
		text: func(e *topEntry, now time.Time) string { return agentState(e.agent, now) }},
	{name: "containers", title: "CONTAINERS", width: 10, agents: true,
		value: func(e *topEntry, _ time.Time) float64 { return float64(e.agent.Containers) },
		text:  func(e *topEntry, _ time.Time) string { return strconv.Itoa(e.agent.Containers) }},
	{name: "cpu", title: "CPU", width: 6, containers: true, agents: true,
		value: func(e *topEntry, _ time.Time) float64 { return orNaN(e.cpu()) },
		text:  func(e *topEntry, _ time.Time) string { return formatCores(e.cpu()) }},
	{name: "cpu%", title: "CPU%", width: 6, containers: true, agents: true,
		value: func(e *topEntry, _ time.Time) float64 { return e.cpuShare() },
		text:  func(e *topEntry, _ time.Time) string { return formatShare(e.cpuShare()) }},
	{name: "load", title: "LOAD", width: 6, agents: true,
		value: func(e *topEntry, _ time.Time) float64 { return orNaN(e.agent.Load1) },
		text:  func(e *topEntry, _ time.Time) string { return numberOf(e.agent.Load1) }},
	{name: "memory", title: "MEM", width: 8, containers: true, agents: true,
		value: func(e *topEntry, _ time.Time) float64 { return orNaN(e.memory()) },
		text:  func(e *topEntry, _ time.Time) string { return bytesOf(e.memory()) }},
	{name: "mem%", title: "MEM%", width: 6, containers: true, agents: true,
		value: func(e *topEntry, _ time.Time) float64 { return e.memoryShare() },
		text:  func(e *topEntry, _ time.Time) string { return formatShare(e.memoryShare()) }},
	{name: "pids", title: "PIDS", width: 6, containers: true,
		value: func(e *topEntry, _ time.Time) float64 { return orNaN(e.container.Pids) },
		text:  func(e *topEntry, _ time.Time) string { return countOf(e.container.Pids) }},
	{name: "read", title: "READ/s", width: 8, containers: true,
		value: func(e *topEntry, _ time.Time) float64 { return e.rates.read },
		text:  func(e *topEntry, _ time.Time) string { return formatByteRate(e.rates.read) }},
	{name: "write", title: "WRITE/s", width: 8, containers: true,
		value: func(e *topEntry, _ time.Time) float64 { return e.rates.written },
		text:  func(e *topEntry, _ time.Time) string { return formatByteRate(e.rates.written) }},
	{name: "rx", title: "RX/s", width: 8, containers: true,
		value: func(e *topEntry, _ time.Time) float64 { return e.rates.received },
		text:  func(e *topEntry, _ time.Time) string { return formatByteRate(e.rates.received) }},
	{name: "tx", title: "TX/s", width: 8, containers: true,
		value: func(e *topEntry, _ time.Time) float64 { return e.rates.sent },
		text:  func(e *topEntry, _ time.Time) string { return formatByteRate(e.rates.sent) }},
	{name: "age", title: "AGE", width: 7, containers: true,
		value: func(e *topEntry, now time.Time) float64 { return -orNaN(e.container.Created) },
		text:  func(e *topEntry, now time.Time) string { return ageOf(e.container, now) }},
	{name: "uptime", title: "UPTIME", width: 7, agents: true,
		value: func(e *topEntry, _ time.Time) float64 { return orNaN(e.agent.Uptime) },
		text:  func(e *topEntry, _ time.Time) string { return uptimeOf(e.agent) }},
}

func columnNames() []string {
	var names []string
	for i := range columns {
		names = append(names, columns[i].name)
	}
	return names
}

func findColumn(name string) (*column, bool) {
	for i := range columns {
		if columns[i].name == name {
			return &columns[i], true
		}
	}
	return nil, false
}

// columnsFor returns the columns of rows of nodes, or of containers.
func columnsFor(agents bool) []*column {
	var cs []*column
	for i := range columns {
		if c := &columns[i]; agents && c.agents || !agents && c.containers {
			cs = append(cs, c)
		}
	}
	return cs
}

// nodeName returns the hostname of a row's node, else its id.
func nodeName(e *topEntry) string {
	if e.agent != nil && e.agent.Hostname != "" {
		return e.agent.Hostname
	}
	return e.container.AgentID
}

// cpu returns the cores in use.
func (e *topEntry) cpu() *float64 {
	if e.container == nil {
		return e.agent.CPUUsed
	}
	return e.container.CPUUsed
}

// memory returns the bytes in use.
func (e *topEntry) memory() *int64 {
	if e.container == nil {
		return memoryUsed(e.agent)
	}
	return e.container.MemoryCurrent
}

// cpuShare returns the cores in use as a part of the limit, or of the node's if there
// is no limit.
func (e *topEntry) cpuShare() float64 {
	limit := math.NaN()
	if e.agent != nil {
		limit = orNaN(e.agent.Cores)
	}
	if e.container != nil && e.container.CPULimit != nil {
		limit = *e.container.CPULimit
	}
	return share(orNaN(e.cpu()), limit)
}

// memoryShare is cpuShare for memory.
func (e *topEntry) memoryShare() float64 {
	limit := math.NaN()
	if e.agent != nil {
		limit = orNaN(e.agent.MemoryTotal)
	}
	if e.container != nil && e.container.MemoryLimit != nil {
		limit = float64(*e.container.MemoryLimit)
	}
	return share(orNaN(e.memory()), limit)
}

// share returns part/whole, or NaN if whole is unknown.
func share(part, whole float64) float64 {
	if !(whole > 0) {
		return math.NaN()
	}
	return part / whole
}

// orNaN returns *v, or NaN if v is nil.
func orNaN[T int64 | float64](v *T) float64 {
	if v == nil {
		return math.NaN()
	}
	return float64(*v)
}

// formatShare formats a share in percent.
func formatShare(v float64) string {
	if math.IsNaN(v) {
		return absent
	}
	return formatPercent(v, 1)
}

// formatByteRate formats bytes per second.
func formatByteRate(v float64) string {
	if math.IsNaN(v) {
		return absent
	}
	return formatBytes(v)
}
