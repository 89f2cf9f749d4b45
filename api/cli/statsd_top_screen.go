package cli

import (
	"fmt"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// draw fills the screen: two lines of all senders, a line of the state, the
// table, a line of help.
func (m *sentModel) draw(screen tcell.Screen) {
	screen.Clear()
	screen.HideCursor()
	width, height := screen.Size()
	m.page = max(1, height-5)
	if width < 20 || height < 6 {
		put(screen, 0, 0, width, "too small", plainStyle)
		return
	}
	m.drawTotal(screen, width)
	m.drawState(screen, width)
	if m.help {
		for i, line := range sentHelp {
			if y := i + 3; y < height-1 {
				put(screen, 0, y, width, line, plainStyle)
			}
		}
	} else {
		m.drawTable(screen, width, height)
	}
	put(screen, 0, height-1, width, "q quit  ? help  / filter  r rate  s series  n samples  a containers  space pause", dimStyle)
}

func (m *sentModel) drawTotal(screen tcell.Screen, width int) {
	if m.answer == nil {
		put(screen, 0, 0, width, "daytwo statsd top: asking …", boldStyle)
		return
	}
	l := m.total()
	line := "daytwo statsd top"
	if !m.time.IsZero() {
		line += "  " + m.time.Local().Format(time.TimeOnly)
	}
	put(screen, 0, 0, width, fmt.Sprintf("%s  %s lines/s  %s series", line, perSecond(l.Rate), countText(float64(l.Series))), boldStyle)
	text := fmt.Sprintf("received %d = accepted %d + rejected %d + shed %d   kernel drops %d", l.Received, l.Accepted, l.Rejected, l.Shed, l.KernelDrops)
	style := plainStyle
	switch {
	case !l.Balances():
		text, style = "! does not balance: "+text, dangerStyle
	case l.Shed+l.KernelDrops > 0:
		style = warnStyle
	}
	put(screen, 0, 1, width, text, style)
}

// drawState is the third line: what is typed, what went wrong, what is shown.
func (m *sentModel) drawState(screen tcell.Screen, width int) {
	switch {
	case m.typing:
		end := put(screen, 0, 2, width-1, "filter: "+m.filter, boldStyle)
		screen.ShowCursor(end, 2)
		return
	case m.failure != nil:
		put(screen, 0, 2, width, "! "+m.failure.Error(), dangerStyle)
		return
	}
	line := "by " + m.options.sort + "  "
	if m.options.match != "" {
		line += "tasks " + m.options.match + "  "
	}
	if m.options.agent != "" {
		line += "node " + m.options.agent + "  "
	}
	if m.filter != "" {
		line += "filter " + m.filter + " (esc: none)  "
	}
	if m.paused {
		line += "PAUSED"
	}
	put(screen, 0, 2, width, line, plainStyle)
}

// drawTable draws the columns that fit; the first takes what is left over.
func (m *sentModel) drawTable(screen tcell.Screen, width, height int) {
	t := m.table()
	widths := make([]int, len(t.rows[0]))
	for _, row := range t.rows {
		for i, c := range row {
			widths[i] = max(widths[i], min(uniseg.StringWidth(c), 40))
		}
	}
	left := width
	for _, w := range widths[1:] {
		left -= w + 1
	}
	widths[0] = min(max(left, 16), width)
	m.offset = max(0, min(m.offset, len(t.rows)-1-m.page))
	put(screen, 0, 3, width, pad("", width, false), headStyle)
	line := func(y int, row []string, style tcell.Style) {
		x := 0
		for i, c := range row {
			if x >= width {
				return
			}
			w := min(widths[i], width-x)
			put(screen, x, y, w, pad(cut(printable(c), w), w, t.right[i]), style)
			x += w + 1
		}
	}
	line(3, t.rows[0], headStyle)
	for y := 4; y < height-1 && m.offset+y-3 < len(t.rows); y++ {
		line(y, t.rows[m.offset+y-3], plainStyle)
	}
	rows := len(t.rows) - 1
	if m.answer != nil && rows == 0 {
		put(screen, 0, 4, width, "nothing to show", dimStyle)
	}
	if rows > m.page {
		text := strconv.Itoa(m.offset+1) + "/" + strconv.Itoa(rows)
		put(screen, width-len(text), 2, len(text), text, dimStyle)
	}
}

var sentHelp = []string{
	"up down pgup pgdn home end   move (also j k g G)",
	"/                            filter by metric and container; enter keeps it, esc drops it",
	"r s n                        sort by rate, by series (cardinality), by samples",
	"a tab                        metrics or containers",
	"space                        pause",
	"q ctrl-c                     quit",
	"",
	"SERIES is how many combinations of tags a metric has: what memory it costs.",
	"SAMPLES/s is how often it is sent: what CPU it costs.",
}

// key takes a key and tells whether it ends top.
func (m *sentModel) key(ev *tcell.EventKey) (quit bool) {
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

func (m *sentModel) typeKey(ev *tcell.EventKey) {
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

func (m *sentModel) runeKey(r rune) (quit bool) {
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
		m.offset = 1 << 30 // drawing takes it back to the last page
	}
	return false
}

func (m *sentModel) controlKey(k tcell.Key) {
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

func (m *sentModel) toggleRows() { m.options.containers, m.offset = !m.options.containers, 0 }
