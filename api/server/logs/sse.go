package logs

import "github.com/daytwo/daytwo/api/entry"

// sseEncoder appends records as server-sent events
// (https://html.spec.whatwg.org/multipage/server-sent-events.html): the id of an entry is
// its cursor, the name of an event its kind, and the data a v1.LogEntry.
type sseEncoder struct {
	json jsonEncoder
}

func (s *sseEncoder) entry(dst []byte, e *entry.Entry) []byte {
	if e.Cursor != "" {
		dst = append(append(append(dst, "id: "...), e.Cursor...), '\n')
	}
	dst = append(dst, "data: "...)
	return append(s.json.object(dst, e), "\n\n"...)
}

func (s *sseEncoder) event(dst []byte, e *entry.Event) []byte {
	dst = append(append(append(dst, "event: "...), e.Kind...), "\ndata: "...)
	return append(appendEvent(dst, e), "\n\n"...)
}
