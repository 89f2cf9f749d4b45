package client

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"

	"github.com/daytwo/daytwo/api/v1"
)

// Sinks returns the relay's sinks of logs.
func (c *Client) Sinks(ctx context.Context) (*v1.Sinks, error) {
	var answer v1.Sinks
	if _, err := c.get(ctx, "/api/v1/sinks", nil, &answer); err != nil {
		return nil, err
	}
	return &answer, nil
}

// PauseSink stops a sink.
func (c *Client) PauseSink(ctx context.Context, name string) error {
	return c.post(ctx, sinkPath(name)+"/pause", nil)
}

// ResumeSink lets a paused sink go on.
func (c *Client) ResumeSink(ctx context.Context, name string) error {
	return c.post(ctx, sinkPath(name)+"/resume", nil)
}

// ResetSink moves a sink's position: to "start", "end", or a time as journalctl reads it.
func (c *Client) ResetSink(ctx context.Context, name, to string) error {
	return c.post(ctx, sinkPath(name)+"/reset", url.Values{"to": {to}})
}

// TestSink checks whether a sink's receiver can be used.
func (c *Client) TestSink(ctx context.Context, name string) error {
	return c.post(ctx, sinkPath(name)+"/test", nil)
}

// DeadLetters returns the newest records that a sink's receiver refused, oldest first.
func (c *Client) DeadLetters(ctx context.Context, name string, limit int) ([]json.RawMessage, error) {
	var answer v1.DeadLetters
	_, err := c.get(ctx, sinkPath(name)+"/dead", url.Values{"limit": {strconv.Itoa(limit)}}, &answer)
	return answer.Dead, err
}

func sinkPath(name string) string { return "/api/v1/sinks/" + url.PathEscape(name) }

// post sends a request without a body, and discards the answer if it is no error.
func (c *Client) post(ctx context.Context, path string, query url.Values) error {
	req, err := c.request(ctx, path, query)
	if err != nil {
		return err
	}
	req.Method = http.MethodPost
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return answerError(resp)
	}
	return nil
}
