package line

import "bytes"

// etsy parses name:value|type[|@rate], optionally followed by more value|type[|@rate],
// each after a colon, and by tags at the end that apply to all. It checks the whole line
// before it returns the first metric.
func (p *Parser) etsy(b []byte, l *Line) Reason {
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
	packs := b[end+1:]
	l.tags = 0
	if tags := bytes.Index(packs, []byte("|#")); tags >= 0 {
		if l.TagSep != ':' {
			return BadTags
		}
		l.Hash = 0
		stop, n := l.scanTags(packs, tags+2)
		if n > MaxTags {
			return BadTags
		}
		if stop < len(packs) {
			return BadSyntax // nothing may follow the tags
		}
		l.tags = l.Hash
		l.Tags, packs = packs[tags+2:], packs[:tags]
	}
	l.base = h
	for rest := packs; ; {
		r := p.pack(rest, l)
		if r != Accepted {
			return r
		}
		if rest = l.more; rest == nil {
			break
		}
	}
	return p.pack(packs, l)
}

// pack parses the first value|type[|@rate]; the rest is in l.more.
func (p *Parser) pack(b []byte, l *Line) Reason {
	l.more = nil
	if k := bytes.IndexByte(b, ':'); k >= 0 {
		b, l.more = b[:k], b[k+1:]
	}
	bar := bytes.IndexByte(b, '|')
	if bar < 0 {
		return BadSyntax
	}
	if bar == 0 {
		return EmptyValue
	}
	l.Values, b = b[:bar], b[bar+1:]
	end := fieldEnd(b, 0)
	switch string(b[:end]) {
	case "c", "C", "m": // counters and meters of older clients
		l.Type = 'c'
	case "g", "h", "d", "s":
		l.Type = b[0]
	case "ms":
		l.Type = 'm'
	default:
		return BadType
	}
	l.N, l.Value, l.most, l.Rate, l.Delta = 1, 0, 0, 1, false
	if l.Type != 's' {
		v, stop, ok := number(l.Values, 0)
		if !ok || stop != len(l.Values) {
			return BadValue
		}
		l.Value, l.most = v, v
		l.Delta = l.Type == 'g' && p.o.GaugeDelta && (l.Values[0] == '+' || l.Values[0] == '-')
	}
	if end < len(b) {
		b = b[end+1:]
		if len(b) < 2 || b[0] != '@' {
			return BadSyntax
		}
		v, stop, ok := number(b, 1)
		if !ok || stop != len(b) || !(v > 0 && v <= 1) || v < minRate {
			return BadRate
		}
		l.Rate = v
	}
	l.Hash = l.tags
	return l.finish()
}

// More sets l to the next metric of its line. It returns false after the last.
func (p *Parser) More(l *Line) bool {
	return l.more != nil && p.pack(l.more, l) == Accepted
}
