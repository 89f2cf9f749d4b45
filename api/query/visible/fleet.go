package visible

import (
	"sync"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/query"
)

// Fleet returns a fleet that has only visible rows, and only agents of which at least one
// row, or the agent as such, is visible.
func Fleet(f query.Fleet, see Filter) query.Fleet { return &fleet{all: f, see: see} }

type fleet struct {
	all query.Fleet
	see Filter
}

// batches are reused: a tick of a large node has megabytes.
var batches = sync.Pool{New: func() any { return new(frame.Batch) }}

// Agents implements query.Fleet. It reads the newest tick of each agent.
func (f *fleet) Agents() []query.Agent {
	all := f.all.Agents()
	out := make([]query.Agent, 0, len(all))
	for _, a := range all {
		whole := f.see(a.ID, &nothing)
		found := whole
		a.Containers, a.Cgroups = 0, 0
		// An agent whose tick cannot be read is visible only as such.
		_ = f.all.View(a.ID, func(b *frame.Batch) {
			parents := containers(b)
			for i := range b.Tables {
				t := &b.Tables[i]
				for _, r := range t.Rows {
					if !f.see.row(b.Agent, r, parents[r.Parent]) {
						continue
					}
					found = true
					if t.Kind != metric.Container {
						break // one row tells enough
					}
					a.Cgroups++
					if r.Label("container_id") != "" {
						a.Containers++
					}
				}
			}
		})
		if found {
			out = append(out, a)
		}
	}
	return out
}

// View implements query.Fleet. The batch has only visible rows; its tables have no
// generation, since another asker's have others. An agent without any is unknown.
func (f *fleet) View(agent string, fn func(*frame.Batch)) error {
	found := f.see(agent, &nothing)
	err := f.all.View(agent, func(src *frame.Batch) {
		b := batches.Get().(*frame.Batch)
		defer release(b)
		if copyVisible(b, src, f.see) || found {
			found = true
			fn(b)
		}
	})
	if !found {
		return query.ErrUnknownAgent
	}
	return err
}

// copyVisible makes dst the visible part of src, and reports whether there is any. Rows,
// histograms and sets are shared.
func copyVisible(dst, src *frame.Batch, see Filter) bool {
	dst.Header = src.Header
	if cap(dst.Tables) < len(src.Tables) {
		dst.Tables = append(dst.Tables[:cap(dst.Tables)], make([]frame.Table, len(src.Tables)-cap(dst.Tables))...)
	}
	dst.Tables = dst.Tables[:len(src.Tables)]
	parents := containers(src)
	found := false
	for i := range src.Tables {
		s, d := &src.Tables[i], &dst.Tables[i]
		d.Kind, d.Gen = s.Kind, 0
		d.Rows, d.Vals, d.Histograms, d.Sets = d.Rows[:0], d.Vals[:0], d.Histograms[:0], d.Sets[:0]
		for n, r := range s.Rows {
			if !see.row(src.Agent, r, parents[r.Parent]) {
				continue
			}
			found = true
			d.Rows = append(d.Rows, r)
			d.Vals = append(d.Vals, s.Row(n)...)
			if len(s.Histograms) > 0 {
				d.Histograms = append(d.Histograms, s.Histograms[n])
			}
			if len(s.Sets) > 0 {
				d.Sets = append(d.Sets, s.Sets[n])
			}
		}
	}
	return found
}

// containers returns the rows of containers by their IDs.
func containers(b *frame.Batch) map[uint64]*frame.Row {
	t := b.Table(metric.Container)
	if t == nil {
		return nil
	}
	m := make(map[uint64]*frame.Row, len(t.Rows))
	for _, r := range t.Rows {
		m[r.ID] = r
	}
	return m
}

// release returns a batch for reuse. It drops the rows, so that those of ended containers
// can be freed.
func release(b *frame.Batch) {
	for i := range b.Tables {
		t := &b.Tables[i]
		clear(t.Rows)
		clear(t.Histograms)
		clear(t.Sets)
	}
	batches.Put(b)
}
