package prom

import (
	"io"
	"math"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/metric"
)

// writer buffers an exposition and writes it in large pieces.
type writer struct {
	w       io.Writer
	buf     []byte
	err     error
	format  format
	proto   protoFamily
	octaves octaves
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

// samples appends one sample for each row of a source, preceded by the family's
// header unless header is true. It returns whether the header is written now.
func (p *writer) samples(f *family, s *sample, src source, header bool) bool {
	texts := src.labels.short
	if s.machine {
		texts = src.labels.machine
	}
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

// header appends a family's HELP and TYPE. In OpenMetrics a counter's family has
// the name without _total, and what lacks _total is not a counter.
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

// appendValue appends a stored integer in the unit it is shown in, without rounding.
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
