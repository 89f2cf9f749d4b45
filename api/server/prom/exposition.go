package prom

import (
	"io"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/metric"
)

// flushAt is how much text is gathered before it is written, in bytes.
const flushAt = 64 << 10

// exposition writes ticks in Prometheus' text format, in OpenMetrics, or in
// Prometheus' protocol buffers, which have native histograms. It caches the label
// texts of rows, so one serves many scrapes, from many goroutines at once.
type exposition struct {
	agentLabel bool

	mu     sync.Mutex
	agents map[string]*labelCache
	plans  appPlans
	bufs   sync.Pool
}

// newExposition returns an exposition. With agentLabel every sample has the label
// agent_id, as an exposition of more than one agent needs.
func newExposition(agentLabel bool) *exposition {
	return &exposition{
		agentLabel: agentLabel,
		agents:     map[string]*labelCache{},
		bufs:       sync.Pool{New: func() any { b := make([]byte, 0, flushAt+16<<10); return &b }},
	}
}

// source is one table and the labels of its rows.
type source struct {
	table  *frame.Table
	labels *rowLabels
	app    *appRows // of kind App, in place of labels
	time   int64
}

// write writes the ticks in a format, each family once, then what more writes.
// The end mark of OpenMetrics is left to the caller.
func (e *exposition) write(w io.Writer, f format, more func(*writer), batches ...*frame.Batch) error {
	var sources [metric.MaxKind + 1][]source
	for _, b := range batches {
		cache := e.cache(b.Agent, len(batches))
		for i := range b.Tables {
			t := &b.Tables[i]
			if t.Kind > metric.MaxKind || len(t.Vals) < len(t.Rows)*t.Width() {
				continue
			}
			s := source{table: t, time: b.Time}
			if t.Kind == metric.App {
				s.app = cache.appOf(b, t, e.agentLabel)
			} else {
				s.labels = cache.of(b, t, e.agentLabel)
			}
			sources[t.Kind] = append(sources[t.Kind], s)
		}
	}
	buf := e.bufs.Get().(*[]byte)
	defer e.bufs.Put(buf)
	p := writer{w: w, buf: (*buf)[:0], format: f}
	for i := range families {
		fam := &families[i]
		header := false
		for j := range fam.samples {
			for _, src := range sources[fam.samples[j].kind] {
				header = p.samples(fam, &fam.samples[j], src, header)
			}
		}
	}
	if app := sources[metric.App]; len(app) > 0 {
		plan := e.plans.of(app)
		for i := range plan.families {
			p.appFamily(&plan.families[i], plan, app)
		}
	}
	if more != nil {
		more(&p)
	}
	p.flush()
	*buf = p.buf[:0]
	return p.err
}

// cache is the label cache of an agent. Caches of agents that are no longer
// written go when there are many.
func (e *exposition) cache(agent string, writing int) *labelCache {
	e.mu.Lock()
	defer e.mu.Unlock()
	c := e.agents[agent]
	if c == nil {
		if len(e.agents) > 2*writing+64 {
			clear(e.agents)
		}
		c = &labelCache{}
		e.agents[agent] = c
	}
	return c
}

// writer buffers an exposition and writes it in large pieces.
type writer struct {
	w       io.Writer
	buf     []byte
	err     error
	format  format
	proto   protoFamily
	octaves octaves
	clashes map[appRef]string // of the plan
}

func (p *writer) flush() {
	p.endFamily()
	p.flushBuffer()
}

func (p *writer) flushBuffer() {
	if p.err == nil && len(p.buf) > 0 {
		_, p.err = p.w.Write(p.buf)
	}
	p.buf = p.buf[:0]
}

