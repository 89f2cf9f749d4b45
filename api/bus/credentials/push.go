package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// Push sends the account's claims to all servers of a NATS cluster, which then end the
// connections of revoked users. conn must be of the user in SystemCreds. It waits until no
// further server answers for a second, and returns how many have taken them.
func (c *Cluster) Push(conn *nats.Conn, wait time.Duration) (int, error) {
	_, claims, err := c.Account()
	if err != nil {
		return 0, err
	}
	inbox := conn.NewRespInbox()
	sub, err := conn.SubscribeSync(inbox)
	if err != nil {
		return 0, err
	}
	defer func() { _ = sub.Unsubscribe() }() // the connection may be closed
	if err := conn.PublishRequest("$SYS.REQ.CLAIMS.UPDATE", inbox, []byte(claims)); err != nil {
		return 0, err
	}
	taken := 0
	var refused error
	for next := wait; ; next = time.Second {
		m, err := sub.NextMsg(next)
		switch {
		case errors.Is(err, nats.ErrTimeout) && taken > 0:
			return taken, refused
		case err != nil:
			return taken, errors.Join(refused, fmt.Errorf("no NATS server has taken the account's claims: %w", err))
		}
		var answer struct {
			Data *struct {
				Code int `json:"code"`
			} `json:"data"`
			Error *struct {
				Description string `json:"description"`
			} `json:"error"`
		}
		switch err := json.Unmarshal(m.Data, &answer); {
		case len(m.Data) == 0 && m.Header.Get("Status") == "503":
			return 0, errors.New("no NATS server takes claims of accounts: does it use the configuration of 'daytwo cluster " +
				"init'?")
		case err != nil:
			refused = fmt.Errorf("malformed answer of a NATS server: %w", err)
		case answer.Error != nil:
			refused = fmt.Errorf("a NATS server refuses the account's claims: %s", answer.Error.Description)
		default:
			taken++
		}
	}
}
