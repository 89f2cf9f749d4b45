package containers

import (
	"google.golang.org/protobuf/encoding/protowire"
)

// fields calls f for each field of a protobuf message: v is the value of a
// length-delimited field, n that of a varint. It skips other wire types.
func fields(b []byte, f func(num protowire.Number, v []byte, n uint64)) error {
	for len(b) > 0 {
		num, typ, n := protowire.ConsumeTag(b)
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
		switch typ {
		case protowire.BytesType:
			v, m := protowire.ConsumeBytes(b)
			if n = m; n >= 0 {
				f(num, v, 0)
			}
		case protowire.VarintType:
			v, m := protowire.ConsumeVarint(b)
			if n = m; n >= 0 {
				f(num, nil, v)
			}
		default:
			n = protowire.ConsumeFieldValue(num, typ, b)
		}
		if n < 0 {
			return protowire.ParseError(n)
		}
		b = b[n:]
	}
	return nil
}

// nested calls f for each field of a nested message. It stops without an error where the
// message is malformed.
func nested(b []byte, f func(num protowire.Number, v []byte, n uint64)) { _ = fields(b, f) }

// mapEntry adds one entry of a map<string, string> to m, unless it exceeds the limits on
// labels.
func mapEntry(m map[string]string, b []byte) {
	var k, v string
	nested(b, func(num protowire.Number, s []byte, _ uint64) {
		switch num {
		case 1:
			k = string(s)
		case 2:
			v = string(s[:min(len(s), maxLabelValue)])
		}
	})
	if k != "" && len(k) <= maxLabelKey && len(m) < 4*maxLabels {
		m[k] = v
	}
}

func appendString(b []byte, num protowire.Number, s string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, num, protowire.BytesType), s)
}
