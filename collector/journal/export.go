package journal

import (
	"bytes"
	"slices"
	"strconv"
)

// AppendExport appends the entry that was read last in the journal export
// format (https://systemd.io/JOURNAL_EXPORT_FORMATS), as journalctl -o export
// writes it. Fields that cannot be read are left out and told in the error.
func (r *Reader) AppendExport(dst []byte) (_ []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.current == nil {
		return dst, errNoEntry
	}
	r.rendered = true
	defer r.nameFile(r.current.f, &err)
	dst = r.appendExportHead(dst)
	out, err := r.appendFields(dst, &r.current.export, renderExport, false)
	if err != nil {
		out, err = r.appendExportFields(dst)
	}
	return append(out, '\n'), err
}

// appendExportFields appends the fields that can be read, one by one.
func (r *Reader) appendExportFields(dst []byte) ([]byte, error) {
	err := r.fields(func(name, value []byte) error {
		dst = renderExport(dst, slices.Concat(name, []byte("="), value), len(name))
		return nil
	})
	return dst, err
}

func (r *Reader) appendExportHead(dst []byte) []byte {
	cur := r.Cursor()
	dst = append(cur.append(append(dst, "__CURSOR="...)), "\n__REALTIME_TIMESTAMP="...)
	dst = append(strconv.AppendUint(dst, r.e.realtime, 10), "\n__MONOTONIC_TIMESTAMP="...)
	dst = append(strconv.AppendUint(dst, r.e.monotonic, 10), "\n_BOOT_ID="...)
	return append(r.e.boot.append(dst), '\n')
}

// renderExport appends a field: text as it is, anything else with its length
// before it. The boot is in the head already.
func renderExport(dst, p []byte, name int) []byte {
	if bytes.HasPrefix(p, []byte("_BOOT_ID=")) {
		return dst
	}
	if printable(p, false) {
		return append(append(dst, p...), '\n')
	}
	dst = append(append(dst, p[:name]...), '\n')
	dst = le.AppendUint64(dst, uint64(len(p)-name-1))
	return append(append(dst, p[name+1:]...), '\n')
}
