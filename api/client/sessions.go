package client

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/coder/websocket"

	"github.com/daytwo/daytwo/api/session/wire"
	"github.com/daytwo/daytwo/api/v1"
)

// Sessions returns the sessions that may be seen.
func (c *Client) Sessions(ctx context.Context) (*v1.Sessions, error) {
	doc := new(v1.Sessions)
	_, err := c.get(ctx, "/api/v1/sessions", nil, doc)
	return doc, err
}

// KillSession ends a session. agent may be "".
func (c *Client) KillSession(ctx context.Context, agent, id string) error {
	q := url.Values{}
	if agent != "" {
		q.Set("agent", agent)
	}
	req, err := c.request(ctx, "/api/v1/sessions/"+url.PathEscape(id), q)
	if err != nil {
		return err
	}
	req.Method = http.MethodDelete
	resp, err := c.http.Do(req)
	if err != nil {
		return c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusNoContent {
		return answerError(resp)
	}
	return nil
}

// DialSession opens a session or connects to one, and returns the connection, whose messages
// are those of package wire. An answer that says no is an *Error.
func (c *Client) DialSession(ctx context.Context, q *v1.SessionRequest) (io.ReadWriteCloser, *v1.SessionAnswer, error) {
	request, err := json.Marshal(q)
	if err != nil {
		return nil, nil, err
	}
	header := http.Header{"User-Agent": {"daytwo"}}
	if c.token != "" {
		header.Set("Authorization", "Bearer "+c.token)
	}
	ws, resp, err := websocket.Dial(ctx, c.base.String()+"/api/v1/sessions", &websocket.DialOptions{
		HTTPClient: c.streams, HTTPHeader: header, Subprotocols: []string{v1.SessionProtocol},
		CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		if resp != nil && resp.StatusCode >= http.StatusBadRequest {
			return nil, nil, answerError(resp)
		}
		return nil, nil, c.unreachable(err)
	}
	answer, err := begin(ctx, ws, request)
	if err != nil {
		_ = ws.CloseNow()
		return nil, nil, err
	}
	return &sessionConn{ws: ws}, answer, nil
}

// begin sends the request and reads the answer.
func begin(ctx context.Context, ws *websocket.Conn, request []byte) (*v1.SessionAnswer, error) {
	ws.SetReadLimit(maxError)
	if err := ws.Write(ctx, websocket.MessageText, request); err != nil {
		return nil, fmt.Errorf("ask for a session: %w", err)
	}
	kind, b, err := ws.Read(ctx)
	if err != nil {
		return nil, fmt.Errorf("ask for a session: %w", err)
	}
	answer := new(v1.SessionAnswer)
	if err := json.Unmarshal(b, answer); err != nil || kind != websocket.MessageText {
		return nil, fmt.Errorf("the answer to a request for a session is not the expected JSON: %w", err)
	}
	if answer.Status != 0 {
		return nil, &Error{Status: answer.Status, Message: answer.Error}
	}
	ws.SetReadLimit(4 * wire.MaxMessage)
	return answer, nil
}

// sessionConn makes a stream of a WebSocket's binary messages.
type sessionConn struct {
	ws   *websocket.Conn
	rest io.Reader // of the message that is read
}

func (c *sessionConn) Read(p []byte) (int, error) {
	for {
		if c.rest == nil {
			kind, r, err := c.ws.Reader(context.Background())
			if websocket.CloseStatus(err) == websocket.StatusNormalClosure {
				return 0, io.EOF
			}
			if err != nil {
				return 0, err
			}
			if kind != websocket.MessageBinary {
				continue
			}
			c.rest = r
		}
		n, err := c.rest.Read(p)
		if err == io.EOF {
			c.rest = nil
			if n == 0 {
				continue
			}
			err = nil
		}
		return n, err
	}
}

func (c *sessionConn) Write(p []byte) (int, error) {
	if err := c.ws.Write(context.Background(), websocket.MessageBinary, p); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *sessionConn) Close() error { return c.ws.CloseNow() }
