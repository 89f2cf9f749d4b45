package logs

import (
	"encoding/binary"
	"strconv"
	"unicode/utf8"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/metric"
)

// exportEncoder appends records in the journal export format
// (https://systemd.io/JOURNAL_EXPORT_FORMATS). Origin tags that the entry does not have as
// fields become DAYTWO_AGENT_ID and so on. An event is an entry with DAYTWO_EVENT.
type exportEncoder struct{}

// exportTags are the names of the origin tags as fields.
var exportTags = func() (names [len(metric.OriginTags)]string) {
	for i, tag := range metric.OriginTags {
		b := []byte("DAYTWO_" + tag)
		for k := range b {
			if b[k] >= 'a' && b[k] <= 'z' {
				b[k] -= 'a' - 'A'
			}
		}
		names[i] = string(b)
	}
	return names
}()

func (exportEncoder) entry(dst []byte, e *entry.Entry) []byte {
	if e.Cursor != "" {
		dst = append(append(append(dst, "__CURSOR="...), e.Cursor...), '\n')
	}
	dst = strconv.AppendInt(append(dst, "__REALTIME_TIMESTAMP="...), e.Realtime, 10)
	if e.Monotonic != entry.NoMonotonic {
		dst = strconv.AppendInt(append(dst, "\n__MONOTONIC_TIMESTAMP="...), e.Monotonic, 10)
	}
	dst = append(dst, '\n')
	if e.Boot != [16]byte{} {
		dst = append(appendHex(append(dst, "_BOOT_ID="...), &e.Boot), '\n')
	}
	for i := range e.Fields {
		f := &e.Fields[i]
		if f.Name == "_BOOT_ID" && e.Boot != [16]byte{} || !exportable(f.Name) {
			continue
		}
		dst = appendExport(dst, f.Name, f.Value)
	}
	for i, v := range e.Origin {
		if v != "" {
			dst = appendExport(dst, exportTags[i], v)
		}
	}
	return append(dst, '\n')
}

func (exportEncoder) event(dst []byte, e *entry.Event) []byte {
	dst = strconv.AppendInt(append(dst, "__REALTIME_TIMESTAMP="...), e.Time, 10)
	dst = append(dst, "\nPRIORITY=4\nSYSLOG_IDENTIFIER=daytwo\n"...)
	dst = appendExport(dst, "DAYTWO_EVENT", string(e.Kind))
	if e.Agent != "" {
		dst = appendExport(dst, exportTags[0], e.Agent)
	}
	if e.Source != "" {
		dst = appendExport(dst, "DAYTWO_SOURCE", e.Source)
	}
	if e.Count > 0 {
		dst = append(strconv.AppendUint(append(dst, "DAYTWO_MISSING="...), e.Count, 10), '\n')
	}
	return append(appendExport(dst, "MESSAGE", e.Message), '\n')
}

// exportable reports whether a name can stand in the format: readers take two underscores
// for what is about the entry.
func exportable(name string) bool {
	if name == "" || len(name) > 1 && name[0] == '_' && name[1] == '_' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; c <= ' ' || c == '=' || c >= 0x7f {
			return false
		}
	}
	return true
}

// appendExport appends a field: text as it is, anything else with its length before it.
func appendExport[T string | []byte](dst []byte, name string, v T) []byte {
	dst = append(dst, name...)
	if plain(v) {
		return append(append(append(dst, '='), v...), '\n')
	}
	dst = binary.LittleEndian.AppendUint64(append(dst, '\n'), uint64(len(v)))
	return append(append(dst, v...), '\n')
}

// plain reports whether a value may follow its name and "=": valid UTF-8 without control
// characters but tab.
func plain[T string | []byte](v T) bool {
	for i := 0; i < len(v); {
		c := v[i]
		if c < utf8.RuneSelf {
			if c < ' ' && c != '\t' || c == 0x7f {
				return false
			}
			i++
			continue
		}
		r, n := decodeRune(v[i:])
		if r == utf8.RuneError && n == 1 || r >= 0x80 && r <= 0x9f {
			return false
		}
		i += n
	}
	return true
}
