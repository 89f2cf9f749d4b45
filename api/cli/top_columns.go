package cli

import (
	"math"
	"strconv"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// entry is one row of top: a container, or a node.
type entry struct {
	key       string
	name      string
	container *v1.Container // nil for a node
	agent     *v1.Agent     // the node, or the container's node (may be nil)
	rates     rates
}

// column is one column of top. Columns that a kind of row lacks have a nil
// value or text there.
type column struct {
	name, title string
	width       int
	left        bool // aligned to the left, and sorted from A to Z
	containers  bool
	agents      bool
	value       func(e *entry, now time.Time) float64 // to sort by; NaN if absent
	text        func(e *entry, now time.Time) string
}

var columns = []column{
	{name: "name", title: "NAME", width: 16, left: true, containers: true, agents: true,
		text: func(e *entry, _ time.Time) string { return e.name }},
	{name: "node", title: "NODE", width: 12, left: true, containers: true,
		text: func(e *entry, _ time.Time) string { return nodeName(e) }},
	{name: "state", title: "STATE", width: 12, left: true, agents: true,
		text: func(e *entry, now time.Time) string { return agentState(e.agent, now) }},
	{name: "containers", title: "CONTAINERS", width: 10, agents: true,
		value: func(e *entry, _ time.Time) float64 { return float64(e.agent.Containers) },
		text:  func(e *entry, _ time.Time) string { return strconv.Itoa(e.agent.Containers) }},
	{name: "cpu", title: "CPU", width: 6, containers: true, agents: true,
		value: func(e *entry, _ time.Time) float64 { return deref(e.cpu()) },
		text:  func(e *entry, _ time.Time) string { return coresOf(e.cpu()) }},
	{name: "cpu%", title: "CPU%", width: 6, containers: true, agents: true,
		value: func(e *entry, _ time.Time) float64 { return e.cpuShare() },
		text:  func(e *entry, _ time.Time) string { return shareText(e.cpuShare()) }},
	{name: "load", title: "LOAD", width: 6, agents: true,
		value: func(e *entry, _ time.Time) float64 { return deref(e.agent.Load1) },
		text:  func(e *entry, _ time.Time) string { return numberOf(e.agent.Load1) }},
	{name: "memory", title: "MEM", width: 8, containers: true, agents: true,
		value: func(e *entry, _ time.Time) float64 { return deref(e.memory()) },
		text:  func(e *entry, _ time.Time) string { return bytesOf(e.memory()) }},
	{name: "mem%", title: "MEM%", width: 6, containers: true, agents: true,
		value: func(e *entry, _ time.Time) float64 { return e.memoryShare() },
		text:  func(e *entry, _ time.Time) string { return shareText(e.memoryShare()) }},
	{name: "pids", title: "PIDS", width: 6, containers: true,
		value: func(e *entry, _ time.Time) float64 { return deref(e.container.Pids) },
		text:  func(e *entry, _ time.Time) string { return countOf(e.container.Pids) }},
	{name: "read", title: "READ/s", width: 8, containers: true,
		value: func(e *entry, _ time.Time) float64 { return e.rates.read },
		text:  func(e *entry, _ time.Time) string { return rateText(e.rates.read) }},
	{name: "write", title: "WRITE/s", width: 8, containers: true,
		value: func(e *entry, _ time.Time) float64 { return e.rates.written },
		text:  func(e *entry, _ time.Time) string { return rateText(e.rates.written) }},
	{name: "rx", title: "RX/s", width: 8, containers: true,
		value: func(e *entry, _ time.Time) float64 { return e.rates.received },
		text:  func(e *entry, _ time.Time) string { return rateText(e.rates.received) }},
	{name: "tx", title: "TX/s", width: 8, containers: true,
		value: func(e *entry, _ time.Time) float64 { return e.rates.sent },
		text:  func(e *entry, _ time.Time) string { return rateText(e.rates.sent) }},
	{name: "age", title: "AGE", width: 7, containers: true,
		value: func(e *entry, now time.Time) float64 { return -deref(e.container.Created) },
		text:  func(e *entry, now time.Time) string { return ageOf(e.container, now) }},
	{name: "uptime", title: "UPTIME", width: 7, agents: true,
		value: func(e *entry, _ time.Time) float64 { return deref(e.agent.Uptime) },
		text:  func(e *entry, _ time.Time) string { return uptimeOf(e.agent) }},
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

// shown are the columns of a kind of row.
func shown(agents bool) []*column {
	var cs []*column
	for i := range columns {
		if c := &columns[i]; agents && c.agents || !agents && c.containers {
			cs = append(cs, c)
		}
	}
	return cs
}

func nodeName(e *entry) string {
	if e.agent != nil && e.agent.Hostname != "" {
		return e.agent.Hostname
	}
	return e.container.AgentID
}

// cpu is cores used.
func (e *entry) cpu() *float64 {
	if e.container == nil {
		return e.agent.CPUUsed
	}
	return e.container.CPUUsed
}

func (e *entry) memory() *int64 {
	if e.container == nil {
		return memoryUsed(e.agent)
	}
	return e.container.MemoryCurrent
}

// cpuShare is part of the limit in use, or of the node where there is none.
func (e *entry) cpuShare() float64 {
	limit := math.NaN()
	if e.agent != nil {
		limit = deref(e.agent.Cores)
	}
	if e.container != nil && e.container.CPULimit != nil {
		limit = *e.container.CPULimit
	}
	return share(deref(e.cpu()), limit)
}

func (e *entry) memoryShare() float64 {
	limit := math.NaN()
	if e.agent != nil {
		limit = deref(e.agent.MemoryTotal)
	}
	if e.container != nil && e.container.MemoryLimit != nil {
		limit = float64(*e.container.MemoryLimit)
	}
	return share(deref(e.memory()), limit)
}

func share(part, whole float64) float64 {
	if !(whole > 0) {
		return math.NaN()
	}
	return part / whole
}

// deref is NaN for what is absent.
func deref[T int64 | float64](v *T) float64 {
	if v == nil {
		return math.NaN()
	}
	return float64(*v)
}

func shareText(v float64) string {
	if math.IsNaN(v) {
		return absent
	}
	return percent(v, 1)
}

func rateText(v float64) string {
	if math.IsNaN(v) {
		return absent
	}
	return bytesText(v)
}
