package cli

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/gdamore/tcell/v2"
)

// maxFilter is the longest filter, in bytes.
const maxFilter = 128

// liveScreen is the part of a model that every live screen has, with its keys.
type liveScreen struct {
	failure error // of the last query
	filter  string
	typing  bool // the filter is being typed
	help    bool
	paused  bool
	offset  int // first row on the screen
	page    int // rows on the screen
}

// sharedKey handles a key that every screen has. own says that it is one of the screen's
// own.
func (s *liveScreen) sharedKey(ev *tcell.EventKey) (quit, own bool) {
	switch {
	case ev.Key() == tcell.KeyCtrlC:
		return true, false
	case s.help:
		s.help = false // any key closes it
		return false, false
	case s.typing:
		s.typeKey(ev)
		return false, false
	case ev.Key() != tcell.KeyRune:
		return false, true
	}
	switch ev.Rune() {
	case 'q':
		return true, false
	case '?', 'h':
		s.help = true
	case '/':
		s.typing = true
	case ' ':
		s.paused = !s.paused
	default:
		return false, true
	}
	return false, false
}

// typeKey handles a key while the filter is typed.
func (s *liveScreen) typeKey(ev *tcell.EventKey) {
	switch ev.Key() {
	case tcell.KeyEnter:
		s.typing = false
	case tcell.KeyEscape:
		s.typing, s.filter = false, ""
	case tcell.KeyBackspace, tcell.KeyBackspace2:
		_, n := utf8.DecodeLastRuneInString(s.filter)
		s.filter = s.filter[:len(s.filter)-n]
	case tcell.KeyCtrlU:
		s.filter = ""
	case tcell.KeyRune:
		if len(s.filter) < maxFilter {
			s.filter += string(ev.Rune())
		}
	}
}

// toEnd is more rows than any table has.
const toEnd = 1 << 30

// step returns by how many rows a key moves, and whether it moves at all.
func (s *liveScreen) step(ev *tcell.EventKey) (rows int, moves bool) {
	key := ev.Key()
	if key == tcell.KeyRune {
		i := strings.IndexRune("kjgG", ev.Rune())
		if i < 0 {
			return 0, false
		}
		key = []tcell.Key{tcell.KeyUp, tcell.KeyDown, tcell.KeyHome, tcell.KeyEnd}[i]
	}
	switch key {
	case tcell.KeyUp:
		return -1, true
	case tcell.KeyDown:
		return 1, true
	case tcell.KeyPgUp:
		return -s.page, true
	case tcell.KeyPgDn:
		return s.page, true
	case tcell.KeyHome:
		return -toEnd, true
	case tcell.KeyEnd:
		return toEnd, true
	}
	return 0, false
}

// shows reports whether one of the words contains the filter.
func (s *liveScreen) shows(words ...string) bool {
	f := strings.ToLower(s.filter)
	has := func(w string) bool { return strings.Contains(strings.ToLower(w), f) }
	return f == "" || slices.ContainsFunc(words, has)
}

// drawState draws the filter while it is typed, else an error, else a line about the rows.
func (s *liveScreen) drawState(screen tcell.Screen, width int, line string) {
	switch {
	case s.typing:
		end := put(screen, 0, 2, width-1, "filter: "+s.filter, boldStyle)
		screen.ShowCursor(end, 2)
		return
	case s.failure != nil:
		put(screen, 0, 2, width, "! "+s.failure.Error(), dangerStyle)
		return
	}
	if s.filter != "" {
		line += "filter " + s.filter + " (esc: none)  "
	}
	if s.paused {
		line += "PAUSED  "
	}
	put(screen, 0, 2, width, line, plainStyle)
}

// drawHelp draws lines in place of the table.
func drawHelp(screen tcell.Screen, width, height int, lines []string) {
	for i, line := range lines {
		if y := i + 3; y < height-1 {
			put(screen, 0, y, width, line, plainStyle)
		}
	}
}
