package client

import (
	"context"
	"io"
	"net/http"
	"net/url"

	"github.com/daytwo/daytwo/api/v1"
)

// Recordings returns recordings of sessions that a query selects, newest first.
func (c *Client) Recordings(ctx context.Context, q url.Values) (*v1.Recordings, error) {
	doc := new(v1.Recordings)
	_, err := c.get(ctx, "/api/v1/recordings", q, doc)
	return doc, err
}

// SearchRecordings returns lines of recordings that have the text of a query.
func (c *Client) SearchRecordings(ctx context.Context, q url.Values) (*v1.RecordingMatches, error) {
	doc := new(v1.RecordingMatches)
	_, err := c.get(ctx, "/api/v1/recordings/matches", q, doc)
	return doc, err
}

// OpenRecording returns the file of a piece of a recording, which may be encrypted.
func (c *Client) OpenRecording(ctx context.Context, session, piece string) (io.ReadCloser, error) {
	req, err := c.request(ctx, "/api/v1/recordings/"+url.PathEscape(session)+"/"+url.PathEscape(piece), nil)
	if err != nil {
		return nil, err
	}
	resp, err := c.streams.Do(req)
	if err != nil {
		return nil, c.unreachable(err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		return nil, answerError(resp)
	}
	return resp.Body, nil
}
