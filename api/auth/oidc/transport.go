package oidc

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds each answer of the provider, bytes: less than what the libraries read of some.
const maxAnswer = 512 << 10

// maxError bounds the text of an error, which may repeat such an answer, bytes.
const maxError = 300

// newClient returns a client for requests to a provider, which may be slow, or somebody else.
// It follows no redirects: secrets are for the endpoints that were discovered.
func newClient(roots *x509.CertPool, timeout time.Duration) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: bounded{t, timeout},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// bounded bounds requests in time and answers in size: the libraries read some of them whole,
// and neither pass on every context nor close every body, as http.Client.Timeout requires.
type bounded struct {
	*http.Transport
	timeout time.Duration
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), b.timeout)
	resp, err := b.Transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		cancel()
		return nil, err
	}
	resp.Body = body{http.MaxBytesReader(nil, resp.Body, maxAnswer), cancel}
	return resp, nil
}

// body ends its request when it is read or closed.
type body struct {
	io.ReadCloser
	cancel context.CancelFunc
}

func (b body) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.cancel()
	}
	return n, err
}

func (b body) Close() error {
	b.cancel()
	return b.ReadCloser.Close()
}

// brief returns an error with the beginning of its text.
func brief(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		err = u.Err // without the URL, which may be long
	}
	if text := err.Error(); len(text) > maxError {
		return errors.New(text[:maxError] + "…")
	}
	return err
}
