package line

import (
	"math"
	"strconv"
	"strings"
)

// refMetric is a metric as parsed by the reference parser below.
type refMetric struct {
	name, tags, container, external, cardinality, entity string
	typ                                                  byte
	member                                               string
	values                                               []float64
	deltas                                               []bool
	rate                                                 float64
	timestamp                                            int64
	hash                                                 uint64
}

// refParse is a reference parser that is written for clarity, not speed. It returns nil
// and false for a line that is to be rejected, and no metrics and true for an event or a
// check.
func refParse(o Options, text string) ([]refMetric, bool) {
	if o.Dialect == Etsy {
		return refEtsy(o, text)
	}
	switch {
	case strings.HasPrefix(text, "_e{"):
		return nil, refEvent(text)
	case strings.HasPrefix(text, "_sc|"):
		parts := strings.Split(text, "|")
		return nil, len(parts) >= 3 && parts[1] != "" && len(parts[2]) == 1 && strings.Contains("0123", parts[2]) &&
			refTags(parts[3:])
	}
	parts := strings.Split(text, "|")
	name, value, colon := strings.Cut(parts[0], ":")
	if len(parts) < 2 || !colon || name == "" || value == "" {
		return nil, false
	}
	m := refMetric{name: name, rate: 1}
	if !strings.Contains(" c g h d s ms ", " "+parts[1]+" ") || parts[1] == "" || strings.Contains(parts[1], " ") {
		return nil, false
	}
	m.typ = parts[1][0]
	if m.typ == 's' {
		m.member = value
	} else if !m.refValues(o, strings.Split(value, ":")) {
		return nil, false
	}
	for _, f := range parts[2:] {
		switch {
		case strings.HasPrefix(f, "@"):
			v, ok := refNumber(f[1:])
			if !ok || v <= 0 || v > 1 || v < minRate {
				return nil, false
			}
			m.rate = v
		case strings.HasPrefix(f, "T"):
			v, err := strconv.ParseInt(f[1:], 10, 64)
			if err != nil || v < 1 {
				return nil, false
			}
			m.timestamp = v
		case strings.HasPrefix(f, "#"):
			m.tags = f[1:]
			if !refTags([]string{f}) {
				return nil, false
			}
		case strings.HasPrefix(f, "c:"):
			m.container = f[2:]
		case strings.HasPrefix(f, "e:"):
			m.external = f[2:]
		case strings.HasPrefix(f, "card:"):
			m.cardinality = f[5:]
		}
	}
	return m.refFinish()
}

func (m refMetric) refFinish() ([]refMetric, bool) {
	var tags [][]byte
	for _, t := range strings.Split(m.tags, ",") {
		tags = append(tags, []byte(t))
		if e, ok := strings.CutPrefix(t, "dd.internal.entity_id:"); ok {
			m.entity = e
		}
	}
	m.hash = Hash([]byte(m.name), m.typ, tags...)
	for _, v := range m.values {
		if m.typ != 'g' && math.IsInf(v/m.rate, 0) {
			return nil, false
		}
	}
	return []refMetric{m}, true
}

func (m *refMetric) refValues(o Options, texts []string) bool {
	for _, v := range texts {
		if v == "" {
			continue
		}
		f, ok := refNumber(v)
		if !ok {
			return false
		}
		m.values = append(m.values, f)
		m.deltas = append(m.deltas, o.GaugeDelta && m.typ == 'g' && strings.Contains("+-", v[:1]))
	}
	return len(m.values) > 0
}

func refNumber(s string) (float64, bool) {
	v, err := strconv.ParseFloat(s, 64)
	return v, err == nil && !math.IsInf(v, 0) && !math.IsNaN(v)
}

// refTags reports whether no field of tags has too many.
func refTags(fields []string) bool {
	for _, f := range fields {
		if strings.HasPrefix(f, "#") {
			n := 0
			for _, t := range strings.Split(f[1:], ",") {
				if t != "" {
					n++
				}
			}
			if n > MaxTags {
				return false
			}
		}
	}
	return true
}

func refEvent(text string) bool {
	header, rest, ok := strings.Cut(text, ":")
	if !ok || len(header) < len("_e{1,1}") {
		return false
	}
	a, b, ok := strings.Cut(header[3:len(header)-1], ",")
	title, err1 := strconv.Atoi(a)
	length, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || title < 1 || length < 0 || title > len(rest) || length > len(rest)-title-1 {
		return false
	}
	return refTags(strings.Split(rest[title+1+length:], "|"))
}

func refEtsy(o Options, text string) ([]refMetric, bool) {
	name, packs, ok := strings.Cut(text, ":")
	if !ok || name == "" || strings.Contains(name, "|") {
		return nil, false
	}
	packs, tags, _ := strings.Cut(packs, "|#")
	if strings.Contains(tags, "|") || !refTags([]string{"#" + tags}) {
		return nil, false
	}
	var all []refMetric
	for _, pack := range strings.Split(packs, ":") {
		f := strings.Split(pack, "|")
		if len(f) < 2 || len(f) > 3 || f[0] == "" {
			return nil, false
		}
		m := refMetric{name: name, tags: tags, rate: 1}
		switch f[1] {
		case "c", "C", "m":
			m.typ = 'c'
		case "ms":
			m.typ = 'm'
		case "g", "h", "d", "s":
			m.typ = f[1][0]
		default:
			return nil, false
		}
		if m.typ == 's' {
			m.member = f[0]
		} else if !m.refValues(o, f[:1]) {
			return nil, false
		}
		if len(f) == 3 {
			v, ok := refNumber(strings.TrimPrefix(f[2], "@"))
			if !strings.HasPrefix(f[2], "@") || !ok || v < minRate || v > 1 {
				return nil, false
			}
			m.rate = v
		}
		one, ok := m.refFinish()
		if !ok {
			return nil, false
		}
		all = append(all, one...)
	}
	return all, true
}
