package cgroups

import "github.com/daytwo/daytwo/api/metric"

// floor prevents counters from decreasing when a part is handed over from BPF to
// files. BPF reads nanoseconds where the files have microseconds, and the last
// BPF reading may be slightly newer than the kernel's text. If the files show a
// counter slightly below the value that BPF showed last, the BPF value is shown
// until the files have caught up. If they show it far below, the BPF value was
// wrong, and the files' value is shown at once.
type floor struct {
	// The values of the last Snapshot, recorded while BPF serves any part.
	groups []*Group
	gen    uint64
	vals   []int64
	ioRows []IORow
	ioVals []int64

	rows     map[uint64]*floorRow // by Group.ID; nil while no counter has a floor
	byRow    []*floorRow          // the same, by row of the Snapshot with generation byRowGen; nil: no floor
	byRowGen uint64               // Snapshot.Gen for which byRow was made; 0: none
}

// floorRow holds the floor of one group's values. metric.Absent means no floor.
type floorRow struct {
	vals []int64
	io   map[Device][ioWidth]int64
}

// record stores the values of s as those shown last. It holds on to s.Vals, so the
// next walk must not write to that slice. It returns the slice that it held
// before, which the caller may overwrite.
func (f *floor) record(s *Snapshot, bpf Parts) (spare []int64) {
	spare = f.swapVals(s.Vals)
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

// swapVals holds on to shown, and returns the slice that it held before, which
// the caller may overwrite.
func (f *floor) swapVals(shown []int64) (spare []int64) {
	spare, f.vals = f.vals, shown
	return spare
}

// hold makes the values shown last the floor of the counters of parts.
func (f *floor) hold(parts Parts) {
	w := metric.Width(metric.Container)
	if parts == 0 || len(f.vals) < len(f.groups)*w || len(f.groups) == 0 {
		return
	}
	if f.rows == nil {
		f.rows = map[uint64]*floorRow{}
	}
	f.byRowGen = 0
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

// apply raises the counters of s that are slightly below their floor to it, and
// returns how many it raised. It drops the floors that s has reached.
func (f *floor) apply(s *Snapshot) (lifted uint64) {
	if f.rows == nil {
		return 0
	}
	if f.byRowGen != s.Gen {
		f.byRowGen = s.Gen
		f.byRow = f.byRow[:0]
		rows := make(map[uint64]*floorRow, len(s.Groups))
		for _, g := range s.Groups {
			r := f.rows[g.ID]
			f.byRow = append(f.byRow, r)
			if r != nil {
				rows[g.ID] = r
			}
		}
		f.rows = rows
	}
	busy := false
	for i, r := range f.byRow {
		if r == nil {
			continue
		}
		low := false
		row := s.Row(i)
		for c, was := range r.vals {
			if was == metric.Absent {
				continue
			}
			if raise(&row[c], was, &metric.Columns(metric.Container)[c]) {
				lifted++
				low = true
			} else {
				r.vals[c] = metric.Absent
			}
		}
		if !low && r.io == nil {
			f.byRow[i] = nil
			delete(f.rows, s.Groups[i].ID)
		}
		busy = busy || low || r.io != nil
	}
	for k, io := range s.IO {
		r := f.byRow[io.Group]
		if r == nil || r.io == nil {
			continue
		}
		was, ok := r.io[io.Device]
		if !ok {
			continue
		}
		low := false
		for c := range was {
			if raise(&s.IOVals[k*ioWidth+c], was[c], &metric.Columns(metric.ContainerIO)[c]) {
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
		f.rows, f.byRow = nil, nil
	}
	return lifted
}

// raise sets v to was if v is slightly below: by at most 0.1 %, or by a fixed
// small amount (20 ms for times, else 64). It reports whether it did.
func raise(v *int64, was int64, m *metric.Metric) bool {
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
