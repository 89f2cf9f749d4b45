package line

import "bytes"

// parseEvent parses _e{title length,text length}:title|text as Datadog's agent does: it
// checks the lengths, but not the characters around them and not the optional fields.
func parseEvent(b []byte, l *Line) Reason {
	l.Kind = Event
	l.event = event{}
	colon := bytes.IndexByte(b, ':')
	if colon < len("_e{1,1}") {
		return BadEvent
	}
	lengths, rest := b[len("_e{"):colon-1], b[colon+1:]
	comma := bytes.IndexByte(lengths, ',')
	if comma < 0 {
		return BadEvent
	}
	title, ok1 := integer(lengths[:comma])
	text, ok2 := integer(lengths[comma+1:])
	n := int64(len(rest))
	if !ok1 || !ok2 || title < 1 || text < 0 || title > n || text > n || title+1+text > n {
		return BadEvent
	}
	l.Title, l.Text = rest[:title], rest[title+1:title+1+text]
	return l.optional(rest[title+1+text:])
}

// parseServiceCheck parses _sc|name|status.
func parseServiceCheck(b []byte, l *Line) Reason {
	l.Kind = ServiceCheck
	l.event = event{}
	b = b[len("_sc|"):]
	bar := bytes.IndexByte(b, '|')
	if bar < 1 {
		return BadServiceCheck
	}
	l.Name, b = b[:bar], b[bar+1:]
	end := fieldEnd(b, 0)
	if end != 1 || b[0] < '0' || b[0] > '3' {
		return BadServiceCheck
	}
	l.Status = b[0] - '0'
	return l.optional(b[end:])
}

// optional parses the optional fields of an event or a service check. Their values never
// reject the line; too many tags do.
func (l *Line) optional(b []byte) Reason {
	for i := 0; i < len(b); {
		end := fieldEnd(b, i)
		f := b[i:end]
		if len(f) > 1 && f[1] == ':' {
			l.optionalField(f[0], f[2:])
		}
		if len(f) > 0 && f[0] == '#' {
			l.Tags = f[1:]
			if _, n := l.scanTags(f, 1); n > MaxTags {
				return BadTags
			}
		}
		l.originField(f)
		i = end + 1
	}
	return Accepted
}

func (l *Line) optionalField(key byte, v []byte) {
	switch {
	case key == 'd':
		if t, ok := integer(v); ok {
			l.Timestamp = t
		}
	case key == 'h':
		l.Host = v
	case key == 'm' && l.Kind == ServiceCheck:
		l.Message = v
	case l.Kind == ServiceCheck:
	case key == 'k':
		l.Key = v
	case key == 'p':
		l.Priority = v
	case key == 's':
		l.Source = v
	case key == 't':
		l.Alert = v
	}
}
