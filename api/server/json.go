package server

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/klauspost/compress/gzip"
)

// gzipFrom is the size from which an answer is worth compressing, in bytes.
const gzipFrom = 4 << 10

// writeJSON answers with a value.
func writeJSON(w http.ResponseWriter, r *http.Request, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	writeBody(w, r, "application/json; charset=utf-8", b.Bytes())
	return nil
}

// writeBody answers with a body, compressed where that pays.
func writeBody(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Vary", "Accept-Encoding")
	if len(body) < gzipFrom || !acceptsGzip(r) || fromLoopback(r) {
		_, _ = w.Write(body) // an error is the reader's going away
		return
	}
	h.Set("Content-Encoding", "gzip")
	z := gzips.Get().(*gzip.Writer)
	defer gzips.Put(z)
	z.Reset(w)
	_, _ = z.Write(body)
	_ = z.Close()
}
