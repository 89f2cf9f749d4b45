package oidc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http"
	"net/url"
	"time"
)

// maxAnswer bounds each answer of the provider, bytes.
const maxAnswer = 1 << 20

// maxError bounds the text of an error, which may repeat such an answer, bytes.
const maxError = 300

// newClient returns a client for requests to a provider, which may be slow, or somebody else.
// It follows no redirects: secrets are for the endpoints that were discovered.
func newClient(roots *x509.CertPool, timeout time.Duration) *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &http.Client{Transport: bounded{t}, Timeout: timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// bounded bounds answers, as the libraries read some of them whole.
type bounded struct{ *http.Transport }

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	resp.Body = http.MaxBytesReader(nil, resp.Body, maxAnswer)
	return resp, nil
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
