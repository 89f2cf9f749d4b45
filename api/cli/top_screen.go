package cli

import (
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/gdamore/tcell/v2"
	"github.com/rivo/uniseg"
)

// Shares of a limit above which a value is coloured.
const (
	warnShare   = 0.75
	dangerShare = 0.9
)

var (
	plainStyle  = tcell.StyleDefault
	boldStyle   = plainStyle.Bold(true)
	dimStyle    = plainStyle.Dim(true)
	headStyle   = plainStyle.Reverse(true)
	noColour    = os.Getenv("NO_COLOR") != ""
	warnStyle   = coloured(tcell.ColorOlive)
	dangerStyle = coloured(tcell.ColorMaroon)
)

// coloured returns a style with a colour of the terminal's own palette, which suits
// its background.
func coloured(c tcell.Color) tcell.Style {
	if noColour {
		return boldStyle
	}
	return plainStyle.Foreground(c)
}

// draw draws two lines about the fleet, a line about the filter or an error, the
// table, and a line of help.
func (m *topModel) draw(screen tcell.Screen) {
	screen.Clear()
	screen.HideCursor()
	width, height := screen.Size()
	m.page = max(1, height-5)
	m.scroll()
	if width < 20 || height < 6 {
		put(screen, 0, 0, width, "too small", plainStyle)
		return
	}
	m.drawFleet(screen, width)
	m.drawState(screen, width, m.state())
	if m.help {
		drawHelp(screen, width, height, topHelp)
	} else {
		m.drawTable(screen, width, height)
	}
	put(screen, 0, height-1, width,
		"q quit  ? help  / filter  c m n p i sort  r reverse  a nodes  s services  space pause", dimStyle)
}

// drawFleet draws the sums of all nodes that are not stale.
func (m *topModel) drawFleet(screen tcell.Screen, width int) {
	if m.sample == nil {
		put(screen, 0, 0, width, "daytwo top: waiting for the relay …", boldStyle)
		return
	}
	var cores, used, memory, total float64
	stale := 0
	for i := range m.sample.Agents {
		a := &m.sample.Agents[i]
		if a.Stale {
			stale++
			continue
		}
		add := func(sum *float64, v float64) {
			if v == v { // not absent
				*sum += v
			}
		}
		add(&cores, orNaN(a.Cores))
		add(&used, orNaN(a.CPUUsed))
		add(&memory, orNaN(memoryUsed(a)))
		add(&total, orNaN(a.MemoryTotal))
	}
	line := "daytwo top  " + m.sample.Time.Local().Format(time.TimeOnly) + "  " + count(len(m.sample.Agents), "node")
	if stale > 0 {
		line += fmt.Sprintf(" (%d stale)", stale)
	}
	what := "container"
	if m.options.cgroups {
		what = "cgroup"
	}
	put(screen, 0, 0, width, line+"  "+count(len(m.sample.Containers), what), boldStyle)
	cpu, mem := absent, absent
	if cores > 0 {
		cpu = formatCores(&used) + " of " + count(int(cores), "core") + " (" + formatPercent(used, cores) + ")"
	}
	if total > 0 {
		mem = formatBytes(memory) + " of " + formatBytes(total) + " (" + formatPercent(memory, total) + ")"
	}
	put(screen, 0, 1, width, "CPU "+cpu+"   MEM "+mem, plainStyle)
}

// count formats a number of things: "1 node", "2 nodes".
func count(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return strconv.Itoa(n) + " " + what
}

// state returns a line about which rows are shown.
func (m *topModel) state() (line string) {
	if m.options.match != "" {
		line += "tasks " + m.options.match + "  "
	}
	if m.options.agent != "" {
		line += "node " + m.options.agent + " (esc: all)  "
	}
	return line
}

// drawTable draws the columns that fit; the first takes the rest of the width.
func (m *topModel) drawTable(screen tcell.Screen, width, height int) {
	cs := columnsFor(m.options.agents)
	left := width
	for i, c := range cs {
		if left -= c.width + 1; left < 0 {
			cs = cs[:max(i, 1)]
			left += c.width + 1
			break
		}
	}
	widths := make([]int, len(cs))
	for i, c := range cs {
		widths[i] = c.width
	}
	widths[0] = min(widths[0]+max(left, 0), width)
	sorted := m.sortColumn()
	put(screen, 0, 3, width, pad("", width, false), headStyle)
	x := 0
	for i, c := range cs {
		style := headStyle
		if c == sorted {
			style = style.Bold(true).Underline(true)
		}
		put(screen, x, 3, widths[i], pad(c.title, widths[i], !c.left), style)
		x += widths[i] + 1
	}
	cursor := m.index()
	for y := 4; y < height-1 && m.offset+y-4 < len(m.entries); y++ {
		row := m.offset + y - 4
		e := &m.entries[row]
		base := plainStyle
		if e.agent != nil && e.agent.Stale {
			base = dimStyle
		}
		if row == cursor {
			base = headStyle
			put(screen, 0, y, width, pad("", width, false), base)
		}
		x = 0
		for i, c := range cs {
			style := base
			if row != cursor {
				style = cellStyle(c, e, base)
			}
			text := cut(printable(c.text(e, m.sample.Time)), widths[i])
			put(screen, x, y, widths[i], pad(text, widths[i], !c.left), style)
			x += widths[i] + 1
		}
	}
	if m.sample != nil && len(m.entries) == 0 {
		put(screen, 0, 4, width, "nothing to show", dimStyle)
	}
	if len(m.entries) > m.page {
		text := strconv.Itoa(cursor+1) + "/" + strconv.Itoa(len(m.entries))
		put(screen, width-len(text), 1, len(text), text, dimStyle)
	}
}

// cellStyle colours a value that is near its limit.
func cellStyle(c *column, e *topEntry, base tcell.Style) tcell.Style {
	var v float64
	switch c.name {
	case "cpu", "cpu%":
		v = e.cpuShare()
	case "memory", "mem%":
		v = e.memoryShare()
	case "state":
		v = float64(boolToInt(e.agent.Stale))
	}
	switch {
	case v >= dangerShare:
		return dangerStyle
	case v >= warnShare:
		return warnStyle
	}
	return base
}

var topHelp = []string{
	"up down pgup pgdn home end   move (also j k g G)",
	"/                            filter by name, id, image, node; esc clears it",
	"c m n p i                    sort by cpu, memory, name, pids, io; again: reverse the order",
	"left right                   sort by the next column",
	"r                            reverse the order",
	"a tab                        show nodes or containers",
	"enter                        show the containers of a node; esc: of all nodes",
	"s                            show services and slices too",
	"space                        pause",
	"q ctrl-c                     quit",
	"",
	"CPU is cores in use. CPU% and MEM% are relative to the limit, or to the node without one.",
}

// put writes text into a field of the screen, and returns the column behind it.
func put(screen tcell.Screen, x, y, width int, text string, style tcell.Style) int {
	text = cut(printable(text), width)
	screen.PutStrStyled(x, y, text, style)
	return x + uniseg.StringWidth(text)
}
