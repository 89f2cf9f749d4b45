package journal

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// JSONOptions say how entries are written as JSON.
type JSONOptions struct {
	// Threshold is from how many bytes on a field, its name included, is null
	// in the place of its value; 0: never. journalctl has 4096 without --all.
	Threshold int
	// Text writes every value that is valid UTF-8 as a string, also one with
	// control characters; journalctl writes such a value as a list of bytes.
	Text bool
}

// AppendJSON appends the entry that was read last as one JSON object and a
// newline, with the keys and values of journalctl -o json: what is no text is a
// list of bytes, and a field that occurs more than once has a list of values.
// Fields that cannot be read are left out and told in the error.
func (r *Reader) AppendJSON(dst []byte, o *JSONOptions) (_ []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return dst, errNoEntry
	}
	r.rendered = true
	defer r.nameFile(r.current.f, &err)
	if *o != r.json {
		r.json = *o
		for _, c := range r.files {
			c.json = renderCache{}
		}
	}
	dst = r.appendJSONHead(dst)
	out, err := r.appendFields(dst, &r.current.json, r.renderJSON, true)
	if err != nil {
		out, err = r.appendJSONFields(dst)
	}
	return append(out, '}', '\n'), err
}

func (r *Reader) appendJSONHead(dst []byte) []byte {
	cur := r.Cursor()
	dst = append(cur.append(append(dst, `{"__CURSOR":"`...)), `","__REALTIME_TIMESTAMP":"`...)
	dst = append(strconv.AppendUint(dst, r.e.realtime, 10), `","__MONOTONIC_TIMESTAMP":"`...)
	dst = append(strconv.AppendUint(dst, r.e.monotonic, 10), `","_BOOT_ID":"`...)
	return append(r.e.boot.append(dst), '"')
}

// appendJSONFields appends the fields that can be read, one by one, those that
// occur more than once as lists.
func (r *Reader) appendJSONFields(dst []byte) ([]byte, error) {
	var names []string
	values := map[string][][]byte{}
	err := r.fields(func(name, value []byte) error {
		if !inJSON(name) {
			return nil
		}
		n := string(name)
		if values[n] == nil {
			names = append(names, n)
		}
		values[n] = append(values[n], appendJSONValue(nil, len(name), value, &r.json))
		return nil
	})
	for _, n := range names {
		dst = append(append(append(dst, `,"`...), n...), `":`...)
		if v := values[n]; len(v) == 1 {
			dst = append(dst, v[0]...)
		} else {
			dst = append(append(append(dst, '['), bytes.Join(v, []byte(","))...), ']')
		}
	}
	return dst, err
}

// inJSON reports whether a field is written: the boot is in the head already.
func inJSON(name []byte) bool { return string(name) != "_BOOT_ID" && ValidField(string(name)) }

// renderJSON appends ,"NAME":value.
func (r *Reader) renderJSON(dst, p []byte, name int) []byte {
	if !inJSON(p[:name]) {
		return dst
	}
	dst = append(append(append(dst, `,"`...), p[:name]...), `":`...)
	return appendJSONValue(dst, name, p[name+1:], &r.json)
}

// appendJSONValue appends the value of a field whose name has a length.
func appendJSONValue(dst []byte, name int, value []byte, o *JSONOptions) []byte {
	switch {
	case o.Threshold > 0 && name+1+len(value) >= o.Threshold:
		return append(dst, "null"...)
	case printable(value, true) || o.Text && utf8.Valid(value):
		return appendJSONString(dst, value)
	}
	dst = append(dst, '[')
	for i, b := range value {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = strconv.AppendUint(dst, uint64(b), 10)
	}
	return append(dst, ']')
}

// appendJSONString appends a string as systemd writes it: only what has to be
// escaped is.
func appendJSONString(dst, s []byte) []byte {
	dst = append(dst, '"')
	from := 0
	for i, c := range s {
		if c >= ' ' && c != '"' && c != '\\' && c != 0x7f {
			continue
		}
		dst = append(dst, s[from:i]...)
		from = i + 1
		switch c {
		case '"', '\\':
			dst = append(dst, '\\', c)
		case '\b':
			dst = append(dst, `\b`...)
		case '\f':
			dst = append(dst, `\f`...)
		case '\n':
			dst = append(dst, `\n`...)
		case '\r':
			dst = append(dst, `\r`...)
		case '\t':
			dst = append(dst, `\t`...)
		default:
			dst = append(dst, `\u00`...)
			dst = append(dst, hexDigits[c>>4], hexDigits[c&15])
		}
	}
	return append(append(dst, s[from:]...), '"')
}
