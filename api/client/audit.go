package client

import (
	"context"
	"net/url"

	"github.com/daytwo/daytwo/api/v1"
)

// Checkpoints returns what NATS has of a relay's audit log, oldest first; "" is the relay that
// answers.
func (c *Client) Checkpoints(ctx context.Context, relay string) ([]v1.Checkpoint, error) {
	var answer v1.Checkpoints
	q := url.Values{}
	if relay != "" {
		q.Set("relay", relay)
	}
	_, err := c.get(ctx, "/api/v1/audit/checkpoints", q, &answer)
	return answer.Checkpoints, err
}
