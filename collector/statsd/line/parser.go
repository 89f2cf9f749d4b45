package line

import (
	"bytes"
	"math"
)

// Parser parses the lines of one listener. It has no state between lines and may be used
// concurrently.
type Parser struct {
	o Options
}

// New returns a parser.
func New(o Options) *Parser {
	if o.MaxLine <= 0 {
		o.MaxLine = DefaultMaxLine
	}
	return &Parser{o: o}
}

// Parse parses a line that was returned by Next into l, or returns why it is rejected.
// After a rejection, the contents of l are undefined. An accepted line of etsy's dialect
// may contain further metrics: see More.
func (p *Parser) Parse(b []byte, l *Line) Reason {
	if len(b) > p.o.MaxLine {
		return TooLong
	}
	l.ContainerID, l.External, l.Cardinality, l.Entity = nil, nil, nil, nil
	l.Tags, l.Suffix, l.more = nil, nil, nil
	l.Timestamp, l.Rate, l.Delta, l.Hidden = 0, 1, false, false
	l.Kind, l.TagSep, l.Comma = Metric, ':', ','
	if p.o.Dialect == Etsy {
		return p.etsy(b, l)
	}
	if len(b) > 3 && b[0] == '_' {
		switch {
		case b[1] == 'e' && b[2] == '{':
			return parseEvent(b, l)
		case b[1] == 's' && b[2] == 'c' && b[3] == '|':
			return parseServiceCheck(b, l)
		}
	}
	end, h := scanName(b)
	if end == len(b) || b[end] == '|' {
		return BadSyntax
	}
	if end == 0 {
		return BadName
	}
	l.Name = b[:end]
	if p.o.NameTags != NoNameTags {
		var r Reason
		if h, r = p.nameTags(l); r != Accepted {
			return r
		}
	}
	l.base = h
	i, r := p.value(b, end+1, l)
	if r != Accepted {
		return r
	}
	if i < len(b) {
		if r := p.fields(b, i, l); r != Accepted {
			return r
		}
	}
	return l.finish()
}

// finish computes the hash, and makes the checks that need the whole line.
func (l *Line) finish() Reason {
	l.Hash = typed(l.base, l.Type) + l.Hash
	if v := math.Abs(l.most); v > safeValue && l.Type != 'g' && v/l.Rate > math.MaxFloat64 {
		return BadValue
	}
	return Accepted
}

// value parses value and type. It returns the index of the '|' that starts the first
// field, or len(b).
func (p *Parser) value(b []byte, i int, l *Line) (int, Reason) {
	start := i
	l.Hash = 0
	v, end, ok := number(b, i)
	simple := ok && end < len(b) && b[end] == '|'
	if !simple {
		bar := bytes.IndexByte(b[start:], '|')
		if bar < 0 {
			return 0, BadSyntax
		}
		end = start + bar
	}
	if end == start {
		return 0, EmptyValue
	}
	l.Values = b[start:end]
	i, typ := readType(b, end+1)
	if typ == 0 {
		return 0, BadType
	}
	l.Type = typ
	switch {
	case typ == 's':
		l.N, l.Value, l.most = 1, 0, 0
		return i, Accepted
	case simple:
		l.N, l.Value, l.most = 1, v, v
		if typ == 'g' && p.o.GaugeDelta {
			l.Delta = b[start] == '+' || b[start] == '-'
		}
		return i, Accepted
	}
	return i, p.list(l)
}

// readType parses a type of the DogStatsD dialect. typ is 0 if there is none.
func readType(b []byte, i int) (end int, typ byte) {
	if i >= len(b) {
		return i, 0
	}
	typ = b[i]
	i++
	switch typ {
	case 'c', 'g', 'h', 'd', 's':
	case 'm':
		if i >= len(b) || b[i] != 's' {
			return i, 0
		}
		i++
	default:
		return i, 0
	}
	if i < len(b) && b[i] != '|' {
		return i, 0
	}
	return i, typ
}

// list checks the values separated by ':'. It skips empty ones.
func (p *Parser) list(l *Line) Reason {
	l.N, l.most = 0, 0
	first := true
	for rest := l.Values; ; {
		v, delta, next, r := p.NextValue(l, rest)
		if r == EmptyValue {
			break
		}
		if r != Accepted {
			return r
		}
		if first {
			l.Value, l.Delta, first = v, delta, false
		}
		l.most = max(l.most, math.Abs(v))
		l.N++
		rest = next
	}
	if l.N == 0 {
		return EmptyValue
	}
	return Accepted
}

// NextValue parses the first of several values. Call it l.N times: first with l.Values,
// then with the rest that it returned.
func (p *Parser) NextValue(l *Line, values []byte) (v float64, delta bool, rest []byte, r Reason) {
	i := 0
	for i < len(values) && values[i] == ':' {
		i++
	}
	if i == len(values) {
		return 0, false, nil, EmptyValue
	}
	v, end, ok := number(values, i)
	if !ok {
		return 0, false, nil, BadValue
	}
	delta = l.Type == 'g' && p.o.GaugeDelta && (values[i] == '+' || values[i] == '-')
	return v, delta, values[end:], Accepted
}
