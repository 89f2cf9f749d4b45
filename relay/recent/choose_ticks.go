package recent

import (
	"cmp"
	"slices"
)

// choose selects the ticks to read, run by run: the last at or before the start, to
// count from, and then all, or of a long span the last in each piece of it. Ticks
// of which a part is missing are left out.
func (t *sketchQuery) choose(src []source) ([][]*source, error) {
	byTick := map[partID][]*source{}
	for i := range src {
		if r := &src[i]; !r.only {
			id := partID{boot: r.Boot, seq: r.Seq}
			byTick[id] = append(byTick[id], r)
		}
	}
	var ticks [][]*source
	from := map[uint64][]*source{} // by run
	for _, parts := range byTick {
		h := &parts[0].Header
		switch {
		case len(parts) != int(h.Parts) || h.Time > t.q.End:
		case h.Time > t.q.Start:
			ticks = append(ticks, parts)
		case t.set != nil: // which counts from nothing
		case from[h.Boot] == nil || h.Seq > from[h.Boot][0].Seq:
			from[h.Boot] = parts
		}
	}
	for _, parts := range from {
		ticks = append(ticks, parts)
	}
	slices.SortFunc(ticks, func(a, b []*source) int {
		return cmp.Or(cmp.Compare(a[0].Boot, b[0].Boot), cmp.Compare(a[0].Seq, b[0].Seq))
	})
	if t.set != nil {
		return t.chooseForSets(ticks)
	}
	if len(ticks) <= t.most {
		return ticks, nil
	}
	of := t.pieces()
	chosen := ticks[:0]
	for i, p := range ticks {
		if i+1 < len(ticks) && ticks[i+1][0].Boot == p[0].Boot && p[0].Time > t.q.Start && of(ticks[i+1]) == of(p) {
			continue
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// pieces cuts the span into about t.most pieces, and each step into whole ones. It
// returns a function that numbers the piece of a tick.
func (t *sketchQuery) pieces() func([]*source) int64 {
	piece := max(1, (t.q.End-t.q.Start)/int64(t.most))
	step := t.q.Step
	if step <= 0 {
		step = t.q.End - t.q.Start
	}
	n := max(1, step/piece) // of a step
	piece = (step + n - 1) / n
	return func(p []*source) int64 {
		at := p[0].Time - t.q.Start - 1
		return at/step*n + at%step/piece
	}
}
