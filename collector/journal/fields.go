package journal

import (
	"runtime/debug"

	logentry "github.com/daytwo/daytwo/api/entry"
)

// AppendFields appends the fields of the entry that was read last to fields, in the
// order of the file, and their values to buf, which they are slices of. Fields that
// cannot be read are left out and told in the error.
func (r *Reader) AppendFields(buf []byte, fields []logentry.Field) (_ []byte, _ []logentry.Field, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return buf, fields, errNoEntry
	}
	r.rendered = true
	defer r.nameFile(r.current.f, &err)
	begin := len(buf)
	out, err := r.appendFields(buf, &r.current.raw, renderRaw, false)
	if err != nil {
		out = buf
		err = r.fields(func(name, value []byte) error {
			out = appendRaw(out, name, value)
			return nil
		})
	}
	for raw := out[begin:]; len(raw) > 0; {
		name, size := le.Uint32(raw), le.Uint32(raw[4:])
		value := raw[rawHead+name : rawHead+name+size : rawHead+name+size]
		fields = append(fields, logentry.Field{Name: r.names.text(raw[rawHead : rawHead+name]), Value: value})
		raw = raw[rawHead+name+size:]
	}
	return out, fields, err
}

// rawHead is what stands before a name and a value: the length of each, in bytes.
const rawHead = 8

func renderRaw(dst, p []byte, name int) []byte { return appendRaw(dst, p[:name], p[name+1:]) }

func appendRaw(dst, name, value []byte) []byte {
	dst = le.AppendUint32(le.AppendUint32(dst, uint32(len(name))), uint32(len(value)))
	return append(append(dst, name...), value...)
}

// Value calls fn with a value of a field of the entry that was read last, and
// reports whether it has one. The value is not compared with its hash, and valid during
// the call. It is for whoever has to look at one field of many entries.
func (r *Reader) Value(field string, fn func(value []byte)) (ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return false, errNoEntry
	}
	r.rendered = true
	defer r.nameFile(r.current.f, &err)
	defer catchFault(debug.SetPanicOnFault(true), &err)
	f := r.current.f
	// Items are ordered by their offsets in what journald writes, and what is written for
	// this entry alone, such as most messages, is behind everything older.
	for i := f.items(&r.e) - 1; i >= 0; i-- {
		p, err := r.dec.payload(f, f.item(&r.e, i))
		if err != nil {
			return false, err
		}
		if len(p) > len(field) && p[len(field)] == '=' && string(p[:len(field)]) == field {
			fn(p[len(field)+1:])
			return true, nil
		}
	}
	return false, nil
}

// Realtime is the wall clock of the entry that was read last, in microseconds since 1970.
func (r *Reader) Realtime() uint64 { return r.e.realtime }
