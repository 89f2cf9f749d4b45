package sink

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"
)

// maxAnswer bounds the answer of a receiver that is read, in bytes.
const maxAnswer = 64 << 20

// NewHTTPClient returns a client that follows no redirect, since a receiver that sends one
// elsewhere would get the credentials, and that keeps few connections.
func NewHTTPClient(t *TLS) (*http.Client, error) {
	cfg, err := t.Config()
	if err != nil {
		return nil, err
	}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, TLSClientConfig: cfg, ForceAttemptHTTP2: true,
			DialContext:         (&net.Dialer{Timeout: 10 * time.Second}).DialContext,
			MaxIdleConnsPerHost: 2, IdleConnTimeout: 90 * time.Second, TLSHandshakeTimeout: 10 * time.Second,
		},
	}, nil
}

// Answer is what an HTTP receiver answered.
type Answer struct {
	Status int
	Body   []byte
	After  time.Duration // of the header Retry-After, 0 without one
}

// Post sends a body, compressed with gzip if zip is set, and returns the answer. It returns
// an error if there was no whole answer.
func Post(ctx context.Context, c *http.Client, url string, header http.Header, body []byte, zip bool) (Answer, error) {
	sent := body
	if zip {
		var b bytes.Buffer
		w, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // fails for an unknown level only
		_, _ = w.Write(body)
		w.Close()
		sent = b.Bytes()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(sent))
	if err != nil {
		return Answer{}, err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	if zip {
		req.Header.Set("Content-Encoding", "gzip")
	}
	return Do(c, req)
}

// Do sends a request and reads the answer.
func Do(c *http.Client, req *http.Request) (Answer, error) {
	req.Header.Set("User-Agent", "daytwo")
	resp, err := c.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	a := Answer{Status: resp.StatusCode}
	if a.Body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer)); err != nil {
		return a, fmt.Errorf("status %d, then: %w", a.Status, err)
	}
	if a.Status == http.StatusBadRequest && (bytes.Contains(a.Body, []byte("HTTPS server")) ||
		bytes.Contains(a.Body, []byte("HTTPS port"))) { // about the connection, not about a record
		return a, &a
	}
	if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
		a.After = time.Duration(min(s, 3600)) * time.Second
	}
	return a, nil
}

// Error describes an answer with an unexpected status.
func (a *Answer) Error() string {
	return fmt.Sprintf("status %d: %s", a.Status, Excerpt(a.Body))
}

// Excerpt returns the beginning of an answer, on one line.
func Excerpt(b []byte) string {
	const most = 300
	s := string(bytes.Join(bytes.Fields(bytes.ToValidUTF8(b[:min(len(b), 4*most)], []byte("?"))), []byte(" ")))
	if len(s) > most {
		return string(cut([]byte(s), most)) + "…"
	}
	if s == "" {
		return "without an explanation"
	}
	return s
}
