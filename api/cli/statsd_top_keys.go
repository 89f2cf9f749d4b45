package cli

import "github.com/gdamore/tcell/v2"

// key handles a key, and reports whether it ends the program.
func (m *statsdTopModel) key(ev *tcell.EventKey) (quit bool) {
	if m.typing {
		m.offset = 0
	}
	quit, own := m.sharedKey(ev)
	if !own {
		return quit
	}
	if rows, moves := m.step(ev); moves {
		m.offset = max(0, m.offset+rows) // drawing limits it to the last page
		return false
	}
	switch ev.Key() {
	case tcell.KeyTab:
		m.toggleRows()
	case tcell.KeyEscape:
		m.filter = ""
	case tcell.KeyRune:
		switch ev.Rune() {
		case 'r':
			m.options.sort = "rate"
		case 's':
			m.options.sort = "series"
		case 'n':
			m.options.sort = "samples"
		case 'a':
			m.toggleRows()
		}
	}
	return false
}

// toggleRows changes between metrics and containers.
func (m *statsdTopModel) toggleRows() { m.options.containers, m.offset = !m.options.containers, 0 }
