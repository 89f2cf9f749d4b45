package cli

import "github.com/gdamore/tcell/v2"

// key handles a key, and reports whether it ends top.
func (m *topModel) key(ev *tcell.EventKey) (quit bool) {
	quit, own := m.sharedKey(ev)
	if own {
		if rows, moves := m.step(ev); moves {
			m.move(m.index() + rows)
		} else if ev.Key() == tcell.KeyRune {
			m.runeKey(ev.Rune())
		} else {
			m.controlKey(ev.Key())
		}
	}
	m.arrange()
	return quit
}

func (m *topModel) runeKey(r rune) {
	switch r {
	case 'r':
		m.options.reverse = !m.options.reverse
	case 's':
		m.options.cgroups = !m.options.cgroups
	case 'a':
		m.toggleRows()
	case 'c':
		m.sortBy("cpu")
	case 'm':
		m.sortBy("memory")
	case 'n':
		m.sortBy("name")
	case 'p':
		m.sortBy("pids")
	case 'i':
		m.sortBy("write")
	case '<', ',':
		m.sortNext(-1)
	case '>', '.':
		m.sortNext(1)
	}
}

func (m *topModel) controlKey(k tcell.Key) {
	switch k {
	case tcell.KeyLeft:
		m.sortNext(-1)
	case tcell.KeyRight:
		m.sortNext(1)
	case tcell.KeyTab:
		m.toggleRows()
	case tcell.KeyEnter: // show the containers of the node
		if m.options.agents && len(m.entries) > 0 {
			m.options.agent = m.entries[m.index()].key
			m.toggleRows()
		}
	case tcell.KeyEscape:
		switch {
		case m.filter != "":
			m.filter = ""
		case m.options.agent != "":
			m.options.agent = ""
		}
	}
}

// toggleRows changes between nodes and containers.
func (m *topModel) toggleRows() {
	m.options.agents = !m.options.agents
	if m.options.agents {
		m.options.agent = ""
	}
	m.selected, m.offset = "", 0
}

// sortBy sorts by a column, if the rows have it; the second time it reverses the
// order.
func (m *topModel) sortBy(name string) {
	for _, c := range columnsFor(m.options.agents) {
		if c.name != name {
			continue
		}
		m.options.reverse = m.options.sort == name && !m.options.reverse
		m.options.sort = name
		return
	}
}

// sortNext sorts by the next column to the right (1) or to the left (-1).
func (m *topModel) sortNext(step int) {
	cs, now := columnsFor(m.options.agents), m.sortColumn()
	for i, c := range cs {
		if c == now {
			m.options.sort = cs[(i+step+len(cs))%len(cs)].name
			m.options.reverse = false
			return
		}
	}
}
