package client

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// Limits of a request.
const (
	maxAnswer = 256 << 20        // bytes of the answer
	maxError  = 64 << 10         // bytes of an error's answer
	timeout   = 60 * time.Second // of the whole request
)

// Client sends requests to one relay. It is safe for concurrent use.
type Client struct {
	base    *url.URL
	socket  string // path of a unix socket, "" without one
	token   string
	http    *http.Client
	streams *http.Client // without a deadline
}

// Error is an answer with an error status.
type Error struct {
	Status  int    // HTTP status
	Message string // the reason that the server gives
	Hint    string // what the user can do; may be ""
	Agent   string // the node that did not answer the request for a session, which it may have got; else ""
}

func (e *Error) Error() string {
	s := e.Message
	if s == "" {
		s = http.StatusText(e.Status)
	}
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// NotFound reports whether err is an Error with status 404.
func NotFound(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Status == http.StatusNotFound
}

// Socket returns a client of the relay that listens on a unix socket, which knows by its
// peer who asks: no token is sent.
func Socket(path string) *Client {
	transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}}
	return &Client{
		base: &url.URL{Scheme: "http", Host: "localhost"}, socket: path,
		http:    &http.Client{Transport: transport, Timeout: timeout},
		streams: &http.Client{Transport: transport},
	}
}

// New returns a client of the relay at a URL such as "http://127.0.0.1:8400". The scheme
// is http if it is missing. The token may be "" for routes that do not require one.
func New(relay, token string) (*Client, error) { return NewTLS(relay, token, nil) }

// NewTLS is New for a relay whose certificate is of one of some authorities; nil is those
// of the system.
func NewTLS(relay, token string, roots *x509.CertPool) (*Client, error) {
	if !strings.Contains(relay, "://") {
		relay = "http://" + relay
	}
	u, err := url.Parse(relay)
	if err != nil {
		// The error of package url has the password of one.
		return nil, errors.New("the relay's URL cannot be read: use http://HOST:PORT or https://HOST:PORT")
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fmt.Errorf("the relay's URL %q: use http://HOST:PORT or https://HOST:PORT", u.Redacted())
	}
	u.RawQuery, u.Fragment, u.User = "", "", nil
	u.Path = strings.TrimSuffix(u.Path, "/")
	// The token must not be sent to another server by a redirect.
	redirect := func(r *http.Request, via []*http.Request) error {
		if r.URL.Host != u.Host || r.URL.Scheme != u.Scheme || len(via) > 5 {
			return http.ErrUseLastResponse
		}
		return nil
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.TLSClientConfig = &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}
	return &Client{
		base: u, token: token,
		http:    &http.Client{Transport: transport, Timeout: timeout, CheckRedirect: redirect},
		streams: &http.Client{Transport: transport, CheckRedirect: redirect},
	}, nil
}

// URL returns the URL of the relay, or the path of its unix socket.
func (c *Client) URL() string {
	if c.socket != "" {
		return c.socket
	}
	return c.base.String()
}

// get requests a path, whose segments are escaped, and decodes the JSON answer into v. It
// returns the HTTP status, which is 200 or 204 if err is nil.
func (c *Client) get(ctx context.Context, path string, query url.Values, v any) (int, error) {
	req, err := c.request(ctx, path, query)
	if err != nil {
		return 0, err
	}
	req.Header.Set("Accept", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, c.unreachable(err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNoContent:
		return resp.StatusCode, nil
	case http.StatusOK:
		if v == nil {
			return resp.StatusCode, nil
		}
		if err := json.NewDecoder(io.LimitReader(resp.Body, maxAnswer)).Decode(v); err != nil {
			return 0, fmt.Errorf("%s is not a daytwo relay: the answer to %s is not the expected JSON: %w",
				c.base, path, err)
		}
		return resp.StatusCode, nil
	}
	return resp.StatusCode, answerError(resp)
}

// request makes a GET request for a path, whose segments are escaped.
func (c *Client) request(ctx context.Context, path string, query url.Values) (*http.Request, error) {
	u := c.base.String() + path
	if len(query) > 0 {
		u += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "daytwo")
	if c.token != "" {
		req.Header.Set("Authorization", "Bearer "+c.token)
	}
	return req, nil
}

// unreachable returns the error for a relay that did not answer.
func (c *Client) unreachable(err error) error {
	var ue *url.Error
	if errors.As(err, &ue) {
		err = ue.Err // without the URL, which may be long
	}
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: is daytwo running? start it with 'daytwo up', "+
			"or give --url or DAYTWO_URL: %w", c.URL(), err)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("no answer from %s: %w", c.URL(), err)
}

// answerError returns the Error for an answer with an error status.
func answerError(resp *http.Response) error {
	e := &Error{Status: resp.StatusCode}
	b, _ := io.ReadAll(io.LimitReader(resp.Body, maxError))
	var body struct {
		Error string `json:"error"`
	}
	if json.Unmarshal(b, &body) == nil {
		e.Message = body.Error
	}
	switch resp.StatusCode {
	case http.StatusUnauthorized:
		e.Message = "the relay requires a token, or does not accept this one"
		e.Hint = "run 'daytwo login', or give --token-file or DAYTWO_TOKEN " +
			"(on the relay's machine it is in <data>/token)"
	case http.StatusNotFound:
		if e.Message == "" {
			e.Hint = "is this a daytwo relay of this version or a later one?"
		}
	case http.StatusServiceUnavailable:
		if e.Message == "" {
			e.Hint = "the relay is starting: try again"
		}
	}
	return e
}
