package join

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/regularfile"
	"github.com/daytwo/daytwo/api/v1"
)

// Dir is the name of the directory, in a node's data directory, that enrolment keeps.
const Dir = "node"

// Names of the files in Dir.
const (
	credsFile = "nats.creds" // comes last: where it is, all of them are
	caFile    = "ca.crt"
	nodeFile  = "node.json"
	seedFile  = "new.nk" // of a key that has no credential yet
)

const maxFile = 64 << 10

// Node is what a node that was enrolled knows of its cluster.
type Node struct {
	Cluster string   `json:"cluster"`
	AgentID string   `json:"agent_id"`
	Servers []string `json:"servers"`

	Credentials string `json:"-"` // paths of files
	CA          string `json:"-"`
}

// Load returns what Join has kept in a data directory, or an error that is fs.ErrNotExist.
func Load(data string) (*Node, error) {
	dir := filepath.Join(data, Dir)
	n := &Node{Credentials: filepath.Join(dir, credsFile), CA: filepath.Join(dir, caFile)}
	if _, err := os.Stat(n.Credentials); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, nodeFile)
	text, err := regularfile.Read(path, maxFile)
	if errors.Is(err, fs.ErrNotExist) {
		err = errors.New("the file is missing: remove the directory, and enrol the node again")
	}
	if err == nil {
		err = json.Unmarshal(text, n)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return n, nil
}

// save keeps the answer to an enrolment, and the credential of it and the key.
func save(data, relay string, a *v1.Enrolled, seed []byte) (*Node, error) {
	dir := filepath.Join(data, Dir)
	n := &Node{Cluster: a.Cluster, AgentID: a.AgentID, Credentials: filepath.Join(dir, credsFile),
		CA: filepath.Join(dir, caFile)}
	for _, s := range a.Servers {
		u, err := url.Parse(s)
		if err != nil {
			return nil, fmt.Errorf("the relay names a NATS server %q: %w", s, err)
		}
		if u.Hostname() == "" { // on the relay's machine
			r, err := url.Parse(relay)
			if err != nil {
				return nil, err
			}
			u.Host = net.JoinHostPort(r.Hostname(), u.Port())
		}
		n.Servers = append(n.Servers, u.String())
	}
	creds, err := jwt.FormatUserConfig(a.JWT, seed)
	if err != nil {
		return nil, fmt.Errorf("the relay's answer: %w", err)
	}
	text, err := json.MarshalIndent(n, "", " ")
	if err != nil {
		return nil, err
	}
	if err := atomicfile.Write(n.CA, []byte(a.CA), 0o644); err != nil {
		return nil, err
	}
	if err := atomicfile.Write(filepath.Join(dir, nodeFile), append(text, '\n'), 0o644); err != nil {
		return nil, err
	}
	if err := atomicfile.Write(n.Credentials, creds, 0o600); err != nil {
		return nil, err
	}
	return n, os.Remove(filepath.Join(dir, seedFile))
}

// credential is a credential file.
type credential struct {
	token  string
	seed   []byte
	claims *jwt.UserClaims
}

// readCredential reads a credential file.
func readCredential(path string) (*credential, error) {
	text, err := regularfile.Read(path, maxFile)
	if err != nil {
		return nil, err
	}
	c := new(credential)
	if c.token, err = nkeys.ParseDecoratedJWT(text); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	key, err := nkeys.ParseDecoratedUserNKey(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.seed, err = key.Seed(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if c.claims, err = jwt.DecodeUserClaims(c.token); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// expires returns the end of a credential's validity, the zero time if there is none.
func (c *credential) expires() time.Time {
	if c.claims.Expires == 0 {
		return time.Time{}
	}
	return time.Unix(c.claims.Expires, 0)
}

func (c *credential) issued() time.Time { return time.Unix(c.claims.IssuedAt, 0) }

// Validity returns from when until when the credential in a file is valid; the end is the zero
// time if it does not expire.
func Validity(path string) (from, until time.Time, err error) {
	c, err := readCredential(path)
	if err != nil {
		return time.Time{}, time.Time{}, err
	}
	return c.issued(), c.expires(), nil
}
