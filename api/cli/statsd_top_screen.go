package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// draw draws two lines about all senders, a line about the filter or an error, the
// table, and a line of help.
func (m *statsdTopModel) draw(screen tcell.Screen) {
	screen.Clear()
	screen.HideCursor()
	width, height := screen.Size()
	m.page = max(1, height-5)
	if width < 20 || height < 6 {
		put(screen, 0, 0, width, "too small", plainStyle)
		return
	}
	m.drawTotal(screen, width)
	m.drawState(screen, width, m.state())
	if m.help {
		drawHelp(screen, width, height, statsdTopHelp)
	} else {
		m.drawTable(screen, width, height)
	}
	put(screen, 0, height-1, width,
		"q quit  ? help  / filter  r rate  s series  n samples  a containers  space pause", dimStyle)
}

// drawTotal draws the sums of all nodes, and whether they balance.
func (m *statsdTopModel) drawTotal(screen tcell.Screen, width int) {
	if m.answer == nil {
		put(screen, 0, 0, width, "daytwo statsd top: waiting for the relay …", boldStyle)
		return
	}
	l := m.total()
	line := "daytwo statsd top"
	if !m.time.IsZero() {
		line += "  " + m.time.Local().Format(time.TimeOnly)
	}
	line += fmt.Sprintf("  %s lines/s  %s series", formatRate(l.Rate), formatCount(float64(l.Series)))
	put(screen, 0, 0, width, line, boldStyle)
	text := fmt.Sprintf("received %d = accepted %d + rejected %d + shed %d   kernel drops %d",
		l.Received, l.Accepted, l.Rejected, l.Shed, l.KernelDrops)
	style := plainStyle
	switch {
	case !l.Balances():
		text, style = "! does not balance: "+text, dangerStyle
	case l.Shed+l.KernelDrops > 0:
		style = warnStyle
	}
	put(screen, 0, 1, width, text, style)
}

// state returns a line about which rows are shown.
func (m *statsdTopModel) state() string {
	line := "by " + m.options.sort + "  "
	if m.options.match != "" {
		line += "tasks " + m.options.match + "  "
	}
	if m.options.agent != "" {
		line += "node " + m.options.agent + "  "
	}
	return line
}

// drawTable draws the columns that fit; the first takes the rest of the width.
func (m *statsdTopModel) drawTable(screen tcell.Screen, width, height int) {
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

var statsdTopHelp = []string{
	"up down pgup pgdn home end   move (also j k g G)",
	"/                            filter by metric and container; esc clears it",
	"r s n                        sort by rate, series or samples",
	"a tab                        show metrics or containers",
	"space                        pause",
	"q ctrl-c                     quit",
	"",
	"SERIES is how many combinations of tags a metric has. Each costs memory.",
	"SAMPLES/s is how often a metric is sent. Each sample costs CPU.",
}
