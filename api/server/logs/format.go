package logs

import (
	"net/http"
	"strings"

	"github.com/daytwo/daytwo/api/entry"
	"github.com/daytwo/daytwo/api/server/logstream"
	"github.com/daytwo/daytwo/api/server/web"
)

// format is one of the formats in which entries are answered.
type format struct {
	name        string
	contentType string
	accept      []string                   // content types of the Accept header that ask for it
	extension   string                     // of downloads
	whole       bool                       // without a limit it has all entries, as its clients expect
	ping        string                     // what is sent while nothing comes; "" if the format has no comments
	fields      []string                   // that it shows; nil for all
	encoder     func(several bool) encoder // several: the entries may be of several containers
}

// encoder appends records in a format. It is not safe for concurrent use, and allocates
// nothing once its buffers have grown.
type encoder interface {
	entry(dst []byte, e *entry.Entry) []byte
	event(dst []byte, e *entry.Event) []byte
}

// encode returns what appends records in the format.
func (f *format) encode(several bool) logstream.Encode {
	enc := f.encoder(several)
	return func(dst []byte, rec entry.Record) []byte {
		switch {
		case rec.Entry != nil:
			return enc.entry(dst, rec.Entry)
		case rec.Event != nil:
			return enc.event(dst, rec.Event)
		}
		return append(dst, f.ping...)
	}
}

// formats holds all formats; the first one is the default.
var formats = []*format{
	{
		name: "text", contentType: "text/plain; charset=utf-8", accept: []string{"text/plain", "text/*", "*/*"},
		extension: "log", fields: textFields,
		encoder: func(several bool) encoder { return newTextEncoder(several) },
	},
	{
		name: "json", contentType: "application/x-ndjson; charset=utf-8", extension: "jsonl",
		accept: []string{"application/json", "application/x-ndjson", "application/jsonl", "application/ndjson",
			"application/*"},
		encoder: func(bool) encoder { return new(jsonEncoder) },
	},
	{
		name: "sse", contentType: "text/event-stream", accept: []string{"text/event-stream"},
		extension: "txt", ping: ": ping\n\n",
		encoder: func(bool) encoder { return new(sseEncoder) },
	},
	{
		name: "export", contentType: "application/vnd.fdo.journal", accept: []string{"application/vnd.fdo.journal"},
		extension: "export", whole: true,
		encoder: func(bool) encoder { return new(exportEncoder) },
	},
}

// chooseFormat returns the format that the parameter names, or the one of the Accept
// header's that the client prefers.
func chooseFormat(r *http.Request, name string) (*format, error) {
	var names []string
	for _, f := range formats {
		if name == f.name {
			return f, nil
		}
		names = append(names, f.name)
	}
	if name != "" {
		return nil, web.BadRequest("format=%q: use one of %s", name, strings.Join(names, ", "))
	}
	if r.Header.Get("Accept") == "" {
		return formats[0], nil
	}
	var best *format
	quality := 0.0
	for _, f := range formats {
		for i, accept := range f.accept {
			q := web.Quality(r, "Accept", func(v string, _ map[string]string) bool { return v == accept })
			if q > 0 && strings.HasSuffix(accept, "*") {
				q -= 1e-4 * float64(i+1) // the exact type is preferred
			}
			if q > quality {
				best, quality = f, q
			}
		}
	}
	if best == nil {
		return nil, &web.Error{Status: http.StatusNotAcceptable,
			Message: "no format of the Accept header can be had: use ?format= with one of " + strings.Join(names, ", ")}
	}
	return best, nil
}
