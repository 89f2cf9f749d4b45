package prom

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// appRows is what a table of kind App is exposed by, but for its values. Never
// changed once made.
type appRows struct {
	ids        []uint64
	names      []string // sanitised; "" for a row that is not shown
	types      []string
	containers []string // label texts of the container and the agent, without braces
	tags       []string // label texts of the tags, without braces
}

// makeAppRows makes the texts of all rows, taking over from before those that stay.
func makeAppRows(b *frame.Batch, t *frame.Table, agentLabel bool, before *appRows) *appRows {
	n := len(t.Rows)
	a := &appRows{make([]uint64, n), make([]string, n), make([]string, n), make([]string, n), make([]string, n)}
	agent := ""
	if agentLabel {
		agent = b.Agent
	}
	parents := parentRows(b, t.Kind)
	known := map[uint64]int{}
	if before != nil {
		for i, id := range before.ids {
			known[id] = i
		}
	}
	texts := map[uint64]string{} // of containers, by row
	var buf []byte
	for i, r := range t.Rows {
		a.ids[i] = r.ID
		if j, ok := known[r.ID]; ok && before.names[j] != "" {
			a.names[i], a.types[i], a.containers[i], a.tags[i] = before.names[j], before.types[j], before.containers[j], before.tags[j]
			continue
		}
		typ := r.Label("type")
		parent, ok := parents[r.Parent]
		if !ok && r.Parent != 0 || metric.AppTypeName(typ) == "" || r.Key == "" {
			continue
		}
		text, ok := texts[r.Parent]
		if !ok || parent == nil { // a sender without a row has its labels on the series
			buf = buf[:0]
			if agent != "" {
				buf = appendLabel(buf, "agent_id", agent)
			}
			if parent != nil {
				buf = appendContainerLabels(buf, parent)
			} else {
				buf = appendOriginLabels(buf, r)
			}
			text = string(buf)
			texts[r.Parent] = text
		}
		buf = appendTagLabels(buf[:0], r)
		a.names[i], a.types[i], a.containers[i], a.tags[i] = AppName(r.Key), typ, text, string(buf)
	}
	return a
}

// AppName makes a metric name of one that a task sent, by statsd_exporter's
// rules: what is no letter, digit, "_" or ":" becomes "_", and a leading digit
// has one before it.
func AppName(key string) string {
	name := strings.Map(func(r rune) rune {
		if r == ':' {
			return r
		}
		return sanitiseRune(r)
	}, key)
	if name != "" && name[0] >= '0' && name[0] <= '9' {
		name = "_" + name
	}
	return name
}

// appPlan says which rows are in which family. Never changed once made.
type appPlan struct {
	of       []*appRows // that it was made for
	families []appFamily
	taken    claimedNames      // by samples of tasks
	clashes  map[appRef]string // tags, with seriesLabel, of rows that only their texts as sent tell apart
}

type appFamily struct {
	name, raw, typ string
	rows           []appRef
}

// appRef is a row of one of the sources that are written.
type appRef struct{ source, row int32 }

// appPlans keeps the plan of the last scrape, as rows change rarely.
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

// makePlan sorts rows into families. A name belongs to the type that came
// first, which is the one with the lowest row of the first agent that has it;
// others get their type as suffix, and so does what would take the name of a
// metric of our own. Rows of a family that have the same labels once those are
// Prometheus' are told apart by one more.
func makePlan(of []*appRows, sources []source) *appPlan {
	type key struct{ name, typ string }
	type family struct {
		appFamily
		source int
		first  uint64 // lowest row of source
		seen   map[[2]string]appRef
	}
	clashes := map[appRef]string{}
	// clash tells rows apart by what they were sent as; not those of one text.
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
				f = &family{appFamily{name: name, raw: sources[s].table.Rows[i].Key, typ: a.types[i]}, s, a.ids[i], map[[2]string]appRef{}}
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
		return cmp.Or(cmp.Compare(x.name, y.name), cmp.Compare(x.source, y.source), cmp.Compare(x.first, y.first), cmp.Compare(x.typ, y.typ))
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

// claimedNames are the names that families of tasks have taken.
type claimedNames map[string]bool

// claim takes all names of the samples of a family, or none of them.
func (c claimedNames) claim(name, typ string) bool {
	names := []string{name}
	switch {
	case typ == metric.AppTypeCounter:
		names = append(names, name+Decrements)
	case metric.IsAppHistogram(typ):
		names = append(names, name+"_bucket", name+"_sum", name+"_count")
	}
	for _, n := range names {
		if c[n] || ownMetric(n) {
			return false
		}
	}
	for _, n := range names {
		c[n] = true
	}
	return true
}

// Decrements is the end of the name of what a counter went down by.
const Decrements = "_decrements_total"

// ownMetric tells whether a name is that of a metric of ours, which no task
// may pass for.
func ownMetric(name string) bool {
	return ownNames()[name] || strings.HasPrefix(name, "daytwo_")
}

var ownNames = sync.OnceValue(func() map[string]bool {
	names := map[string]bool{}
	for i := range families {
		names[families[i].name] = true
		names[strings.TrimSuffix(families[i].name, "_total")] = true // what OpenMetrics calls it
	}
	var text strings.Builder
	WriteProcess(&text)
	for line := range strings.Lines(text.String()) {
		if rest, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ := strings.Cut(rest, " ")
			names[name] = true
		}
	}
	return names
})
