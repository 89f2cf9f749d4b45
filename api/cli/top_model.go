package cli

import (
	"math"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/v1"
)

// model is what top shows, apart from how.
type model struct {
	options  topOptions
	sample   *sample
	rates    counterRates
	current  map[string]rates
	failure  error // of the newest question, nil if it was answered
	entries  []entry
	filter   string
	typing   bool // the filter is being typed
	help     bool
	paused   bool
	selected string // key of the row under the cursor
	offset   int    // first row on the screen
	page     int    // rows on the screen
}

func newModel(o topOptions) *model {
	return &model{options: o, page: 1}
}

func (m *model) question() topOptions { return m.options }

func (m *model) askAnew(before topOptions) bool {
	return m.options.cgroups != before.cgroups || m.options.agent != before.agent
}

func (m *model) answered(s *sample, err error) {
	if m.failure = err; err == nil {
		m.update(s)
	}
}

func (m *model) pace() (time.Duration, int, bool) {
	return m.options.interval, m.options.times, m.paused
}

// update takes a new sample.
func (m *model) update(s *sample) {
	m.sample = s
	m.current = m.rates.next(s.Containers)
	m.arrange()
}

// arrange makes the rows anew: which they are, and their order.
func (m *model) arrange() {
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
			m.add(entry{key: a.AgentID, name: name, agent: a}, a.AgentID)
		}
	} else {
		for i := range m.sample.Containers {
			c := &m.sample.Containers[i]
			if m.options.agent != "" && c.AgentID != m.options.agent {
				continue
			}
			key := containerKey(c)
			e := entry{key: key, name: c.DisplayName(), container: c, agent: agents[c.AgentID], rates: m.current[key]}
			m.add(e, c.ContainerID, c.TaskID, c.Image, c.Cgroup, c.FrameworkName, c.ApplicationName, c.Namespace, c.Pod, nodeName(&e), c.AgentID)
		}
	}
	m.sortEntries()
	m.scroll()
}

// add takes an entry unless the filter is against it.
func (m *model) add(e entry, words ...string) {
	if m.filter != "" {
		f := strings.ToLower(m.filter)
		if !slices.ContainsFunc(append(words, e.name), func(w string) bool { return strings.Contains(strings.ToLower(w), f) }) {
			return
		}
	}
	m.entries = append(m.entries, e)
}

// sortEntries sorts numbers from the largest, text from A; what is absent comes
// last either way, and equal rows stand by name.
func (m *model) sortEntries() {
	c := m.sortColumn()
	type keyed struct {
		entry
		value float64
	}
	rows := make([]keyed, len(m.entries))
	for i := range m.entries {
		rows[i] = keyed{entry: m.entries[i]}
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
			order = direction * strings.Compare(c.text(&a.entry, m.sample.Time), c.text(&b.entry, m.sample.Time))
		} else if an, bn := math.IsNaN(a.value), math.IsNaN(b.value); an || bn {
			order = btoi(an) - btoi(bn)
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
		m.entries[i] = rows[i].entry
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// sortColumn is the column to sort by: the chosen one, or the first number of
// this kind of row if it does not have that.
func (m *model) sortColumn() *column {
	cs := shown(m.options.agents)
	for _, c := range cs {
		if c.name == m.options.sort {
			return c
		}
	}
	c, _ := findColumn("cpu")
	return c
}

// index is the row under the cursor; the first if that row has gone.
func (m *model) index() int {
	i := slices.IndexFunc(m.entries, func(e entry) bool { return e.key == m.selected })
	return max(i, 0)
}

// move puts the cursor on a row.
func (m *model) move(i int) {
	if len(m.entries) == 0 {
		return
	}
	i = min(max(i, 0), len(m.entries)-1)
	m.selected = m.entries[i].key
	if i == 0 {
		m.selected = "" // the first row, whichever it will be
	}
	m.scroll()
}

// scroll keeps the cursor on the screen.
func (m *model) scroll() {
	i := m.index()
	m.offset = min(m.offset, i, max(0, len(m.entries)-m.page))
	m.offset = max(m.offset, i-m.page+1, 0)
}

// table is all rows as plain text.
func (m *model) table() *table {
	var t table
	cs := shown(m.options.agents)
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
