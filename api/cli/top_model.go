package cli

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// topModel is the state of top.
type topModel struct {
	liveScreen
	options  topOptions
	sample   *topSample
	rates    counterRates
	current  map[string]rates
	entries  []topEntry
	selected string // key of the row under the cursor
}

func newTopModel(o topOptions) *topModel {
	return &topModel{options: o, liveScreen: liveScreen{page: 1}}
}

func (m *topModel) query() topOptions { return m.options }

func (m *topModel) queryChanged(before topOptions) bool {
	return m.options.cgroups != before.cgroups || m.options.agent != before.agent
}

func (m *topModel) answered(s *topSample, err error) {
	if m.failure = err; err == nil {
		m.update(s)
	}
}

func (m *topModel) pace() (time.Duration, int, bool) {
	return m.options.refresh.interval, m.options.refresh.times, m.paused
}

// update replaces the sample.
func (m *topModel) update(s *topSample) {
	m.sample = s
	m.current = m.rates.next(s.Containers)
	m.arrange()
}

// arrange filters and sorts the rows.
func (m *topModel) arrange() {
	if m.sample == nil {
		return
	}
	agents := make(map[string]*v1.Agent, len(m.sample.Agents))
	for i := range m.sample.Agents {
		agents[m.sample.Agents[i].AgentID] = &m.sample.Agents[i]
	}
	m.entries = m.entries[:0]
	if m.options.agents {
		for i := range m.sample.Agents {
			a := &m.sample.Agents[i]
			name := a.Hostname
			if name == "" {
				name = a.AgentID
			}
			m.add(topEntry{key: a.AgentID, name: name, agent: a}, a.AgentID)
		}
	} else {
		for i := range m.sample.Containers {
			c := &m.sample.Containers[i]
			if m.options.agent != "" && c.AgentID != m.options.agent {
				continue
			}
			key := containerKey(c)
			e := topEntry{key: key, name: c.DisplayName(), container: c, agent: agents[c.AgentID], rates: m.current[key]}
			m.add(e, c.ContainerID, c.TaskID, c.Image, c.Cgroup, c.FrameworkName, c.ApplicationName, c.Namespace, c.Pod,
				nodeName(&e), c.AgentID)
		}
	}
	m.sortEntries()
	m.scroll()
}

// add appends an entry if its name or one of the words contains the filter.
func (m *topModel) add(e topEntry, words ...string) {
	if m.shows(append(words, e.name)...) {
		m.entries = append(m.entries, e)
	}
}

// sortEntries sorts numbers in descending and text in ascending order. Absent values
// come last, also in reverse order, and equal rows are sorted by name.
func (m *topModel) sortEntries() {
	c := m.sortColumn()
	type keyed struct {
		topEntry
		value float64
	}
	rows := make([]keyed, len(m.entries))
	for i := range m.entries {
		rows[i] = keyed{topEntry: m.entries[i]}
		if c.value != nil {
			rows[i].value = c.value(&m.entries[i], m.sample.Time)
		}
	}
	direction := 1
	if m.options.reverse {
		direction = -1
	}
	slices.SortStableFunc(rows, func(a, b keyed) int {
		order := 0
		if c.value == nil {
			order = direction * strings.Compare(c.text(&a.topEntry, m.sample.Time), c.text(&b.topEntry, m.sample.Time))
		} else if an, bn := math.IsNaN(a.value), math.IsNaN(b.value); an || bn {
			order = boolToInt(an) - boolToInt(bn)
		} else if a.value != b.value {
			order = direction
			if a.value > b.value {
				order = -direction
			}
		}
		if order == 0 {
			order = strings.Compare(a.name, b.name)
		}
		if order == 0 {
			order = strings.Compare(a.key, b.key)
		}
		return order
	})
	for i := range rows {
		m.entries[i] = rows[i].topEntry
	}
}

func boolToInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sortColumn returns the column to sort by: the chosen one, or cpu if the rows do not
// have that.
func (m *topModel) sortColumn() *column {
	cs := columnsFor(m.options.agents)
	for _, c := range cs {
		if c.name == m.options.sort {
			return c
		}
	}
	c, _ := findColumn("cpu")
	return c
}

// index returns the row of the cursor, the first one if its row has gone.
func (m *topModel) index() int {
	i := slices.IndexFunc(m.entries, func(e topEntry) bool { return e.key == m.selected })
	return max(i, 0)
}

// move moves the cursor to a row.
func (m *topModel) move(i int) {
	if len(m.entries) == 0 {
		return
	}
	i = min(max(i, 0), len(m.entries)-1)
	m.selected = m.entries[i].key
	if i == 0 {
		m.selected = "" // stay on the first row, whichever it becomes
	}
	m.scroll()
}

// scroll moves the visible rows so that the cursor is among them.
func (m *topModel) scroll() {
	i := m.index()
	m.offset = min(m.offset, i, max(0, len(m.entries)-m.page))
	m.offset = max(m.offset, i-m.page+1, 0)
}

// table returns all rows as text.
func (m *topModel) table() *table {
	var t table
	cs := columnsFor(m.options.agents)
	names := make([]string, len(cs))
	for i, c := range cs {
		names[i] = c.title
		if !c.left {
			names[i] = ">" + c.title
		}
	}
	t.header(names...)
	for i := range m.entries {
		row := make([]string, len(cs))
		for j, c := range cs {
			row[j] = c.text(&m.entries[i], m.sample.Time)
		}
		t.row(row...)
	}
	return &t
}
