package web

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
)

var gzips = sync.Pool{New: func() any {
	z, err := gzip.NewWriterLevel(io.Discard, gzip.BestSpeed)
	if err != nil {
		panic(err) // the level is a constant
	}
	return z
}}

// Compressed returns a writer of the answer's body. It compresses if the client accepts it
// and is on another machine; on this machine compression costs more than it saves. The
// caller sets all headers but Content-Encoding before, and calls end after the last byte.
func Compressed(w http.ResponseWriter, r *http.Request) (body io.Writer, end func()) {
	if !acceptsGzip(r) || fromLoopback(r) {
		return w, func() {}
	}
	w.Header().Set("Content-Encoding", "gzip")
	z := gzips.Get().(*gzip.Writer)
	z.Reset(w)
	return z, func() {
		_ = z.Close()
		gzips.Put(z)
	}
}

func fromLoopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	ip := net.ParseIP(host)
	return err == nil && ip != nil && ip.IsLoopback()
}

func acceptsGzip(r *http.Request) bool {
	return Quality(r, "Accept-Encoding", func(v string, _ map[string]string) bool { return v == "gzip" }) > 0
}

// Quality returns the highest q of the entries of a header that match (RFC 9110,
// 12.4.2), 0 if none does. match gets an entry and its parameters in lower case.
func Quality(r *http.Request, header string, match func(value string, params map[string]string) bool) float64 {
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
