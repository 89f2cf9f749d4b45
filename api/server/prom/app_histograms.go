package prom

import (
	"github.com/daytwo/daytwo/api/metric"
	"github.com/daytwo/daytwo/api/sketch"
)

// appHistograms appends a family of histograms: classic ones with bounds at powers
// of two, and in protocol buffers native ones too, with every bucket.
func (p *writer) appHistograms(f *appFamily, sources []source) {
	p.chooseBounds(f, sources)
	header := false
	for _, ref := range f.histograms {
		h := histogramOf(ref, sources)
		if h == nil {
			continue
		}
		if !header {
			p.header(f.name, f.histogramHelp, "histogram")
			header = true
		}
		src := &sources[ref.source]
		if p.format == protobufFormat {
			p.octaves.count(h)
			p.protoHistogram(h, src.app.containers[ref.row], src.app.labels[ref.row],
				typeTexts[metric.AppTypeName(src.app.types[ref.row])])
			continue
		}
		for _, end := range histogramEndings {
			p.appHistogram(f.name, end, ref, src, h)
		}
	}
}

// appParts appends one sample of each histogram of a split family to the family of
// that sample's name. It returns whether the family's header is written now.
func (p *writer) appParts(name string, part appPart, sources []source, header bool) bool {
	if part.end == "_bucket" {
		p.chooseBounds(part.of, sources)
	}
	for _, ref := range part.of.histograms {
		h := histogramOf(ref, sources)
		if h == nil {
			continue
		}
		if !header {
			p.header(name, mixedHelp, "untyped")
			header = true
		}
		p.appHistogram(part.of.name, part.end, ref, &sources[ref.source], h)
	}
	return header
}

// chooseBounds sets the bounds of a family's classic buckets.
func (p *writer) chooseBounds(f *appFamily, sources []source) {
	p.octaves.reset()
	for _, ref := range f.histograms {
		if h := histogramOf(ref, sources); h != nil {
			p.octaves.span(h)
		}
	}
	p.octaves.choose()
}

// appHistogram appends the samples of a histogram that have one suffix.
func (p *writer) appHistogram(name, end string, ref appRef, src *source, h *sketch.Histogram) {
	typ := metric.AppTypeName(src.app.types[ref.row])
	switch end {
	case "_bucket":
		o := &p.octaves
		o.count(h)
		for i := range o.bounds {
			p.appSample(name, end, ref, src, typ, o.counts[i], o.text(i, p.format))
		}
		p.appSample(name, end, ref, src, typ, h.Count(), "+Inf")
	case "_sum":
		p.appSample(name, end, ref, src, typ, h.Sum(), "")
	case "_count":
		p.appSample(name, end, ref, src, typ, h.Count(), "")
	}
}
