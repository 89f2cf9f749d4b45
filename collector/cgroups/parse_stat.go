package cgroups

import (
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// statParser parses memory.stat. The kernel prints the same items in the same order
// in every cgroup, so each line is first compared with the same line of the
// previous file, which saves looking up its name.
type statParser struct {
	columns map[string][]int16 // by item: the columns that take its value
	order   []statLine         // lines of the previous file
	limit   int                // greatest length of order
}

// statLine is one line of memory.stat and the columns that take its value.
type statLine struct {
	name string
	cols []int16
}

// newStatParser builds the map of columns from the Source strings of the metric
// catalogue, so that only the catalogue says which item belongs to which column.
func newStatParser(v2 bool) *statParser {
	p := &statParser{columns: map[string][]int16{}, limit: 512}
	for c := range metric.Columns(metric.Container) {
		m := &metric.Columns(metric.Container)[c]
		if item := statItem(m.Source, v2); item != "" {
			p.columns[item] = append(p.columns[item], int16(c))
		}
	}
	return p
}

// statItem returns the name of the memory.stat line in a Source string, "" if there
// is none. Source strings look like
// "memory.stat anon; total_rss (v1)", "memory.swap.current; memory.stat swap (v1)",
// "memory.kmem.usage_in_bytes (v1); memory.stat kernel". On v1 an item is the total of the
// group and those below it (total_pgfault), unless the Source says that it is the group's
// own: "memory.stat own pgfault (v1)".
func statItem(source string, v2 bool) string {
	if !strings.Contains(source, "memory.stat") {
		return ""
	}
	for alt := range strings.SplitSeq(source, ";") {
		alt = strings.TrimSpace(alt)
		bare, v1 := strings.CutSuffix(alt, " (v1)")
		item, inStat := strings.CutPrefix(bare, "memory.stat ")
		own, isOwn := strings.CutPrefix(item, "own ")
		switch {
		case isOwn && inStat && v1 && !v2:
			return own
		case v1 == v2 || strings.ContainsRune(item, ' '):
		case inStat && v1 && !strings.HasPrefix(item, "total_"):
			return "total_" + item
		case inStat || strings.HasPrefix(item, "total_"):
			return item
		}
	}
	return ""
}

// parse writes to row the items in b whose columns belong to parts.
func (p *statParser) parse(b []byte, parts Parts, row []int64) {
	for i := 0; len(b) > 0; i++ {
		if i < len(p.order) {
			o := &p.order[i]
			if n := len(o.name); len(b) > n && b[n] == ' ' && string(b[:n]) == o.name {
				v, rest, ok := parseInt(b[n+1:])
				if ok {
					for _, c := range o.cols {
						if parts.Has(columnParts[c]) {
							row[c] = v
						}
					}
				}
				if len(rest) > 0 && rest[0] == '\n' {
					b = rest[1:]
				} else {
					_, b = cutLine(rest)
				}
				continue
			}
		}
		var line []byte
		line, b = cutLine(b)
		name, num := cutField(line)
		cols := p.columns[string(name)]
		if i < p.limit {
			p.learn(i, name, cols)
		}
		if v, _, ok := parseInt(num); ok {
			for _, c := range cols {
				if parts.Has(columnParts[c]) {
					row[c] = v
				}
			}
		}
	}
}

// learn stores name as line i of the order.
func (p *statParser) learn(i int, name []byte, cols []int16) {
	l := statLine{name: string(name), cols: cols}
	if i < len(p.order) {
		p.order[i] = l
	} else if i == len(p.order) {
		p.order = append(p.order, l)
	}
}
