package sink

import (
	"slices"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
)

// least is the size in bytes to which no field is cut further.
const least = 64

// CutTo returns a copy of the record whose content has at most size bytes: its longest
// fields are cut, at the border of a character where they are text. The second result is
// false if the record cannot be cut any further.
func (r *Record) CutTo(size int) (*Record, bool) {
	c := *r
	if r.Event != nil {
		e := *r.Event
		if len(e.Message) <= least {
			return r, false
		}
		keep := max(least, len(e.Message)-(r.Size-size))
		c.Cut = max(c.Cut, len(e.Message))
		e.Message = string(cut([]byte(e.Message), keep))
		c.Size -= len(r.Event.Message) - len(e.Message)
		c.Event = &e
		return &c, c.Size < r.Size
	}
	e := *r.Entry
	e.Fields = slices.Clone(e.Fields)
	c.Entry = &e
	order := make([]int, len(e.Fields))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return len(e.Fields[b].Value) - len(e.Fields[a].Value) })
	for _, i := range order {
		v := e.Fields[i].Value
		if c.Size <= size || len(v) <= least {
			break
		}
		short := cut(v, max(least, len(v)-(c.Size-size)))
		e.Fields[i] = entry.Field{Name: e.Fields[i].Name, Value: short}
		c.Size -= len(v) - len(short)
		c.Cut = max(c.Cut, len(v))
	}
	return &c, c.Size < r.Size
}

// cut returns the first n bytes of v, or up to three fewer so that no character is torn.
func cut(v []byte, n int) []byte {
	if n >= len(v) {
		return v
	}
	for i := n; i > n-utf8.UTFMax && i > 0; i-- {
		if utf8.RuneStart(v[i]) {
			return v[:i]
		}
	}
	return v[:n]
}
