package logs

import (
	"context"

	"github.com/daytwo/daytwo/collector/journal"
)

// indexed reports whether the index alone says which entries of the journal a plan selects,
// but for their priority: whose an entry is has to be read in it, and so has a line that is in
// pieces.
func (o *opened) indexed(p *plan) bool {
	for k := range units {
		if p.names[k] != nil {
			return false
		}
	}
	return p.grep == nil && !p.scoped && p.matches == nil && !o.pieces()
}

// heads calls fn at each entry of a plan that matches one thing more, of which only the time
// was read.
func (o *opened) heads(ctx context.Context, p *plan, more journal.Match, fn func(r *journal.Reader) bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	r := o.j.Reader(journal.All(p.match, more))
	defer r.Close()
	if p.since > 0 {
		r.SeekRealtime(uint64(p.since))
	}
	for n := 1; r.Next(); n++ {
		if n%checkEvery == 0 && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if at := int64(r.Realtime()); at > p.until || at >= p.since && !fn(r) {
			return nil
		}
	}
	return nil
}

// files are the plan's sources but for the journal; nil if there is none.
func (o *opened) files(p *plan) source {
	if len(p.files) == 0 {
		return nil
	}
	m := &merged{none: state{p: p}}
	for _, i := range p.files[:min(len(p.files), maxLogFiles)] {
		m.kids = append(m.kids, newKid(o.file(p, i), i.id()))
	}
	return m
}

// priorities are the values of PRIORITY, each at its own index.
var priorities = journal.NewPayloads("PRIORITY=0", "PRIORITY=1", "PRIORITY=2", "PRIORITY=3", "PRIORITY=4", "PRIORITY=5",
	"PRIORITY=6", "PRIORITY=7")

// countByIndex counts the entries of the journal that a plan selects. It tells priorities by
// where the journal has them, and reads no field.
func (b *buckets) countByIndex(ctx context.Context, o *opened, p *plan) error {
	return o.heads(ctx, p, journal.Match{}, func(r *journal.Reader) bool {
		n, err := r.Which(priorities)
		if err != nil || n < 0 {
			n = defaultPriority // files that cannot be read are told of by whoever reads entries
		}
		if p.priority != nil && (n < p.priority.Min || n > p.priority.Max) {
			return true
		}
		return b.add(int64(r.Realtime()), n)
	})
}

// maxLookedUp bounds how many values are looked up one by one.
const maxLookedUp = 1000

// valuesByIndex adds the values of a field that the plan's entries in the journal have. It
// reports whether it did: not if the field has many values.
func (s *smallest) valuesByIndex(ctx context.Context, o *opened, p *plan, field string) (bool, error) {
	if p.priority != nil && p.indexPriority().Everything() {
		return false, nil // entries without a priority count, too
	}
	var all []string
	o.j.Values(field, func(value []byte) bool {
		all = append(all, string(value))
		return len(all) <= maxLookedUp && ctx.Err() == nil
	})
	if ctx.Err() != nil {
		return false, context.Cause(ctx)
	}
	if len(all) > maxLookedUp {
		return false, nil
	}
	for _, v := range all {
		err := o.heads(ctx, p, journal.Equal(field, v), func(*journal.Reader) bool {
			s.add([]byte(v))
			return false
		})
		if err != nil {
			return false, err
		}
	}
	return true, nil
}
