package prom

import (
	"cmp"
	"maps"
	"slices"
	"sync"

	"github.com/daytwo/daytwo/api/metric"
)

// appPlan assigns rows to families. It is immutable.
type appPlan struct {
	of       []*appRows // rows that it was made for
	families []*appFamily
	names    map[string]*appFamily
}

// appFamily is all samples of one name, or of one histogram.
type appFamily struct {
	name       string
	numbers    []appNumber
	help, typ  string // of numbers and parts
	histograms []appRef

	histogramHelp string

	// In the text formats a name has one type. Where numbers have the name of a
	// histogram, or of one of its samples, the histograms are split: their samples are
	// parts of the families of these names, without a type.
	split bool
	parts []appPart
}

// appRef is a row of one of the sources of a scrape.
type appRef struct{ source, row int32 }

// appNumber is a sample of a counter, a gauge, a set or a service check.
type appNumber struct {
	appRef
	column int
}

// appPart is the samples of some histograms that have one suffix.
type appPart struct {
	of  *appFamily
	end string // of histogramEndings
}

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
		p.last = makePlan(of)
	}
	return p.last
}

// makePlan groups rows into families. The name and the labels of a series follow from
// the series alone, never from what else there is: only the type of a family does.
func makePlan(of []*appRows) *appPlan {
	p := &appPlan{of: of, names: map[string]*appFamily{}}
	seen := map[[4]string]bool{} // series: no two are the same, unless a frame is wrong
	for s, a := range of {
		for i, name := range a.names {
			series := [4]string{name, a.types[i], a.containers[i], a.labels[i]}
			if name == "" || seen[series] {
				continue
			}
			seen[series] = true
			ref := appRef{int32(s), int32(i)}
			if metric.IsAppHistogram(a.types[i]) {
				f := p.family(name)
				f.histograms = append(f.histograms, ref)
				continue
			}
			f := p.family(name)
			f.numbers = append(f.numbers, appNumber{ref, metric.AppValue})
			if a.types[i] == metric.AppTypeCounter {
				f := p.family(name + Decrements)
				f.numbers = append(f.numbers, appNumber{ref, metric.AppDecrements})
			}
		}
	}
	p.splitHistograms()
	for _, f := range p.names {
		f.describe(of)
	}
	p.families = slices.SortedFunc(maps.Values(p.names), func(x, y *appFamily) int { return cmp.Compare(x.name, y.name) })
	return p
}

// family returns the family of a name, making it if there is none.
func (p *appPlan) family(name string) *appFamily {
	f := p.names[name]
	if f == nil {
		f = &appFamily{name: name}
		p.names[name] = f
	}
	return f
}

// splitHistograms splits the histograms with whose names numbers collide. No name of
// a histogram ends as the name of a part does (notForTasks), so a part collides with
// numbers only.
func (p *appPlan) splitHistograms() {
	for _, f := range slices.Collect(maps.Values(p.names)) {
		if len(f.histograms) == 0 {
			continue
		}
		f.split = len(f.numbers) > 0
		for _, end := range histogramEndings {
			f.split = f.split || p.names[f.name+end] != nil
		}
		if !f.split {
			continue
		}
		for _, end := range histogramEndings {
			part := p.family(f.name + end)
			part.parts = append(part.parts, appPart{f, end})
		}
	}
}
