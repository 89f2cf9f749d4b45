package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Login signs a local user of the relay in, and returns a token.
func (c *Client) Login(ctx context.Context, name, password string) (string, error) {
	body, err := json.Marshal(map[string]string{"uid": name, "password": password})
	if err != nil {
		return "", err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base.String()+"/acs/api/v1/auth/login",
		bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "daytwo")
	resp, err := c.http.Do(req)
	if err != nil {
		return "", c.unreachable(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		err := answerError(resp)
		var e *Error
		if errors.As(err, &e) && e.Status == http.StatusUnauthorized {
			e.Message, e.Hint = "the name or the password is wrong", ""
		}
		return "", err
	}
	var answer struct {
		Token string `json:"token"`
	}
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxError)).Decode(&answer); err != nil || answer.Token == "" {
		return "", fmt.Errorf("%s is not a daytwo relay: its answer has no token", c.base)
	}
	return answer.Token, nil
}
