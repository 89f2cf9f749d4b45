package cli

import (
	"io"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// table prints text in aligned columns.
type table struct {
	rows  [][]string
	right []bool // columns aligned to the right

	widths []int // of the rows printed so far
}

// header adds the names of the columns; a ">" before a name aligns the column to
// the right.
func (t *table) header(names ...string) {
	t.right = make([]bool, len(names))
	row := make([]string, len(names))
	for i, n := range names {
		row[i], t.right[i] = strings.CutPrefix(n, ">")
	}
	t.rows = append(t.rows, row)
}

// row adds a row.
func (t *table) row(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = printable(c)
	}
	t.rows = append(t.rows, row)
}

// print writes the rows and forgets them; further rows may follow.
func (t *table) print(w io.Writer) error {
	widths := t.widths
	for _, row := range t.rows {
		for i, c := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], uniseg.StringWidth(c))
		}
	}
	var b strings.Builder
	for _, row := range t.rows {
		line := ""
		for i, c := range row {
			if i > 0 {
				line += "  "
			}
			line += pad(c, widths[i], i < len(t.right) && t.right[i])
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	t.rows, t.widths = nil, widths
	_, err := io.WriteString(w, b.String())
	return err
}

// pad fills s with spaces to a width on the screen.
func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-uniseg.StringWidth(s)))
	if right {
		return fill + s
	}
	return s + fill
}

// cut shortens s to a width on the screen, with an ellipsis.
func cut(s string, width int) string {
	if uniseg.StringWidth(s) <= width {
		return s
	}
	var b strings.Builder
	left := width - 1
	for g := uniseg.NewGraphemes(s); g.Next() && g.Width() <= left; left -= g.Width() {
		b.WriteString(g.Str())
	}
	if width > 0 {
		b.WriteString("…")
	}
	return b.String()
}

// printable replaces control characters, which could move the cursor or change the
// terminal: anybody may have named a container.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
