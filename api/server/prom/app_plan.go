package prom

import (
	"cmp"
	"slices"
	"sync"

	"github.com/daytwo/daytwo/api/metric"
)

// appPlan assigns rows to families. It is immutable.
type appPlan struct {
	of       []*appRows // rows that it was made for
	families []appFamily
	taken    claimedNames      // names of all samples
	clashes  map[appRef]string // tags plus seriesLabel, of rows whose labels are otherwise those of another row
}

type appFamily struct {
	name, raw, typ string
	rows           []appRef
}

// appRef is a row of one of the sources of a scrape.
type appRef struct{ source, row int32 }

// appPlans caches the plan of the last scrape: rows change rarely.
type appPlans struct {
	mu   sync.Mutex
	last *appPlan
}

func (p *appPlans) of(sources []source) *appPlan {
	of := make([]*appRows, len(sources))
	for i := range sources {
		of[i] = sources[i].app
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || !slices.Equal(p.last.of, of) {
		p.last = makePlan(of, sources)
	}
	return p.last
}

// makePlan groups rows into families. Where rows of one name have several types, the
// name is that of the type that came first: the one with the lowest row ID at the
// first agent that has the name. Families of other types get the type as suffix, and
// so do those whose name is one of daytwo's own metrics. Rows of a family whose
// labels are the same as Prometheus' labels get one more, seriesLabel.
func makePlan(of []*appRows, sources []source) *appPlan {
	type key struct{ name, typ string }
	type family struct {
		appFamily
		source int
		first  uint64 // lowest row ID in source
		seen   map[[2]string]appRef
	}
	clashes := map[appRef]string{}
	// clash adds seriesLabel to rows that were sent with different names or tags.
	clash := func(f *family, refs ...appRef) {
		for _, r := range refs {
			if _, ok := clashes[r]; ok {
				continue
			}
			a := of[r.source]
			text := appendSeriesLabel(a.tags[r.row], sources[r.source].table.Rows[r.row])
			if _, ok := f.seen[[2]string{a.containers[r.row], text}]; !ok {
				f.seen[[2]string{a.containers[r.row], text}] = r
				clashes[r] = text
			}
		}
	}
	byKey := map[key]*family{}
	for s, a := range of {
		for i, name := range a.names {
			if name == "" {
				continue
			}
			f := byKey[key{name, a.types[i]}]
			if f == nil {
				f = &family{appFamily{name: name, raw: sources[s].table.Rows[i].Key, typ: a.types[i]}, s, a.ids[i],
					map[[2]string]appRef{}}
				byKey[key{name, a.types[i]}] = f
			}
			if f.source == s {
				f.first = min(f.first, a.ids[i])
			}
			ref, labels := appRef{int32(s), int32(i)}, [2]string{a.containers[i], a.tags[i]}
			if other, ok := f.seen[labels]; ok {
				clash(f, other, ref)
				if clashes[ref] == "" {
					continue
				}
			} else {
				f.seen[labels] = ref
			}
			f.rows = append(f.rows, ref)
		}
	}
	all := make([]*family, 0, len(byKey))
	for _, f := range byKey {
		f.seen = nil
		all = append(all, f)
	}
	slices.SortFunc(all, func(x, y *family) int {
		return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.source, y.source), cmp.Compare(x.first, y.first),
			cmp.Compare(x.typ, y.typ))
	})
	names := claimedNames{}
	var second []*family
	for i, f := range all {
		if i > 0 && all[i-1].name == f.name || !names.claim(f.name, f.typ) {
			second = append(second, f)
		}
	}
	for _, f := range second { // after all first ones, which keep their names
		f.name += "_" + metric.AppTypeName(f.typ)
		for !names.claim(f.name, f.typ) {
			f.name += "_" + metric.AppTypeName(f.typ)
		}
	}
	slices.SortFunc(all, func(x, y *family) int { return cmp.Compare(x.name, y.name) })
	plan := &appPlan{of: of, taken: names, clashes: clashes}
	for _, f := range all {
		plan.families = append(plan.families, f.appFamily)
	}
	return plan
}
