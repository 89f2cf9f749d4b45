package cli

import (
	"io"
	"strings"
	"unicode"

	"github.com/rivo/uniseg"
)

// table is aligned columns of text.
type table struct {
	rows  [][]string
	right []bool // columns aligned to the right

	widths []int // of what is printed already
}

// header names the columns; a name that begins with ">" aligns its column to
// the right.
func (t *table) header(names ...string) {
	t.right = make([]bool, len(names))
	row := make([]string, len(names))
	for i, n := range names {
		row[i], t.right[i] = strings.CutPrefix(n, ">")
	}
	t.rows = append(t.rows, row)
}

func (t *table) row(cells ...string) {
	row := make([]string, len(cells))
	for i, c := range cells {
		row[i] = printable(c)
	}
	t.rows = append(t.rows, row)
}

// print writes the rows, and lets go of them: more may follow.
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

func pad(s string, width int, right bool) string {
	fill := strings.Repeat(" ", max(0, width-uniseg.StringWidth(s)))
	if right {
		return fill + s
	}
	return s + fill
}

// cut shortens s to a width on the screen.
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

// printable takes out what could move the cursor or change the terminal: names
// of containers are anybody's.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}
