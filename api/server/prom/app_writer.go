package prom

import (
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// appFamily appends a family of kind App.
func (p *writer) appFamily(f *appFamily, plan *appPlan, sources []source) {
	if len(f.histograms) > 0 && (!f.split || p.format == protobufFormat) {
		p.appHistograms(f, sources)
	}
	typ, header := f.typ, false
	if typ == "counter" && p.format == openMetricsFormat {
		// There the family of the counter x_total is x, which another metric may be.
		if base, total := strings.CutSuffix(f.name, "_total"); total && (plan.names[base] != nil || ownMetric(base)) {
			typ = "untyped"
		}
	}
	for _, n := range f.numbers {
		src := &sources[n.source]
		v := src.table.Vals[int(n.row)*src.table.Width()+n.column]
		if v == metric.Absent {
			continue
		}
		if !header {
			p.header(f.name, f.help, typ)
			header = true
		}
		name := metric.AppTypeName(src.app.types[n.row])
		if n.column == metric.AppDecrements {
			name = decrementsType
		}
		p.appSample(f.name, "", n.appRef, src, name, formFloat.value(v), "")
	}
	if p.format == protobufFormat {
		return // which has histograms as they are
	}
	for _, part := range f.parts {
		header = p.appParts(f.name, part, sources, header)
	}
}

// appSample appends one sample of a row. typ is the value of typeLabel; le is the
// bound of a bucket, "" for other samples.
func (p *writer) appSample(name, suffix string, ref appRef, src *source, typ string, v float64, le string) {
	container, labels := src.app.containers[ref.row], src.app.labels[ref.row]
	if p.format == protobufFormat {
		p.protoSample(v, container, labels, typeTexts[typ])
		return
	}
	b := append(append(p.buf, name...), suffix...)
	b = append(b, '{')
	for _, text := range [...]string{container, labels} {
		if text != "" {
			b = append(append(b, text...), ',')
		}
	}
	b = append(b, typeTexts[typ]...)
	if le != "" {
		b = append(append(append(b, `,le="`...), le...), '"')
	}
	b = append(b, "} "...)
	b = strconv.AppendFloat(b, v, 'g', -1, 64)
	p.buf = append(b, '\n')
	p.flushLarge()
}

// histogramOf returns the histogram of a row, nil if it has none.
func histogramOf(ref appRef, sources []source) *sketch.Histogram {
	if h := sources[ref.source].table.Histograms; int(ref.row) < len(h) {
		return h[ref.row]
	}
	return nil
}
