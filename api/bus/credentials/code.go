package credentials

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base32"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/daytwo/daytwo/api/regularfile"
)

// code is an enrolment code that was made here: the right to get one node's credential. The
// code itself is not kept.
type code struct {
	Hash    string    `json:"hash"`            // SHA-256 of the secret
	Agent   string    `json:"agent,omitempty"` // the only one that may use it; "": any that has no credential
	Expires time.Time `json:"expires"`
	Key     string    `json:"key,omitempty"` // public key of the node that has used it
	By      string    `json:"by,omitempty"`  // the agent of that key
}

const (
	maxCodes     = 10_000 // at a time
	maxCodesFile = 8 << 20
)

// Errors of enrolment.
var (
	// ErrCode says on purpose no more.
	ErrCode  = errors.New("the enrolment code is wrong, expired, or was used already")
	ErrTaken = errors.New("that agent has a credential already: revoke it first ('daytwo node revoke'), " +
		"or use a code that was made for it ('daytwo node code --agent-id')")
)

// NewCodes makes enrolment codes, each for one node, valid for a time. agent is the only node
// that may use them, "" for any.
func (c *Cluster) NewCodes(n int, agent string, valid time.Duration) ([]string, time.Time, error) {
	ca, err := c.certificate()
	if err != nil {
		return nil, time.Time{}, err
	}
	pin := Pin(ca)
	expires := time.Now().UTC().Truncate(time.Second).Add(valid)
	var codes []string
	err = c.change(func() error {
		list, err := c.readCodes()
		if err != nil {
			return err
		}
		if len(list)+n > maxCodes {
			return fmt.Errorf("there are %d codes that have not expired, and at most %d may be", len(list), maxCodes)
		}
		for range n {
			secret := rand.Text()
			codes = append(codes, secret+"-"+pin)
			list = append(list, code{Hash: hash(secret), Agent: agent, Expires: expires})
		}
		return c.writeCodes(list)
	})
	return codes, expires, err
}

// Redeem returns signed claims for a node that has a key and an enrolment code. Who has used a
// code may use it again until it expires: the answer may have been lost.
func (c *Cluster) Redeem(secret, agent, key string, valid time.Duration) (token string, err error) {
	n := newNode(agent, valid)
	n.Key = key
	err = c.change(func() error {
		codes, err := c.readCodes()
		if err != nil {
			return err
		}
		i := slices.IndexFunc(codes, func(k code) bool { return k.Hash == hash(secret) })
		if i < 0 {
			return ErrCode
		}
		k := &codes[i]
		switch {
		case k.Key == "" && (k.Agent == "" || k.Agent == agent):
		case k.Key == key && k.By == agent:
		default:
			return ErrCode
		}
		if k.Agent == "" {
			if err := c.untaken(agent, key); err != nil {
				return err
			}
		}
		if token, err = signUser("node "+agent, key, c.account, nodeLimits(c.name, agent), expiry(n)); err != nil {
			return err
		}
		k.Key, k.By = key, agent
		return errors.Join(c.addLocked(n), c.writeCodes(codes))
	})
	if err != nil {
		return "", err
	}
	return token, nil
}

// untaken returns ErrTaken if an agent has a credential with another key that is valid.
func (c *Cluster) untaken(agent, key string) error {
	list, err := c.readNodes()
	now := time.Now()
	for _, n := range list {
		if n.Agent == agent && n.Key != key && n.Revoked == nil && (n.Expires == nil || n.Expires.After(now)) {
			return ErrTaken
		}
	}
	return err
}

// readCodes returns the codes that have not expired.
func (c *Cluster) readCodes() (list []code, err error) {
	text, err := regularfile.Read(c.path(codesFile), maxCodesFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(text, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", c.path(codesFile), err)
	}
	now := time.Now()
	return slices.DeleteFunc(list, func(k code) bool { return !k.Expires.After(now) }), nil
}

func (c *Cluster) writeCodes(list []code) error {
	text, err := json.MarshalIndent(list, "", " ")
	if err != nil {
		return err
	}
	return writeSecret(c.path(codesFile), append(text, '\n'))
}

func hash(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// Pin names the authority of a cluster, by its public key: a node with a code knows by it that
// it speaks with the relay of this cluster.
func Pin(ca *x509.Certificate) string {
	sum := sha256.Sum256(ca.RawSubjectPublicKeyInfo)
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(sum[:16])
}

// ParseCode returns the parts of an enrolment code: its secret, and the pin of the authority.
func ParseCode(code string) (secret, pin string, err error) {
	secret, pin, ok := strings.Cut(strings.ToUpper(strings.TrimSpace(code)), "-")
	base := base32.StdEncoding.WithPadding(base32.NoPadding)
	if b, err := base.DecodeString(pin); !ok || err != nil || len(b) != 16 || len(secret) != len(pin) ||
		bytes.ContainsFunc([]byte(secret), func(r rune) bool { return !(r >= 'A' && r <= 'Z' || r >= '2' && r <= '7') }) {
		return "", "", errors.New("this is no enrolment code: it looks as 'daytwo node code' prints it")
	}
	return secret, pin, nil
}
