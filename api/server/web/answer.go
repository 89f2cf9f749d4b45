package web

import (
	"bytes"
	"encoding/json"
	"net/http"
)

// JSONType is the content type of JSON answers.
const JSONType = "application/json; charset=utf-8"

// gzipFrom is the size from which answers are compressed, in bytes.
const gzipFrom = 4 << 10

// WriteJSON answers with v as JSON.
func WriteJSON(w http.ResponseWriter, r *http.Request, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	WriteBody(w, r, JSONType, b.Bytes())
	return nil
}

// WriteBody answers with a body, which it compresses if the client accepts that and the body
// is large enough.
func WriteBody(w http.ResponseWriter, r *http.Request, contentType string, body []byte) {
	h := w.Header()
	h.Set("Content-Type", contentType)
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	h.Set("Vary", "Accept-Encoding")
	if len(body) < gzipFrom {
		_, _ = w.Write(body) // an error means that the client has closed the connection
		return
	}
	out, end := Compressed(w, r)
	defer end()
	_, _ = out.Write(body)
}
