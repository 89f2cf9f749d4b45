package cli

import (
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
)

// key handles a key, and reports whether it ends the program.
func (m *statsdTopModel) key(ev *tcell.EventKey) (quit bool) {
	switch {
	case ev.Key() == tcell.KeyCtrlC:
		return true
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
func (m *statsdTopModel) typeKey(ev *tcell.EventKey) {
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
	m.offset = 0
}

func (m *statsdTopModel) runeKey(r rune) (quit bool) {
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
		m.options.sort = "rate"
	case 's':
		m.options.sort = "series"
	case 'n':
		m.options.sort = "samples"
	case 'a':
		m.toggleRows()
	case 'j':
		m.offset++
	case 'k':
		m.offset = max(0, m.offset-1)
	case 'g':
		m.offset = 0
	case 'G':
		m.offset = 1 << 30 // drawing limits it to the last page
	}
	return false
}

func (m *statsdTopModel) controlKey(k tcell.Key) {
	switch k {
	case tcell.KeyUp:
		m.offset = max(0, m.offset-1)
	case tcell.KeyDown:
		m.offset++
	case tcell.KeyPgUp:
		m.offset = max(0, m.offset-m.page)
	case tcell.KeyPgDn:
		m.offset += m.page
	case tcell.KeyHome:
		m.offset = 0
	case tcell.KeyEnd:
		m.offset = 1 << 30
	case tcell.KeyTab:
		m.toggleRows()
	case tcell.KeyEscape:
		m.filter = ""
	}
}

// toggleRows changes between metrics and containers.
func (m *statsdTopModel) toggleRows() { m.options.containers, m.offset = !m.options.containers, 0 }
