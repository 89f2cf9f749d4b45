package credentials

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/daytwo/daytwo/api/lockfile"
	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nkeys"
)

// Cluster is the directory with the keys of a cluster. It is safe for concurrent use, also by
// several processes.
type Cluster struct {
	dir  string
	name string

	operator, account, system nkeys.KeyPair

	mu sync.Mutex // held while files are changed
}

// Init makes the keys of a cluster in a directory that has none yet.
func Init(dir, cluster string) (*Cluster, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if _, err := os.Stat(filepath.Join(dir, operatorSeed)); err == nil {
		return nil, fmt.Errorf("%s has the keys of a cluster already: new ones would shut out all its nodes; "+
			"give another directory", dir)
	}
	c := &Cluster{dir: dir, name: cluster}
	var err error
	if c.account, err = newSeed(c.path(accountSeed), nkeys.CreateAccount); err != nil {
		return nil, err
	}
	if c.system, err = newSeed(c.path(systemSeed), nkeys.CreateAccount); err != nil {
		return nil, err
	}
	if err := c.makeAuthority(); err != nil {
		return nil, err
	}
	// The operator's seed comes last: where it is, all of it is.
	operator, err := nkeys.CreateOperator()
	if err != nil {
		return nil, err
	}
	c.operator = operator
	if err := c.makeAccounts(); err != nil {
		return nil, err
	}
	seed, err := operator.Seed()
	if err != nil {
		return nil, err
	}
	return c, writeSecret(c.path(operatorSeed), append(seed, '\n'))
}

// Open opens a directory of Init.
func Open(dir string) (*Cluster, error) {
	c := &Cluster{dir: dir}
	var err error
	if c.operator, err = readSeed(dir, operatorSeed); err != nil {
		return nil, err
	}
	if c.account, err = readSeed(dir, accountSeed); err != nil {
		return nil, err
	}
	if c.system, err = readSeed(dir, systemSeed); err != nil {
		return nil, err
	}
	claims, err := c.accountClaims()
	if err != nil {
		return nil, err
	}
	c.name = claims.Name
	return c, nil
}

// Name returns the name of the cluster.
func (c *Cluster) Name() string { return c.name }

// Dir returns the directory.
func (c *Cluster) Dir() string { return c.dir }

// change runs a function that changes files, one at a time in all processes.
func (c *Cluster) change(f func() error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	l, err := lockfile.Wait(c.dir)
	if err != nil {
		return err
	}
	return errors.Join(f(), l.Release())
}

func (c *Cluster) path(name string) string { return filepath.Join(c.dir, name) }

// makeAccounts makes the operator, both accounts, and the user that may change accounts.
func (c *Cluster) makeAccounts() error {
	systemKey, err := c.system.PublicKey()
	if err != nil {
		return err
	}
	system := jwt.NewAccountClaims(systemKey)
	system.Name = "SYS"
	// What nsc gives a system account, so that tools can read the servers' state.
	system.Exports = jwt.Exports{
		{Name: "account-monitoring-services", Subject: "$SYS.REQ.ACCOUNT.*.*", Type: jwt.Service,
			ResponseType: jwt.ResponseTypeStream, AccountTokenPosition: 4},
		{Name: "account-monitoring-streams", Subject: "$SYS.ACCOUNT.*.>", Type: jwt.Stream, AccountTokenPosition: 3},
	}
	if err := c.encode(systemFile, system); err != nil {
		return err
	}
	operatorKey, err := c.operator.PublicKey()
	if err != nil {
		return err
	}
	operator := jwt.NewOperatorClaims(operatorKey)
	operator.Name = "daytwo " + c.name
	operator.SystemAccount = systemKey
	if err := c.encode(operatorFile, operator); err != nil {
		return err
	}
	accountKey, err := c.account.PublicKey()
	if err != nil {
		return err
	}
	account := jwt.NewAccountClaims(accountKey)
	account.Name = c.name
	account.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: jwt.NoLimit, DiskStorage: jwt.NoLimit,
		Streams: jwt.NoLimit, Consumer: jwt.NoLimit}
	if err := c.encode(accountFile, account); err != nil {
		return err
	}
	creds, _, err := newUser("daytwo administration", c.system, nil, time.Time{})
	if err != nil {
		return err
	}
	return writeSecret(c.path(SystemCreds), creds)
}

// encode signs claims as the operator, and keeps them in a file.
func (c *Cluster) encode(name string, claims jwt.Claims) error {
	text, err := claims.Encode(c.operator)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return atomicfile.Write(c.path(name), []byte(text+"\n"), 0o644)
}

// accountClaims reads the claims of the cluster's account.
func (c *Cluster) accountClaims() (*jwt.AccountClaims, error) {
	text, err := atomicfile.Read(c.path(accountFile))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: is %s a directory of 'daytwo cluster init'?", c.path(accountFile), c.dir)
	}
	if err != nil {
		return nil, err
	}
	claims, err := jwt.DecodeAccountClaims(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.path(accountFile), err)
	}
	return claims, nil
}

// Accounts returns the public key and the signed claims of the cluster's account, for the
// servers.
func (c *Cluster) Account() (key, claims string, err error) {
	if key, err = c.account.PublicKey(); err != nil {
		return "", "", err
	}
	claims, err = atomicfile.Read(c.path(accountFile))
	return key, claims, err
}
