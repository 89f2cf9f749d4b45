package cli

import (
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
)

// maxFilter is the longest filter, in bytes.
const maxFilter = 128

// key handles a key, and reports whether it ends top.
func (m *topModel) key(ev *tcell.EventKey) (quit bool) {
	if ev.Key() == tcell.KeyCtrlC {
		return true
	}
	switch {
	case m.help:
		m.help = false // any key closes it
	case m.typing:
		m.typeKey(ev)
	case ev.Key() == tcell.KeyRune:
		return m.runeKey(ev.Rune())
	default:
		m.controlKey(ev.Key())
	}
	return false
}

// typeKey handles a key while the filter is typed.
func (m *topModel) typeKey(ev *tcell.EventKey) {
	switch ev.Key() {
	case tcell.KeyEnter:
		m.typing = false
	case tcell.KeyEscape:
		m.typing, m.filter = false, ""
	case tcell.KeyBackspace, tcell.KeyBackspace2:
		_, n := utf8.DecodeLastRuneInString(m.filter)
		m.filter = m.filter[:len(m.filter)-n]
	case tcell.KeyCtrlU:
		m.filter = ""
	case tcell.KeyRune:
		if len(m.filter) < maxFilter {
			m.filter += string(ev.Rune())
		}
	}
	m.arrange()
}

func (m *topModel) runeKey(r rune) (quit bool) {
	switch r {
	case 'q':
		return true
	case '?', 'h':
		m.help = true
	case '/':
		m.typing = true
	case ' ':
		m.paused = !m.paused
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
	case 'j':
		m.move(m.index() + 1)
	case 'k':
		m.move(m.index() - 1)
	case 'g':
		m.move(0)
	case 'G':
		m.move(len(m.entries) - 1)
	}
	m.arrange()
	return false
}

func (m *topModel) controlKey(k tcell.Key) {
	switch k {
	case tcell.KeyUp:
		m.move(m.index() - 1)
	case tcell.KeyDown:
		m.move(m.index() + 1)
	case tcell.KeyPgUp:
		m.move(m.index() - m.page)
	case tcell.KeyPgDn:
		m.move(m.index() + m.page)
	case tcell.KeyHome:
		m.move(0)
	case tcell.KeyEnd:
		m.move(len(m.entries) - 1)
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
	m.arrange()
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
