package credentials

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Proof returns what a node signs with its key to show that it has it, for a purpose.
func Proof(purpose, agent, with string) []byte {
	return []byte("daytwo " + purpose + "\n" + agent + "\n" + with)
}

// CheckProof returns an error unless a public key has signed a Proof.
func CheckProof(key string, proof, signature []byte) error {
	if !nkeys.IsValidPublicUserKey(key) {
		return fmt.Errorf("%.60q is not the public key of a NATS user", key)
	}
	k, err := nkeys.FromPublicKey(key)
	if err == nil {
		err = k.Verify(proof, signature)
	}
	if err != nil {
		return errors.New("the signature is not of the key: the node must sign with the seed of its own")
	}
	return nil
}

// Renew returns new signed claims in place of a node's own, which are still valid and not
// revoked. The node shows by a signature that it has the key of the old ones, and keeps it.
func (c *Cluster) Renew(agent, token string, signature []byte, valid time.Duration) (string, error) {
	claims, err := jwt.DecodeUserClaims(token)
	if err != nil {
		return "", fmt.Errorf("claims of a user: %w", err)
	}
	account, err := c.account.PublicKey()
	if err != nil {
		return "", err
	}
	switch {
	case claims.Issuer != account:
		return "", errors.New("the claims are of another cluster")
	case claims.Expires != 0 && claims.Expires <= time.Now().Unix():
		return "", errors.New("the credential has expired: enrol the node again with a new code")
	}
	if err := CheckProof(claims.Subject, Proof("renew", agent, token), signature); err != nil {
		return "", err
	}
	n := newNode(agent, valid)
	n.Key = claims.Subject
	renewed, err := signUser("node "+agent, n.Key, c.account, nodeLimits(c.name, agent), expiry(n))
	if err != nil {
		return "", err
	}
	err = c.change(func() error {
		list, err := c.readNodes()
		if err != nil {
			return err
		}
		if !slices.ContainsFunc(list, func(old Node) bool { return old.Key == n.Key }) {
			return fmt.Errorf("%s: %w", agent, ErrUnknownNode)
		}
		return c.addLocked(n)
	})
	if err != nil {
		return "", err
	}
	return renewed, nil
}

// RenewRequest is what a node sends on the subject bus.Renew.
type RenewRequest struct {
	JWT       string `json:"jwt"`       // its claims
	Signature []byte `json:"signature"` // of Proof("renew", agent, JWT) by its key
}

// Renewal is the answer to a RenewRequest: new claims, or why there are none.
type Renewal struct {
	JWT   string `json:"jwt,omitempty"`
	Error string `json:"error,omitempty"`
}
