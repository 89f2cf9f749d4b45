package server

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/daytwo/daytwo/api/frame"
	"github.com/daytwo/daytwo/api/query"
	"github.com/klauspost/compress/gzip"
)

// Content types of an exposition.
const (
	textType        = "text/plain; version=0.0.4; charset=utf-8"
	openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
	protoType       = "application/vnd.google.protobuf; proto=io.prometheus.client.MetricFamily; encoding=delimited"
)

// maxScrapes is how many scrapes are answered at once; others wait. Each holds
// a copy of the ticks it writes.
const maxScrapes = 4

// scraper answers scrapes of ticks.
type scraper struct {
	exposition *Exposition
	slots      chan struct{}
}

func newScraper(agentLabel bool) *scraper {
	return &scraper{exposition: NewExposition(agentLabel), slots: make(chan struct{}, maxScrapes)}
}

// serve copies the ticks that get gives and writes them. more and extra, which
// may be nil, add to them: more in any format, extra in the text format 0.0.4,
// which is then the only one.
func (s *scraper) serve(w http.ResponseWriter, r *http.Request, get func() ([]*frame.Batch, error), more func(*promWriter), extra func(io.Writer)) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	ticks, err := get()
	defer func() {
		for _, b := range ticks {
			query.Release(b)
		}
	}()
	if err != nil {
		return err
	}
	format := textFormat
	if extra == nil {
		format = wantedFormat(r)
	}
	out, end := exposer(w, r, format)
	defer end()
	// An error here is the reader's going away: nobody is left to tell.
	_ = s.exposition.write(out, format, more, ticks...)
	if extra != nil {
		extra(out)
	}
	if format == openMetricsFormat {
		_, _ = io.WriteString(out, "# EOF\n")
	}
	return nil
}

// exposer sets the headers of an exposition and returns where its text goes,
// compressed if the client asks for it and is not on this machine, where
// compressing costs more than it saves.
func exposer(w http.ResponseWriter, r *http.Request, format promFormat) (io.Writer, func()) {
	h := w.Header()
	h.Set("Content-Type", [...]string{textFormat: textType, openMetricsFormat: openMetricsType, protoFormat: protoType}[format])
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Accept, Accept-Encoding")
	if r.Method == http.MethodHead {
		return io.Discard, func() {}
	}
	if !acceptsGzip(r) || fromLoopback(r) {
		return w, func() {}
	}
	h.Set("Content-Encoding", "gzip")
	z := gzips.Get().(*gzip.Writer)
	z.Reset(w)
	return z, func() {
		_ = z.Close()
		gzips.Put(z)
	}
}

var gzips = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

// wantedFormat is the format that a client likes best; of several, the one that
// says most. Protocol buffers are what Prometheus asks for where it takes native
// histograms.
func wantedFormat(r *http.Request) promFormat {
	best, format := quality(r, "Accept", func(v string, _ map[string]string) bool { return v == "text/plain" }), textFormat
	if q := quality(r, "Accept", func(v string, params map[string]string) bool {
		version := params["version"]
		return v == "application/openmetrics-text" && (version == "" || strings.HasPrefix(version, "1."))
	}); q > best {
		best, format = q, openMetricsFormat
	}
	if q := quality(r, "Accept", func(v string, params map[string]string) bool {
		return v == "application/vnd.google.protobuf" && params["proto"] == "io.prometheus.client.MetricFamily" && params["encoding"] == "delimited"
	}); q > 0 && q >= best {
		format = protoFormat
	}
	return format
}

func acceptsGzip(r *http.Request) bool {
	return quality(r, "Accept-Encoding", func(v string, _ map[string]string) bool { return v == "gzip" }) > 0
}

// quality is the highest q of the entries of a header that match (RFC 9110,
// 12.4.2), 0 if none does.
func quality(r *http.Request, header string, match func(value string, params map[string]string) bool) float64 {
	best := 0.0
	for _, line := range r.Header.Values(header) {
		for entry := range strings.SplitSeq(line, ",") {
			value, rest, _ := strings.Cut(entry, ";")
			params := map[string]string{}
			for p := range strings.SplitSeq(rest, ";") {
				k, v, _ := strings.Cut(strings.TrimSpace(p), "=")
				params[strings.ToLower(k)] = strings.Trim(v, `"`)
			}
			if !match(strings.ToLower(strings.TrimSpace(value)), params) {
				continue
			}
			q := 1.0
			if s, ok := params["q"]; ok {
				q, _ = strconv.ParseFloat(s, 64)
			}
			if q > best && q <= 1 {
				best = q
			}
		}
	}
	return best
}

// writeMetrics answers with text that writers make, in the text format 0.0.4.
func writeMetrics(w http.ResponseWriter, r *http.Request, writers ...func(io.Writer)) {
	var b bytes.Buffer
	for _, write := range writers {
		write(&b)
	}
	out, end := exposer(w, r, textFormat)
	defer end()
	_, _ = out.Write(b.Bytes())
}
