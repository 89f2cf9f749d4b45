package prom

import (
	"io"
	"net/http"
	"strings"

	"github.com/daytwo/daytwo/api/server/web"
)

// format is a format of an exposition.
type format uint8

const (
	textFormat        format = iota // 0.0.4
	openMetricsFormat               // 1.0.0
	protobufFormat                  // io.prometheus.client.MetricFamily, delimited
)

// contentTypes are the content types of the formats.
var contentTypes = [...]string{
	textFormat:        "text/plain; version=0.0.4; charset=utf-8",
	openMetricsFormat: "application/openmetrics-text; version=1.0.0; charset=utf-8",
	protobufFormat:    "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited",
}

// wantedFormat returns the format that a client prefers; of several, the most
// expressive. Prometheus asks for protocol buffers where it accepts native
// histograms.
func wantedFormat(r *http.Request) format {
	plain := func(v string, _ map[string]string) bool { return v == "text/plain" }
	openMetrics := func(v string, params map[string]string) bool {
		version := params["version"]
		return v == "application/openmetrics-text" && (version == "" || strings.HasPrefix(version, "1."))
	}
	protobuf := func(v string, params map[string]string) bool {
		return v == "application/vnd.google.protobuf" &&
			params["proto"] == "io.prometheus.client.MetricFamily" && params["encoding"] == "delimited"
	}
	best, f := web.Quality(r, "Accept", plain), textFormat
	if q := web.Quality(r, "Accept", openMetrics); q > best {
		best, f = q, openMetricsFormat
	}
	if q := web.Quality(r, "Accept", protobuf); q > 0 && q >= best {
		f = protobufFormat
	}
	return f
}

// begin sets the headers of an exposition. It returns the writer of its text,
// and what is to be called after the last byte.
func begin(w http.ResponseWriter, r *http.Request, f format) (out io.Writer, end func()) {
	h := w.Header()
	h.Set("Content-Type", contentTypes[f])
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Encoding")
	if r.Method == http.MethodHead {
		return io.Discard, func() {}
	}
	return web.Compressed(w, r)
}
