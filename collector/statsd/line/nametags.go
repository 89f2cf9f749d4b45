package line

import "bytes"

// nameTags removes the tags from l.Name, and returns the hash of the name with those
// tags. Without tags, the name is unchanged. Tags that are not tag=value reject the
// line.
func (p *Parser) nameTags(l *Line) (uint64, Reason) {
	name := l.Name
	comma := byte(',')
	cut := -1
	switch p.o.NameTags {
	case Influx:
		cut = bytes.IndexByte(name, ',')
	case Librato:
		cut = bytes.IndexByte(name, '#')
	case Graphite:
		comma = ';'
		cut = bytes.IndexByte(name, ';')
	case SignalFX:
		cut = bytes.IndexByte(name, '[')
		end := bytes.IndexByte(name, ']')
		if (cut < 0) != (end < 0) || end >= 0 && end < cut {
			return 0, BadTags
		}
		if cut >= 0 {
			l.Suffix, name = name[end+1:], name[:end]
		}
	}
	if cut < 0 {
		return hashBytes(name, nameSeed), Accepted
	}
	l.Name, l.Tags, l.TagSep, l.Comma = name[:cut], name[cut+1:], '=', comma
	if len(l.Name)+len(l.Suffix) == 0 {
		return 0, BadName
	}
	h := hashBytes(l.Name, nameSeed)
	if len(l.Suffix) > 0 {
		h = hashBytes(l.Suffix, h)
	}
	n := 0
	for rest := l.Tags; len(rest) > 0; n++ {
		tag := rest
		if k := bytes.IndexByte(rest, comma); k >= 0 {
			tag, rest = rest[:k], rest[k+1:]
		} else {
			rest = nil
		}
		if eq := bytes.IndexByte(tag, '='); eq < 1 || eq == len(tag)-1 || n >= MaxTags {
			return 0, BadTags
		}
		h += hashBytes(tag, tagSeed)
	}
	return h, Accepted
}
