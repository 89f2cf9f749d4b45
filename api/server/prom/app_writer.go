package prom

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// appFamily appends a family of kind App.
func (p *writer) appFamily(f *appFamily, plan *appPlan, sources []source) {
	p.clashes = plan.clashes
	raw := strings.ToValidUTF8(f.raw, string(utf8.RuneError))
	switch f.typ {
	case metric.AppTypeCounter:
		p.appColumn(f, sources, metric.AppValue, f.name, "Counter "+raw+" of tasks, by StatsD.",
			p.counterType(f.name, plan))
		p.appColumn(f, sources, metric.AppDecrements, f.name+Decrements,
			"What tasks decremented the counter "+raw+" by.", p.counterType(f.name+Decrements, plan))
	case metric.AppTypeGauge:
		p.appColumn(f, sources, metric.AppValue, f.name, "Gauge "+raw+" of tasks, by StatsD.", "gauge")
	case metric.AppTypeCheck:
		p.appColumn(f, sources, metric.AppValue, f.name,
			"Service check "+raw+" of tasks: 0 ok, 1 warning, 2 critical, 3 unknown, by StatsD.", "gauge")
	case metric.AppTypeSet:
		p.appColumn(f, sources, metric.AppValue, f.name,
			"Distinct members of the set "+raw+" of tasks within a minute, by StatsD.", "gauge")
	case metric.AppTypeTimer:
		p.appHistograms(f, sources, "Timer "+raw+" of tasks in milliseconds, as sent, by StatsD.")
	case metric.AppTypeHistogram:
		p.appHistograms(f, sources, "Histogram "+raw+" of tasks, by StatsD.")
	case metric.AppTypeDistribution:
		p.appHistograms(f, sources, "Distribution "+raw+" of tasks, by StatsD.")
	}
}

// counterType returns the type of a counter. OpenMetrics names the family of
// x_total x, which may be another metric that a task sends.
func (p *writer) counterType(name string, plan *appPlan) string {
	if base, ok := strings.CutSuffix(name, "_total"); ok && p.format == openMetricsFormat && plan.taken[base] {
		return "untyped"
	}
	return "counter"
}

// appColumn appends one column of a family.
func (p *writer) appColumn(f *appFamily, sources []source, column int, name, help, typ string) {
	header := false
	for _, ref := range f.rows {
		src := &sources[ref.source]
		v := src.table.Vals[int(ref.row)*src.table.Width()+column]
		if v == metric.Absent {
			continue
		}
		if !header {
			p.header(name, help, typ)
			header = true
		}
		p.appSample(name, "", ref, src, formFloat.value(v), "")
	}
}

// appSample appends one sample of a row. le is the bound of a bucket, "" for other
// samples.
func (p *writer) appSample(name, suffix string, ref appRef, src *source, v float64, le string) {
	container, tags := src.app.containers[ref.row], p.appTags(ref, src)
	if p.format == protobufFormat {
		p.protoSample(v, container, tags)
		return
	}
	b := append(p.buf, name...)
	b = append(b, suffix...)
	if container != "" || tags != "" || le != "" {
		b = append(b, '{')
		b = append(b, container...)
		if container != "" && tags != "" {
			b = append(b, ',')
		}
		b = append(b, tags...)
		if le != "" {
			if container != "" || tags != "" {
				b = append(b, ',')
			}
			b = append(b, `le="`...)
			b = append(b, le...)
			b = append(b, '"')
		}
		b = append(b, '}')
	}
	b = append(b, ' ')
	b = strconv.AppendFloat(b, v, 'g', -1, 64)
	p.buf = append(b, '\n')
	p.flushLarge()
}

// appTags returns the label text of a row's tags.
func (p *writer) appTags(ref appRef, src *source) string {
	if len(p.clashes) > 0 {
		if tags, ok := p.clashes[ref]; ok {
			return tags
		}
	}
	return src.app.tags[ref.row]
}

// histogramOf returns the histogram of a row, nil if it has none.
func histogramOf(ref appRef, sources []source) *sketch.Histogram {
	if h := sources[ref.source].table.Histograms; int(ref.row) < len(h) {
		return h[ref.row]
	}
	return nil
}

// appHistograms appends a family of histograms: classic ones with bounds at powers
// of two, and in protocol buffers native ones too, with every bucket.
func (p *writer) appHistograms(f *appFamily, sources []source, help string) {
	o := &p.octaves
	o.reset()
	for _, ref := range f.rows {
		if h := histogramOf(ref, sources); h != nil {
			o.span(h)
		}
	}
	o.choose()
	header := false
	for _, ref := range f.rows {
		h := histogramOf(ref, sources)
		if h == nil {
			continue
		}
		if !header {
			p.header(f.name, help, "histogram")
			header = true
		}
		o.count(h)
		src := &sources[ref.source]
		if p.format == protobufFormat {
			p.protoHistogram(h, src.app.containers[ref.row], p.appTags(ref, src))
			continue
		}
		for i := range o.bounds {
			p.appSample(f.name, "_bucket", ref, src, o.counts[i], o.text(i, p.format))
		}
		p.appSample(f.name, "_bucket", ref, src, h.Count(), "+Inf")
		p.appSample(f.name, "_sum", ref, src, h.Sum(), "")
		p.appSample(f.name, "_count", ref, src, h.Count(), "")
	}
}
