package launch

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/daytwo/daytwo/api/unixsocket"
)

// ErrNoStatsd is the error of a collector that has no StatsD listener.
var ErrNoStatsd = errors.New("the collector has no StatsD listener")

// Client is a client of the launch API of a collector on this machine.
type Client struct {
	path string
	http http.Client
}

// NewClient returns a client of the socket at path.
func NewClient(path string) *Client {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		if err := unixsocket.CheckPath(path); err != nil {
			return nil, err
		}
		return (&net.Dialer{}).DialContext(ctx, "unix", path)
	}
	return &Client{path: path, http: http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{DialContext: dial, DisableKeepAlives: true},
	}}
}

// Add requests a StatsD endpoint for a container. It returns ErrNoStatsd if the collector
// has no StatsD listener.
func (c *Client) Add(ctx context.Context, r Request) (Container, error) {
	var got Container
	body, err := json.Marshal(r)
	if err != nil {
		return got, err
	}
	code, err := c.do(ctx, http.MethodPost, "/container", body, &got)
	if err == nil && code == http.StatusNoContent {
		err = ErrNoStatsd
	}
	return got, err
}

// Remove removes the endpoint of a container.
func (c *Client) Remove(ctx context.Context, id string) error {
	_, err := c.do(ctx, http.MethodDelete, "/container/"+url.PathEscape(id), nil, nil)
	return err
}

// List returns all endpoints.
func (c *Client) List(ctx context.Context) ([]Container, error) {
	var all []Container
	_, err := c.do(ctx, http.MethodGet, "/containers", nil, &all)
	return all, err
}

// do sends a request, and decodes the answer into a value unless that is nil. It returns
// the HTTP status.
func (c *Client) do(ctx context.Context, method, path string, body []byte, into any) (code int, err error) {
	req, err := http.NewRequestWithContext(ctx, method, "http://daytwo"+path, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return 0, fmt.Errorf("ask the collector at %s: %w", c.path, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return 0, fmt.Errorf("ask the collector at %s: %w", c.path, err)
	}
	if resp.StatusCode >= 300 {
		var e Error
		if json.Unmarshal(answer, &e) != nil || e.Error == "" {
			e.Error = resp.Status
		}
		return resp.StatusCode, fmt.Errorf("the collector: %s", e.Error)
	}
	if into != nil && resp.StatusCode != http.StatusNoContent {
		if err := json.Unmarshal(answer, into); err != nil {
			return 0, fmt.Errorf("the collector's answer: %w", err)
		}
	}
	if c, ok := into.(*Container); ok {
		c.AgentID = resp.Header.Get(AgentIDHeader)
	}
	return resp.StatusCode, nil
}
