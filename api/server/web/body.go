package web

import (
	"io"
	"net/http"
)

// boundedBody is the body of a request, of which only so many bytes can be read.
type boundedBody struct {
	io.ReadCloser
	whole io.ReadCloser
}

// WholeBody returns the body of a request without the bound that Bounded sets, for a handler that
// reads it as a stream and keeps none of it. No byte may have been read yet.
func WholeBody(r *http.Request) io.ReadCloser {
	if b, ok := r.Body.(*boundedBody); ok {
		return b.whole
	}
	return r.Body
}
