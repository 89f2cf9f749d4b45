package credentials

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go"
)

// pushAgain is after how long without an answer claims are sent again: what is sent to a
// cluster whose connections are just changing may be lost.
const pushAgain = 2 * time.Second

// Push sends the account's claims to all servers of a NATS cluster, which then end the
// connections of revoked users. conn must be of the user in SystemCreds. It waits until no
// further server answers for a second, and returns how many have taken them. wait is for the
// first answer.
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
	send := func() error { return conn.PublishRequest("$SYS.REQ.CLAIMS.UPDATE", inbox, []byte(claims)) }
	if err := send(); err != nil {
		return 0, err
	}
	servers := map[string]bool{} // which have taken them
	var refused error
	for end := time.Now().Add(wait); ; {
		next := time.Second
		if len(servers) == 0 {
			next = min(pushAgain, time.Until(end))
		}
		m, err := sub.NextMsg(next)
		switch {
		case errors.Is(err, nats.ErrTimeout) && len(servers) > 0:
			return len(servers), refused
		case errors.Is(err, nats.ErrTimeout) && time.Now().Before(end):
			if err := send(); err != nil {
				return 0, err
			}
			continue
		case err != nil:
			return len(servers), errors.Join(refused, fmt.Errorf("no NATS server has taken the account's claims: %w", err))
		}
		var answer struct {
			Server struct {
				ID string `json:"id"`
			} `json:"server"`
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
			servers[answer.Server.ID] = true
		}
	}
}
