package rig

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
	"time"
)

// API is an HTTP server of a running program.
type API struct {
	URL   string         // without a slash at its end
	Token string         // sent as the bearer token, "" for none
	netns *Netns         // that it is reached in, nil for the test's own
	roots *x509.CertPool // of its certificate, nil without TLS
}

// StatusError is an answer with another status than 200.
type StatusError struct {
	Path   string
	Status int
	Body   string
}

func (e *StatusError) Error() string { return fmt.Sprintf("%s: %d: %s", e.Path, e.Status, e.Body) }

// Get returns the body of a path, or a *StatusError.
func (a API) Get(path string) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, a.URL+path, nil)
	if err != nil {
		return nil, err
	}
	if a.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token)
	}
	resp, err := a.HTTPClient().Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err == nil && resp.StatusCode != http.StatusOK {
		err = &StatusError{path, resp.StatusCode, string(body)}
	}
	return body, err
}

// MustGet is Get that fails the test where there is an error.
func (a API) MustGet(t testing.TB, path string) string {
	t.Helper()
	body, err := a.Get(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(body)
}

// Into decodes the JSON document of a path.
func (a API) Into(path string, v any) error {
	body, err := a.Get(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("%s: %w in %.200s", path, err, body)
	}
	return nil
}

// MustInto is Into that fails the test where there is an error.
func (a API) MustInto(t testing.TB, path string, v any) {
	t.Helper()
	if err := a.Into(path, v); err != nil {
		t.Fatal(err)
	}
}

// HTTPClient returns a client that reaches the server.
func (a API) HTTPClient() *http.Client {
	if a.roots != nil {
		return &http.Client{Transport: &http.Transport{DisableKeepAlives: true,
			TLSClientConfig: &tls.Config{RootCAs: a.roots}}}
	}
	if a.netns == nil {
		return http.DefaultClient
	}
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, address string) (conn net.Conn, err error) {
			// One literal address is dialled on the calling thread.
			if e := a.netns.Do(func() { conn, err = new(net.Dialer).DialContext(ctx, network, address) }); e != nil {
				return nil, e
			}
			return conn, err
		},
	}}
}
