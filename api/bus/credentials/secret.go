package credentials

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/daytwo/daytwo/api/atomicfile"
	"github.com/nats-io/nkeys"
)

// Names of the files in a directory.
const (
	operatorSeed = "operator.nk"
	accountSeed  = "account.nk"
	systemSeed   = "system.nk"
	operatorFile = "operator.jwt"
	accountFile  = "account.jwt"
	systemFile   = "system-account.jwt"
	SystemCreds  = "system.creds" // credential that may change accounts on the servers
	CAFile       = "ca.crt"
	caKeyFile    = "ca.key"
	nodesFile    = "nodes.json"
	codesFile    = "codes.json"
)

// ErrNoKeys is the error of a directory without the keys of a cluster.
var ErrNoKeys = errors.New("there are no keys")

// writeSecret writes a file that only its owner can read.
func writeSecret(path string, text []byte) error { return atomicfile.Write(path, text, 0o600) }

// readSecret reads a file with a secret. It refuses one that others can read.
func readSecret(path string) (string, error) {
	st, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if st.Mode().Perm()&0o077 != 0 {
		return "", fmt.Errorf("others than its owner can read %s: chmod 600 %s", path, path)
	}
	return atomicfile.Read(path)
}

// newSeed makes a key, and keeps its seed in a file.
func newSeed(path string, create func() (nkeys.KeyPair, error)) (nkeys.KeyPair, error) {
	k, err := create()
	if err != nil {
		return nil, err
	}
	seed, err := k.Seed()
	if err != nil {
		return nil, err
	}
	return k, writeSecret(path, append(seed, '\n'))
}

// readSeed reads a key of newSeed.
func readSeed(dir, name string) (nkeys.KeyPair, error) {
	path := filepath.Join(dir, name)
	seed, err := readSecret(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("%s is missing: %w: is %s a directory of 'daytwo cluster init'?", path, ErrNoKeys, dir)
	}
	if err != nil {
		return nil, err
	}
	k, err := nkeys.FromSeed([]byte(seed))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return k, nil
}
