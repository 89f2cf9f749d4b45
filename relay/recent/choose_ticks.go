package recent

import (
	"cmp"
	"slices"
)

// choose selects the ticks to read, sorted by run and sequence number. Of each run these
// are the last tick at or before the start of the span, as the base that counts are
// subtracted from, and then all ticks in the span; or, if they are more than t.maxTicks,
// the last tick of each piece of the span. It leaves out incomplete ticks.
func (t *sketchQuery) choose(src []source) ([][]*source, error) {
	byTick := map[partID][]*source{}
	for i := range src {
		if r := &src[i]; !r.keyOnly {
			id := partID{boot: r.Boot, seq: r.Seq}
			byTick[id] = append(byTick[id], r)
		}
	}
	var ticks [][]*source
	base := map[uint64][]*source{} // by run
	for _, parts := range byTick {
		h := &parts[0].Header
		switch {
		case len(parts) != int(h.Parts) || h.Time > t.q.End:
		case h.Time > t.q.Start:
			ticks = append(ticks, parts)
		case t.set != nil: // sets need no base
		case base[h.Boot] == nil || h.Seq > base[h.Boot][0].Seq:
			base[h.Boot] = parts
		}
	}
	for _, parts := range base {
		ticks = append(ticks, parts)
	}
	slices.SortFunc(ticks, func(a, b []*source) int {
		return cmp.Or(cmp.Compare(a[0].Boot, b[0].Boot), cmp.Compare(a[0].Seq, b[0].Seq))
	})
	if t.set != nil {
		return t.chooseForSets(ticks)
	}
	if len(ticks) <= t.maxTicks {
		return ticks, nil
	}
	pieceOf := t.pieces()
	chosen := ticks[:0]
	for i, p := range ticks {
		if i+1 < len(ticks) && ticks[i+1][0].Boot == p[0].Boot && p[0].Time > t.q.Start &&
			pieceOf(ticks[i+1]) == pieceOf(p) {
			continue
		}
		chosen = append(chosen, p)
	}
	return chosen, nil
}

// pieces divides the span into about t.maxTicks pieces, so that none is in two steps. It
// returns a function that returns the number of the piece that contains a tick.
func (t *sketchQuery) pieces() func([]*source) int64 {
	piece := max(1, (t.q.End-t.q.Start)/int64(t.maxTicks))
	step := t.q.Step
	if step <= 0 {
		step = t.q.End - t.q.Start
	}
	n := max(1, step/piece) // pieces of a step
	piece = (step + n - 1) / n
	return func(p []*source) int64 {
		at := p[0].Time - t.q.Start - 1
		return at/step*n + at%step/piece
	}
}
