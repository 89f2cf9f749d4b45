package query

import (
	"sync"

	"github.com/daytwo/daytwo/api/frame"
)

// CopyBatch makes dst the same tick as src, reusing dst's memory. Rows are
// shared: they are immutable.
func CopyBatch(dst, src *frame.Batch) {
	dst.Header = src.Header
	tables := dst.Tables[:cap(dst.Tables)]
	if len(tables) < len(src.Tables) {
		tables = append(tables, make([]frame.Table, len(src.Tables)-len(tables))...)
	}
	for i := range src.Tables {
		s, d := &src.Tables[i], &tables[i]
		d.Kind, d.Gen = s.Kind, s.Gen
		d.Rows = append(d.Rows[:0], s.Rows...)
		d.Vals = append(d.Vals[:0], s.Vals...)
		d.SetHistograms(s.Histograms)
		d.SetSets(s.Sets)
	}
	dst.Tables = tables[:len(src.Tables)]
}

// batches are reused by readers that need a tick for longer than they may stay in View: a
// slow HTTP client must not block the fleet.
var batches = sync.Pool{New: func() any { return new(frame.Batch) }}

// Snapshot returns a copy of an agent's newest tick. The caller returns it with Release.
// The errors are those of Fleet.View.
func Snapshot(f Fleet, agent string) (*frame.Batch, error) {
	b := batches.Get().(*frame.Batch)
	if err := f.View(agent, func(src *frame.Batch) { CopyBatch(b, src) }); err != nil {
		Release(b)
		return nil, err
	}
	return b, nil
}

// Release returns a snapshot for reuse. It drops the rows, so that those of ended
// containers can be freed.
func Release(b *frame.Batch) {
	for i := range b.Tables {
		clear(b.Tables[i].Rows)
	}
	batches.Put(b)
}
