package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

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

// SessionRequests returns the sessions that wait for somebody's approval.
func (c *Client) SessionRequests(ctx context.Context) (*v1.SessionPending, error) {
	doc := new(v1.SessionPending)
	_, err := c.get(ctx, "/api/v1/session-requests", nil, doc)
	return doc, err
}

// ApproveSession approves a session that waits.
func (c *Client) ApproveSession(ctx context.Context, id string) error {
	return c.decideSession(ctx, id, "approve", nil)
}

// DenySession denies a session that waits, or withdraws an own one.
func (c *Client) DenySession(ctx context.Context, id, reason string) error {
	return c.decideSession(ctx, id, "deny", &v1.SessionDenial{Reason: reason})
}

func (c *Client) decideSession(ctx context.Context, id, what string, body *v1.SessionDenial) error {
	req, err := c.request(ctx, "/api/v1/session-requests/"+url.PathEscape(id)+"/"+what, nil)
	if err != nil {
		return err
	}
	req.Method = http.MethodPost
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(b)), int64(len(b))
		req.Header.Set("Content-Type", "application/json")
	}
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

// NoAnswerError is that the connection to a relay was lost after the request had been sent:
// nobody knows whether the relay has done what it was asked for.
type NoAnswerError struct{ Err error }

func (e *NoAnswerError) Error() string { return "ask for a session: " + e.Err.Error() }
func (e *NoAnswerError) Unwrap() error { return e.Err }

// DialSession opens a session or connects to one, and returns the connection, whose messages
// are those of package wire. An answer that says no is an *Error. What is given as waiting is
// called, again and again, while the session waits for another person's approval. After a
// *NoAnswerError the session may be there, if the request has chosen its id.
func (c *Client) DialSession(ctx context.Context, q *v1.SessionRequest, waiting ...func(*v1.SessionAnswer)) (
	io.ReadWriteCloser, *v1.SessionAnswer, error) {
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
	answer, err := begin(ctx, ws, request, waiting)
	if err != nil {
		_ = ws.CloseNow()
		return nil, nil, err
	}
	return &sessionConn{ws: ws}, answer, nil
}

// begin sends the request and reads the answer.
func begin(ctx context.Context, ws *websocket.Conn, request []byte, waiting []func(*v1.SessionAnswer)) (
	*v1.SessionAnswer, error) {
	ws.SetReadLimit(maxError)
	if err := ws.Write(ctx, websocket.MessageText, request); err != nil {
		return nil, &NoAnswerError{err}
	}
	for {
		answer, err := readAnswer(ctx, ws)
		if err != nil {
			return nil, err
		}
		if answer.Waiting == nil {
			ws.SetReadLimit(4 * wire.MaxMessage)
			return answer, nil
		}
		for _, f := range waiting {
			f(answer)
		}
	}
}

// answerTime is how long nothing may come while a session waits for an approval. The relay says
// every few seconds that it does.
const answerTime = 45 * time.Second

func readAnswer(ctx context.Context, ws *websocket.Conn) (*v1.SessionAnswer, error) {
	ctx, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	kind, b, err := ws.Read(ctx)
	if err != nil {
		return nil, &NoAnswerError{err}
	}
	answer := new(v1.SessionAnswer)
	if err := json.Unmarshal(b, answer); err != nil || kind != websocket.MessageText {
		return nil, fmt.Errorf("the answer to a request for a session is not the expected JSON: %w", err)
	}
	if answer.Status != 0 {
		return nil, &Error{Status: answer.Status, Message: answer.Error, Agent: answer.Agent}
	}
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
			if kind != websocket.MessageBinary { // of a later version; it has to be read to its end
				if _, err := io.Copy(io.Discard, r); err != nil {
					return 0, err
				}
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
