package cli

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/daytwo/daytwo/api/v1"
)

// flatEntry returns an entry as journalctl -o json shows it: its fields, and those that
// begin with two underscores. The origin tags are added in capitals, as DC/OS has them,
// unless the entry has fields of these names.
func flatEntry(e *v1.LogEntry) map[string]any {
	if e.Event != "" {
		return map[string]any{"event": e.Event, "message": e.Message, "agent_id": e.AgentID, "source": e.Source,
			"count": e.Count, "realtime_timestamp": e.Realtime}
	}
	flat := make(map[string]any, len(e.Fields)+len(e.Tags)+4)
	flat["__CURSOR"] = e.Cursor
	flat["__REALTIME_TIMESTAMP"] = strconv.FormatInt(e.Realtime, 10)
	if e.Monotonic != nil {
		flat["__MONOTONIC_TIMESTAMP"] = strconv.FormatInt(*e.Monotonic, 10)
	}
	if e.BootID != "" {
		flat["_BOOT_ID"] = e.BootID
	}
	if e.AgentID != "" {
		flat["AGENT_ID"] = e.AgentID
	}
	for tag, value := range e.Tags {
		flat[strings.ToUpper(tag)] = value
	}
	for name, value := range e.Fields {
		flat[name] = flatValue(value)
	}
	return flat
}

// flatValue returns a value as journalctl shows it: bytes that are no text as a list of
// numbers.
func flatValue(v any) any {
	switch v := v.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = flatValue(v[i])
		}
		return list
	case map[string]any:
		numbers := []int{}
		for _, b := range fieldBytes(v) {
			numbers = append(numbers, int(b))
		}
		return numbers
	}
	return v
}

// appendFlat appends an entry as a JSON object: on a line of its own, or indented.
func appendFlat(dst []byte, e *v1.LogEntry, pretty bool) []byte {
	flat := flatEntry(e)
	encode := func(v any) []byte {
		var b strings.Builder
		enc := json.NewEncoder(&b)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(v); err != nil {
			return []byte("null")
		}
		return []byte(strings.TrimSuffix(b.String(), "\n"))
	}
	open, separator, end := "{", ",", "}\n"
	if pretty {
		open, separator, end = "{\n\t", ",\n\t", "\n}\n"
	}
	dst = append(dst, open...)
	for i, name := range slices.Sorted(maps.Keys(flat)) {
		if i > 0 {
			dst = append(dst, separator...)
		}
		dst = append(dst, encode(name)...)
		dst = append(dst, ':')
		if pretty {
			dst = append(dst, ' ')
		}
		dst = append(dst, encode(flat[name])...)
	}
	return append(dst, end...)
}
