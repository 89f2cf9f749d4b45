package credentials

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"
)

// Node is a node's credential that was made here.
type Node struct {
	Agent   string     `json:"agent"`
	Key     string     `json:"key"` // public key of the node's NATS user
	Issued  time.Time  `json:"issued"`
	Expires *time.Time `json:"expires,omitempty"`
	Revoked *time.Time `json:"revoked,omitempty"`
}

// maxNodesFile bounds the list of nodes, bytes.
const maxNodesFile = 256 << 20

// Errors about nodes.
var (
	ErrUnknownNode = errors.New("no credential was made here for that agent")
	ErrRevoked     = errors.New("the key is revoked: enrol the node again with a new one")
)

// Nodes returns all credentials of nodes, sorted by agent and age. Those that expired more
// than a day ago are left out.
func (c *Cluster) Nodes() ([]Node, error) {
	return c.readNodes() // which is written as a whole
}

func (c *Cluster) readNodes() ([]Node, error) {
	path := c.path(nodesFile)
	st, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if st.Size() > maxNodesFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxNodesFile)
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var list []Node
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return list, nil
}

func (c *Cluster) writeNodes(list []Node) error {
	old := time.Now().Add(-24 * time.Hour)
	list = slices.DeleteFunc(list, func(n Node) bool { return n.Expires != nil && n.Expires.Before(old) })
	slices.SortFunc(list, func(a, b Node) int {
		return cmp.Or(cmp.Compare(a.Agent, b.Agent), a.Issued.Compare(b.Issued))
	})
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return err
	}
	return writeSecret(c.path(nodesFile), append(text, '\n'))
}

// Enroll makes a credential file for a node. A valid of 0 is without end.
func (c *Cluster) Enroll(agent string, valid time.Duration) ([]byte, error) {
	n := newNode(agent, valid)
	creds, key, err := newUser("node "+agent, c.account, nodeLimits(c.name, agent), expiry(n))
	if err != nil {
		return nil, err
	}
	n.Key = key
	return creds, c.add(n)
}

// Sign returns signed claims for a node that has a key already: so its seed never leaves it.
func (c *Cluster) Sign(agent, key string, valid time.Duration) (string, error) {
	n := newNode(agent, valid)
	n.Key = key
	token, err := signUser("node "+agent, key, c.account, nodeLimits(c.name, agent), expiry(n))
	if err != nil {
		return "", err
	}
	return token, c.add(n)
}

func newNode(agent string, valid time.Duration) Node {
	now := time.Now().UTC().Truncate(time.Second)
	n := Node{Agent: agent, Issued: now}
	if valid > 0 {
		end := now.Add(valid)
		n.Expires = &end
	}
	return n
}

func expiry(n Node) time.Time {
	if n.Expires == nil {
		return time.Time{}
	}
	return *n.Expires
}

// add adds a node to the list, or renews it if its key is there.
func (c *Cluster) add(n Node) error { return c.change(func() error { return c.addLocked(n) }) }

func (c *Cluster) addLocked(n Node) error {
	list, err := c.readNodes()
	if err != nil {
		return err
	}
	for i := range list {
		if list[i].Key != n.Key {
			continue
		}
		if list[i].Agent != n.Agent {
			return fmt.Errorf("the key belongs to agent %s", list[i].Agent)
		}
		if list[i].Revoked != nil {
			return fmt.Errorf("agent %s: %w", n.Agent, ErrRevoked)
		}
		list[i] = n
		return c.writeNodes(list)
	}
	return c.writeNodes(append(list, n))
}

// Revoked reports whether a key is revoked, or is of no node.
func (c *Cluster) Revoked(key string) (bool, error) {
	list, err := c.Nodes()
	for _, n := range list {
		if n.Key == key {
			return n.Revoked != nil, err
		}
	}
	return true, err
}

// Revoke revokes all credentials of an agent, and returns how many. Servers learn of it from
// the account's new claims: see Push.
func (c *Cluster) Revoke(agent string) (count int, err error) {
	err = c.change(func() error {
		count, err = c.revoke(agent)
		return err
	})
	return count, err
}

func (c *Cluster) revoke(agent string) (int, error) {
	list, err := c.readNodes()
	if err != nil {
		return 0, err
	}
	claims, err := c.accountClaims()
	if err != nil {
		return 0, err
	}
	now := time.Now().UTC()
	count, found := 0, false
	for i := range list {
		n := &list[i]
		if n.Agent != agent {
			continue
		}
		found = true
		if n.Revoked == nil {
			n.Revoked = &now
			count++
		}
		claims.RevokeAt(n.Key, now)
	}
	if !found {
		return 0, fmt.Errorf("%s: %w", agent, ErrUnknownNode)
	}
	// Keys that have expired need not be revoked: the claims are sent to all servers.
	for _, n := range list {
		if n.Expires != nil && n.Expires.Before(now) {
			claims.ClearRevocation(n.Key)
		}
	}
	if err := c.encode(accountFile, claims); err != nil {
		return 0, err
	}
	return count, c.writeNodes(list)
}
