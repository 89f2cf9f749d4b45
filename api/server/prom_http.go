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
	"github.com/klauspost/compress/gzip"
)

// Content types of an exposition.
const (
	textType        = "text/plain; version=0.0.4; charset=utf-8"
	openMetricsType = "application/openmetrics-text; version=1.0.0; charset=utf-8"
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

// serve copies the ticks that get gives and writes them. extra, which may be
// nil, adds more in the text format 0.0.4.
func (s *scraper) serve(w http.ResponseWriter, r *http.Request, get func() ([]*frame.Batch, error), extra func(io.Writer)) error {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-r.Context().Done():
		return r.Context().Err()
	}
	ticks, err := get()
	defer func() {
		for _, b := range ticks {
			release(b)
		}
	}()
	if err != nil {
		return err
	}
	openMetrics := extra == nil && wantsOpenMetrics(r)
	out, end := exposer(w, r, openMetrics)
	defer end()
	// An error here is the reader's going away: nobody is left to tell.
	_ = s.exposition.Write(out, openMetrics, ticks...)
	if extra != nil {
		extra(out)
	}
	if openMetrics {
		_, _ = io.WriteString(out, "# EOF\n")
	}
	return nil
}

// exposer sets the headers of an exposition and returns where its text goes,
// compressed if the client asks for it and is not on this machine, where
// compressing costs more than it saves.
func exposer(w http.ResponseWriter, r *http.Request, openMetrics bool) (io.Writer, func()) {
	h := w.Header()
	h.Set("Content-Type", textType)
	if openMetrics {
		h.Set("Content-Type", openMetricsType)
	}
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

// wantsOpenMetrics tells whether a client prefers OpenMetrics 1.0 to the text format.
func wantsOpenMetrics(r *http.Request) bool {
	return quality(r, "Accept", func(v string, params map[string]string) bool {
		version := params["version"]
		return v == "application/openmetrics-text" && (version == "" || strings.HasPrefix(version, "1."))
	}) > quality(r, "Accept", func(v string, params map[string]string) bool { return v == "text/plain" })
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
	out, end := exposer(w, r, false)
	defer end()
	_, _ = out.Write(b.Bytes())
}
