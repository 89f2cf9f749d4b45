package logs

import "net/http"

// format is how entries are written.
type format int

const (
	text format = iota
	jsonLines
	events // server-sent events
)

const (
	textType   = "text/plain"
	jsonType   = "application/json"
	eventsType = "text/event-stream"
)

// accepted returns the format that a request asks for. As in the original, the Accept
// header is compared exactly, and anything else is text. One of DC/OS' clients sends the
// header twice.
func accepted(r *http.Request) (format, string) {
	for _, v := range r.Header.Values("Accept") {
		switch v {
		case jsonType:
			return jsonLines, jsonType
		case eventsType:
			return events, eventsType
		}
	}
	return text, textType
}
