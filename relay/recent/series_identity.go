package recent

import (
	"cmp"
	"encoding/binary"
	"slices"
	"sort"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
)

// identity returns a string that is equal for two rows if and only if their keys and
// labels, and those of their parents, are equal.
func identity(row, parent *frame.Row) string {
	var b []byte
	put := func(s string) {
		b = binary.AppendUvarint(b, uint64(len(s)))
		b = append(b, s...)
	}
	for _, r := range []*frame.Row{parent, row} {
		if r != nil {
			put(r.Key)
			for _, l := range r.Labels {
				put(l.Name)
				put(l.Value)
			}
		}
		put("")
	}
	return string(b)
}

// finish returns the series that have points, each sorted by time.
func (g *agentReader) finish() []query.Series {
	var out []query.Series
	for _, p := range g.order {
		if len(p.Times) == 0 {
			continue
		}
		if !slices.IsSorted(p.Times) {
			sort.Stable(byTime{p.Times, p.Values})
		}
		out = append(out, p.Series)
	}
	slices.SortStableFunc(out, func(a, b query.Series) int { return cmp.Compare(a.Row.Key, b.Row.Key) })
	return out
}

type byTime struct{ times, values []int64 }

func (b byTime) Len() int { return len(b.times) }

func (b byTime) Less(i, j int) bool { return b.times[i] < b.times[j] }

func (b byTime) Swap(i, j int) {
	b.times[i], b.times[j] = b.times[j], b.times[i]
	b.values[i], b.values[j] = b.values[j], b.values[i]
}
