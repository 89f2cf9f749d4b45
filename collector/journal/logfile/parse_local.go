package logfile

import "google.golang.org/protobuf/encoding/protowire"

// parseLocal parses a message LogEntry of
// github.com/moby/moby/api/types/plugins/logdriver/entry.proto.
func (p *parser) parseLocal(b []byte, r *record) error {
	*r = record{start: r.start, end: r.end}
	last, cut := false, false
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return errNotARecord
		}
		b = b[n:]
		switch {
		case typ == protowire.BytesType:
			v, m := protowire.ConsumeBytes(b)
			if n = m; n < 0 {
				return errNotARecord
			}
			switch num {
			case 1:
				var ok bool
				if r.stream, ok = streamOf(v); !ok {
					return errNotARecord
				}
			case 3:
				r.text = v
			case 5:
				cut, last = true, partialLast(v)
			}
		case typ == protowire.VarintType && num == 2:
			v, m := protowire.ConsumeVarint(b)
			n, r.time = m, int64(v)
		case typ == protowire.VarintType && num == 4:
			v, m := protowire.ConsumeVarint(b)
			n, r.partial = m, v != 0
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return errNotARecord
		}
		b = b[n:]
	}
	if cut {
		r.partial = !last
	}
	if n := len(r.text); n > 0 && r.text[n-1] == '\n' {
		r.text = r.text[:n-1]
	}
	return nil
}

// partialLast reads whether a message PartialLogEntryMetadata is of a line's last
// piece.
func partialLast(b []byte) (last bool) {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return false
		}
		b = b[n:]
		if num == 1 && typ == protowire.VarintType {
			v, m := protowire.ConsumeVarint(b)
			n, last = m, v != 0
		} else {
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return false
		}
		b = b[n:]
	}
	return last
}