// samples appends one sample a row, after the family's header if that is not
// there yet. It returns whether it is now.
func (p *writer) samples(f *family, s *sample, src source, header bool) bool {
	texts := src.labels.short
	if s.long {
		texts = src.labels.long
	}
	width, vals := src.table.Width(), src.table.Vals
	for i, labels := range texts {
		if labels == hidden || src.labels.short[i] == hidden || s.only != nil && !s.only(src.table.Rows[i]) {
			continue
		}
		var v int64
		switch {
		case s.tick:
			v = src.time / 1e9
		case s.get != nil:
			v = s.get(vals[i*width : (i+1)*width])
		default:
			v = vals[i*width+s.column]
		}
		if v == metric.Absent {
			continue
		}
		if !header {
			p.header(f.name, f.help, f.typ)
			header = true
		}
		p.line(f.name, labels, s, v)
	}
	return header
}

// line appends one sample.
func (p *writer) line(name, labels string, s *sample, v int64) {
	if p.format == protobufFormat {
		f := s.form.value(v)
		switch {
		case metric.IsUnlimited(v) && s.zero:
			f = 0
		case v == metric.Unlimited:
			f = math.Inf(1)
		}
		p.protoSample(f, labels, s.labels)
		return
	}
	b := append(p.buf, name...)
	if labels != "" || s.labels != "" {
		b = append(b, '{')
		b = append(b, labels...)
		if labels != "" && s.labels != "" {
			b = append(b, ',')
		}
		b = append(b, s.labels...)
		b = append(b, '}')
	}
	b = append(b, ' ')
	switch {
	case metric.IsUnlimited(v) && s.zero:
		b = append(b, '0')
	case v == metric.Unlimited:
		b = append(b, "+Inf"...)
	default:
		b = appendValue(b, s.form, v)
	}
	p.buf = append(b, '\n')
	p.flushLarge()
}

func (p *writer) flushLarge() {
	if len(p.buf) >= flushAt {
		p.flushBuffer()
	}
}

// header appends a family's HELP and TYPE. OpenMetrics names a counter without
// its _total, and knows no counter that lacks it.
func (p *writer) header(name, help, typ string) {
	switch p.format {
	case protobufFormat:
		p.protoHeader(name, help, typ)
		return
	case openMetricsFormat:
		if base, ok := strings.CutSuffix(name, "_total"); typ == "counter" && ok {
			name = base
		} else if typ != "gauge" && typ != "histogram" {
			typ = "unknown"
		}
	}
	p.buf = append(p.buf, "# HELP "...)
	p.buf = append(p.buf, name...)
	p.buf = append(p.buf, ' ')
	p.buf = appendHelp(p.buf, help, p.format == openMetricsFormat)
	p.buf = append(p.buf, "\n# TYPE "...)
	p.buf = append(p.buf, name...)
	p.buf = append(p.buf, ' ')
	p.buf = append(p.buf, typ...)
	p.buf = append(p.buf, '\n')
}

func appendHelp(dst []byte, s string, openMetrics bool) []byte {
	for i := range len(s) {
		switch c := s[i]; {
		case c == '\n':
			dst = append(dst, '\\', 'n')
		case c == '\\', c == '"' && openMetrics:
			dst = append(dst, '\\', c)
		default:
			dst = append(dst, c)
		}
	}
	return dst
}

// appendValue appends a stored integer in the unit it is shown in, exactly.
func appendValue(dst []byte, f form, v int64) []byte {
	switch f {
	case formNano:
		return appendFraction(dst, v, 1e9)
	case formMilli:
		return appendFraction(dst, v, 1e3)
	case formMicro:
		return strconv.AppendInt(dst, v/1e3, 10)
	case formFloat:
		return strconv.AppendFloat(dst, f.value(v), 'g', -1, 64)
	}
	return strconv.AppendInt(dst, v, 10)
}

// appendFraction appends v/scale as a decimal fraction; scale is a power of 10.
func appendFraction(dst []byte, v, scale int64) []byte {
	if v < 0 {
		dst, v = append(dst, '-'), -v
	}
	dst = strconv.AppendInt(dst, v/scale, 10)
	rest := v % scale
	if rest == 0 {
		return dst
	}
	dst = append(dst, '.')
	for rest > 0 {
		scale /= 10
		dst = append(dst, byte('0'+rest/scale))
		rest %= scale
	}
	return dst
}
