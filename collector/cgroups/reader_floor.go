package cgroups

import "github.com/daytwo/daytwo/api/metric"

// floor keeps counters from stepping back when a part changes readers: BPF has
// nanoseconds where text has microseconds, and is read a moment earlier. A
// counter that text shows a little below what BPF showed last is held there
// until it has caught up. One that is far below was wrong before: it is shown
// as the kernel has it now.
type floor struct {
	// What was shown last, while BPF serves parts.
	groups []*Group
	gen    uint64
	vals   []int64
	ioRows []IORow
	ioVals []int64

	rows map[uint64]*floorRow // by Group.ID; nil while nothing is held
	of   []*floorRow          // rows of the groups of gen
	held uint64               // Snapshot.Gen of of
}

type floorRow struct {
	vals []int64
	io   map[Device][ioWidth]int64
}

// keep notes what s shows. The values stay where they are, so the next walk
// must not write there; the slice that was kept until now is free for it.
func (f *floor) keep(s *Snapshot, bpf Parts) (spare []int64) {
	spare = f.turn(s.Vals)
	if f.gen != s.Gen {
		f.gen = s.Gen
		f.groups = append(f.groups[:0], s.Groups...)
	}
	if bpf.Has(PartIO) {
		f.ioRows = append(f.ioRows[:0], s.IO...)
		f.ioVals = append(f.ioVals[:0], s.IOVals...)
	}
	return spare
}

// turn gives another slice for values than the one that is shown.
func (f *floor) turn(shown []int64) (spare []int64) {
	spare, f.vals = f.vals, shown
	return spare
}

// fix holds the counters of parts at what was shown last.
func (f *floor) fix(parts Parts) {
	w := metric.Width(metric.Container)
	if parts == 0 || len(f.vals) < len(f.groups)*w || len(f.groups) == 0 {
		return
	}
	if f.rows == nil {
		f.rows = map[uint64]*floorRow{}
	}
	f.held = 0
	for i, g := range f.groups {
		r := f.rows[g.ID]
		if r == nil {
			r = &floorRow{vals: make([]int64, w)}
			for c := range r.vals {
				r.vals[c] = metric.Absent
			}
			f.rows[g.ID] = r
		}
		for c := range r.vals {
			if parts.Has(columnParts[c]) && metric.Columns(metric.Container)[c].Type == metric.Counter {
				r.vals[c] = f.vals[i*w+c]
			}
		}
	}
	if !parts.Has(PartIO) {
		return
	}
	for k, io := range f.ioRows {
		r := f.rows[f.groups[io.Group].ID]
		if r.io == nil {
			r.io = map[Device][ioWidth]int64{}
		}
		r.io[io.Device] = [ioWidth]int64(f.ioVals[k*ioWidth:])
	}
}

// apply lifts the counters of s that are below their floor and tells how many.
func (f *floor) apply(s *Snapshot) (lifted uint64) {
	if f.rows == nil {
		return 0
	}
	if f.held != s.Gen {
		f.held = s.Gen
		f.of = f.of[:0]
		rows := make(map[uint64]*floorRow, len(s.Groups))
		for _, g := range s.Groups {
			r := f.rows[g.ID]
			f.of = append(f.of, r)
			if r != nil {
				rows[g.ID] = r
			}
		}
		f.rows = rows
	}
	busy := false
	for i, r := range f.of {
		if r == nil {
			continue
		}
		low := false
		row := s.Row(i)
		for c, was := range r.vals {
			if was == metric.Absent {
				continue
			}
			if lift(&row[c], was, &metric.Columns(metric.Container)[c]) {
				lifted++
				low = true
			} else {
				r.vals[c] = metric.Absent
			}
		}
		if !low && r.io == nil {
			f.of[i] = nil
			delete(f.rows, s.Groups[i].ID)
		}
		busy = busy || low || r.io != nil
	}
	for k, io := range s.IO {
		r := f.of[io.Group]
		if r == nil || r.io == nil {
			continue
		}
		was, ok := r.io[io.Device]
		if !ok {
			continue
		}
		low := false
		for c := range was {
			if lift(&s.IOVals[k*ioWidth+c], was[c], &metric.Columns(metric.ContainerIO)[c]) {
				lifted++
				low = true
			}
		}
		if !low {
			delete(r.io, io.Device)
		}
		if len(r.io) == 0 {
			r.io = nil
		}
	}
	if !busy {
		f.rows, f.of = nil, nil
	}
	return lifted
}

// lift raises v to was if it is a little below, and tells whether it did.
func lift(v *int64, was int64, m *metric.Metric) bool {
	slack := max(64, was/1000)
	if m.Unit == metric.Nanoseconds {
		slack = max(20e6, was/1000)
	}
	if *v == metric.Absent || was == metric.Absent || *v >= was || was-*v > slack {
		return false
	}
	*v = was
	return true
}
